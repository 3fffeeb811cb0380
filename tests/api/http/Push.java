import java.io.ByteArrayInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** What a vendor writes first: the stock client as it comes, which offers HTTP/2 with every request over plain http. */
public class Push {
    static final HttpClient CLIENT = HttpClient.newHttpClient();
    static String service;
    static String key;

    public static void main(String[] arguments) throws Exception {
        service = arguments[0];
        key = arguments[1];
        for (boolean whole : List.of(true, false)) {
            String mark = whole ? "whole" : "pieces";
            String procedure = "[{\"code\":\"1.000009\",\"name\":\"" + mark + "\",\"levels\":[\"department\"]}]";
            send("PUT", "/v1/procedures", "application/json", body(procedure, whole));
            send("POST", "/v1/events", "application/cloudevents+json", body(event(mark + 1), whole));
            String batch = "[" + event(mark + 2) + "," + event(mark + 3) + "]";
            send("POST", "/v1/events", "application/cloudevents-batch+json", body(batch, whole));
            StringBuilder lines = new StringBuilder();
            for (int n = 0; n < 1000; n++) lines.append(event(mark + "-" + n)).append('\n');
            send("POST", "/v1/events", "application/x-ndjson", body(lines.toString(), whole));
            send("POST", "/v1/events", "application/json", body(data(), whole),
                "ce-specversion", "1.0", "ce-id", mark + 4, "ce-source", "/java", "ce-type", "dossier.received",
                "ce-subject", subject(mark + 4), "ce-time", "2026-01-05T08:12:00+07:00", "ce-unit", "H44.07");
        }
    }

    static BodyPublisher body(String text, boolean whole) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        // Of a stream the length is not known: it is sent in chunks.
        return whole ? BodyPublishers.ofByteArray(bytes)
            : BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(bytes));
    }

    static String subject(String id) {
        return "H44.07-260105-" + id;
    }

    static String data() {
        return "{\"procedure\":\"1.004555\",\"channel\":\"online\",\"due_at\":\"2026-01-12T17:00:00+07:00\"}";
    }

    static String event(String id) {
        return "{\"specversion\":\"1.0\",\"id\":\"" + id + "\",\"source\":\"/java\",\"type\":\"dossier.received\","
            + "\"subject\":\"" + subject(id) + "\",\"time\":\"2026-01-05T08:12:00+07:00\",\"unit\":\"H44.07\","
            + "\"data\":" + data() + "}";
    }

    static void send(String method, String path, String type, BodyPublisher body, String... more) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(service + path)).method(method, body)
            .header("Authorization", "Bearer " + key).header("Content-Type", type);
        if (more.length > 0) request.headers(more);
        var answer = CLIENT.send(request.build(), BodyHandlers.ofString());
        System.out.println(answer.version() + " " + answer.statusCode() + " " + answer.body());
    }
}
