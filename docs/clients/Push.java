// Sends a file of events, one a line, to chiso766, and keeps what was rejected. Java 11 or newer, nothing to install:
//
//   CHISO_URL=https://chiso.example.vn CHISO_KEY=... java Push.java events.ndjson
//
// Ends with 0: all were taken. 1: some were rejected; each stands in events.ndjson.rejected with its code and detail.
// 2: not all could be sent. Run it again: what was taken is then a duplicate, which is success.

import java.io.IOException;
import java.io.PrintWriter;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Collectors;

public class Push {
    static final int BATCH = 500, TRIES = 10;
    static final Duration TIMEOUT = Duration.ofSeconds(60);
    static final Set<Integer> AGAIN = Set.of(408, 429, 500, 502, 503, 504);
    static final HttpClient HTTP = HttpClient.newBuilder().connectTimeout(TIMEOUT).build();

    /** Sending more is of no use now. */
    static class Stop extends Exception {
        Stop(String why) {
            super(why);
        }
    }

    /** The batch is to be split. */
    static class TooMuch extends Exception {
        TooMuch(String why) {
            super(why);
        }
    }

    /** What is done with the outcomes of a batch. */
    interface Done {
        void with(List<String> sent, Map<String, Object> told);
    }

    public static void main(String[] arguments) throws Exception {
        List<String> lines;
        try {
            lines = linesOf(arguments);
        } catch (Stop stop) {
            System.err.println("stopped: " + stop.getMessage());
            System.exit(2);
            return;
        }
        String file = arguments[0];
        String[] names = {"accepted", "duplicates", "rejected"};
        int[] counts = new int[names.length];
        int ends = 2;
        try (PrintWriter kept = new PrintWriter(file + ".rejected", StandardCharsets.UTF_8)) {
            Done done = (sent, told) -> {
                for (int at = 0; at < names.length; at++) {
                    counts[at] += number(told, names[at]);
                }
                for (Map<String, Object> error : rows(told, "errors")) { // the batch was 200, and these were NOT taken
                    kept.print("{\"code\":" + quoted(error.get("code")) + ",\"field\":" + quoted(error.get("field"))
                        + ",\"detail\":" + quoted(error.get("detail"))
                        + ",\"event\":" + quoted(sent.get(number(error, "index"))) + "}\n");
                }
                for (Map<String, Object> warning : rows(told, "warnings")) {
                    System.err.println("warning: " + sent.get(number(warning, "index")) + " " + warning.get("detail"));
                }
            };
            for (int start = 0; start < lines.size(); start += BATCH) {
                sendAll(lines.subList(start, Math.min(start + BATCH, lines.size())), done);
            }
            ends = counts[2] > 0 ? 1 : 0;
        } catch (Stop stop) {
            System.err.println("stopped: " + stop.getMessage());
        }
        System.out.println("accepted " + counts[0] + ", duplicates " + counts[1] + ", rejected " + counts[2]);
        System.exit(ends);
    }

    /** The lines of the file that is to be sent. */
    static List<String> linesOf(String[] arguments) throws Stop {
        if (arguments.length != 1) {
            throw new Stop("name one file: Push.java events.ndjson");
        }
        for (String name : List.of("CHISO_URL", "CHISO_KEY")) {
            if (System.getenv(name) == null || System.getenv(name).isBlank()) {
                throw new Stop("set " + name);
            }
        }
        if (!System.getenv("CHISO_URL").strip().matches("https?://[^/].*")) {
            throw new Stop("CHISO_URL begins with http:// or https://");
        }
        try {
            return Files.readString(Path.of(arguments[0])).replace("\uFEFF", "").lines()
                .map(String::strip).filter(line -> !line.isEmpty()).collect(Collectors.toList());
        } catch (CharacterCodingException error) {
            throw new Stop(arguments[0] + " is not UTF-8: save it as UTF-8");
        } catch (IOException error) {
            throw new Stop(arguments[0] + " cannot be read: " + error);
        }
    }

    /** Sends a batch; in halves where it is too much at once, down to a single event. */
    static void sendAll(List<String> lines, Done done) throws Stop, InterruptedException {
        Map<String, Object> told;
        try {
            told = send(lines);
        } catch (TooMuch problem) {
            if (lines.size() > 1) {
                int half = lines.size() / 2;
                sendAll(lines.subList(0, half), done);
                sendAll(lines.subList(half, lines.size()), done);
                return;
            }
            Map<String, Object> error = Map.of("index", 0, "code", "too_large", "detail", problem.getMessage());
            told = Map.of("accepted", 0, "duplicates", 0, "rejected", 1, "errors", List.of(error));
        }
        done.with(lines, told);
    }

    /** Sends a batch until it is answered: what became of each of its events. The ids stay the same every time. */
    static Map<String, Object> send(List<String> lines) throws Stop, TooMuch, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder()
            .uri(URI.create(System.getenv("CHISO_URL").strip().replaceAll("/+$", "") + "/v1/events"))
            .version(HttpClient.Version.HTTP_1_1).timeout(TIMEOUT)
            .header("Authorization", "Bearer " + System.getenv("CHISO_KEY"))
            .header("Content-Type", "application/x-ndjson")
            .POST(HttpRequest.BodyPublishers.ofString(String.join("\n", lines))).build();
        String trouble = "";
        for (int tries = 0; tries < TRIES; tries++) {
            String retryAfter = "";
            try {
                HttpResponse<String> answer = HTTP.send(request, HttpResponse.BodyHandlers.ofString());
                Map<String, Object> told = new Json(answer.body()).object();
                if (answer.statusCode() == 200) {
                    int sum = number(told, "accepted") + number(told, "duplicates") + number(told, "rejected");
                    if (sum == lines.size()) {
                        return told;
                    }
                    throw new Stop(lines.size() + " events were sent, and the answer tells of others: " + told);
                }
                trouble = answer.statusCode() + " " + told.get("code") + ": " + told.get("detail");
                if (answer.statusCode() == 413) {
                    throw new TooMuch(trouble);
                }
                if (!AGAIN.contains(answer.statusCode()) && !"incomplete_body".equals(told.get("code"))) {
                    throw new Stop(trouble);
                }
                retryAfter = answer.headers().firstValue("Retry-After").orElse("");
            } catch (IOException | IllegalArgumentException error) {
                trouble = "no answer: " + error;
            }
            long wait = waitFor(tries, retryAfter);
            System.err.println(trouble + "; again in " + wait + " ms");
            Thread.sleep(wait);
        }
        throw new Stop("given up after " + TRIES + " tries: " + trouble);
    }

    /** Milliseconds to wait: what the service says, else 1, 2, 4 … 60 s, each a little different for every sender. */
    static long waitFor(int tries, String retryAfter) {
        if (retryAfter.matches("[0-9]{1,6}")) {
            return Long.parseLong(retryAfter) * 1000;
        }
        return (long) (Math.min(60_000, 1000 << tries) * ThreadLocalRandom.current().nextDouble(0.5, 1));
    }

    static int number(Map<String, Object> told, String name) {
        return ((Number) told.get(name)).intValue();
    }

    @SuppressWarnings("unchecked")
    static List<Map<String, Object>> rows(Map<String, Object> told, String name) {
        return (List<Map<String, Object>>) told.getOrDefault(name, List.of());
    }

    static String quoted(Object value) {
        if (value == null) {
            return "null";
        }
        StringBuilder text = new StringBuilder("\"");
        for (char each : value.toString().toCharArray()) {
            text.append(each == '"' || each == '\\' || each < ' ' ? String.format("\\u%04x", (int) each) : each);
        }
        return text.append('"').toString();
    }

    /** Reads JSON; Java brings nothing that does. A program with a JSON library needs none of this. */
    static class Json {
        private final String text;
        private int at;

        Json(String text) {
            this.text = text;
        }

        /** The text as an object; IllegalArgumentException where it is none. */
        @SuppressWarnings("unchecked")
        Map<String, Object> object() {
            Object value = value();
            if (peek() != 0 || !(value instanceof Map)) {
                throw new IllegalArgumentException("no JSON object: " + text);
            }
            return (Map<String, Object>) value;
        }

        private char peek() {
            while (at < text.length() && text.charAt(at) <= ' ') {
                at++;
            }
            return at < text.length() ? text.charAt(at) : 0;
        }

        private boolean took(char sign) {
            boolean is = peek() == sign;
            at += is ? 1 : 0;
            return is;
        }

        private void need(char sign) {
            if (!took(sign)) {
                throw new IllegalArgumentException("no JSON at " + at + ": " + text);
            }
        }

        private Object value() {
            if (took('{')) {
                Map<String, Object> members = new HashMap<>();
                for (boolean more = !took('}'); more; more = !took('}')) {
                    if (!members.isEmpty()) {
                        need(',');
                    }
                    need('"');
                    String name = string();
                    need(':');
                    members.put(name, value());
                }
                return members;
            }
            if (took('[')) {
                List<Object> items = new ArrayList<>();
                for (boolean more = !took(']'); more; more = !took(']')) {
                    if (!items.isEmpty()) {
                        need(',');
                    }
                    items.add(value());
                }
                return items;
            }
            if (took('"')) {
                return string();
            }
            peek();
            int start = at;
            while (at < text.length() && ",]} \t\r\n".indexOf(text.charAt(at)) < 0) {
                at++;
            }
            String word = text.substring(start, at);
            return word.equals("null") ? null
                : word.equals("true") || word.equals("false") ? (Object) Boolean.valueOf(word) : Double.valueOf(word);
        }

        private String string() {
            StringBuilder found = new StringBuilder();
            while (at < text.length() && text.charAt(at) != '"') {
                char each = text.charAt(at++);
                if (each == '\\' && at < text.length()) {
                    each = text.charAt(at++);
                    int plain = "bfnrt".indexOf(each);
                    if (plain >= 0) {
                        each = "\b\f\n\r\t".charAt(plain);
                    } else if (each == 'u' && at + 4 <= text.length()) {
                        each = (char) Integer.parseInt(text.substring(at, at + 4), 16);
                        at += 4;
                    }
                }
                found.append(each);
            }
            need('"');
            return found.toString();
        }
    }
}
