// Sends a file of events, one a line, to chiso766, and keeps what was rejected. .NET (Framework 4.6.1, Mono, Core and
// newer), nothing to install. As Program.cs of a console project; or with Mono:
//
//   mcs -r:System.Net.Http -r:System.Runtime.Serialization Push.cs
//   CHISO_URL=https://chiso.example.vn CHISO_KEY=... mono Push.exe events.ndjson
//
// Ends with 0: all were taken. 1: some were rejected; each stands in events.ndjson.rejected with its code and detail.
// 2: not all could be sent. Run it again: what was taken is then a duplicate, which is success.

using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net.Http;
using System.Runtime.Serialization;
using System.Runtime.Serialization.Json;
using System.Text;
using System.Threading.Tasks;

/// <summary>What is told of one event; in the file of the rejected with the event as it was sent.</summary>
[DataContract]
public class Told
{
    [DataMember(EmitDefaultValue = false)] public int? index;
    [DataMember(Order = 1)] public string code;
    [DataMember(Order = 2)] public string field;
    [DataMember(Order = 3)] public string detail;
    [DataMember(Order = 4, Name = "event", EmitDefaultValue = false)] public string sent;
}

/// <summary>The answer: of 200 the outcomes, else `code` and `detail` of a problem.</summary>
[DataContract]
public class Answer
{
    [DataMember] public int accepted;
    [DataMember] public int duplicates;
    [DataMember] public int rejected;
    [DataMember] public List<Told> errors;
    [DataMember] public List<Told> warnings;
    [DataMember] public string code;
    [DataMember] public string detail;
}

/// <summary>Sending more is of no use now.</summary>
public class Stop : Exception { public Stop(string why) : base(why) { } }

/// <summary>The batch is to be split.</summary>
public class TooMuch : Exception { public TooMuch(string why) : base(why) { } }

public static class Push
{
    const int Batch = 500, Tries = 10;
    static readonly int[] Again = { 408, 429, 500, 502, 503, 504 };
    static readonly Random Chance = new Random();
    static readonly HttpClient Http = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false });

    public static int Main(string[] arguments)
    {
        Http.Timeout = TimeSpan.FromSeconds(60);
        Http.DefaultRequestHeaders.ExpectContinue = false;
        Http.DefaultRequestHeaders.TryAddWithoutValidation(
            "Authorization", "Bearer " + Environment.GetEnvironmentVariable("CHISO_KEY"));
        List<string> lines;
        try
        {
            lines = LinesOf(arguments);
        }
        catch (Stop stop)
        {
            Console.Error.WriteLine("stopped: " + stop.Message);
            return 2;
        }
        return SendFile(arguments[0], lines).GetAwaiter().GetResult();
    }

    /// <summary>The lines of the file that is to be sent.</summary>
    static List<string> LinesOf(string[] arguments)
    {
        if (arguments.Length != 1) throw new Stop("name one file: Push.exe events.ndjson");
        foreach (var name in new[] { "CHISO_URL", "CHISO_KEY" })
            if (string.IsNullOrWhiteSpace(Environment.GetEnvironmentVariable(name))) throw new Stop("set " + name);
        var url = Environment.GetEnvironmentVariable("CHISO_URL").Trim();
        if (!url.StartsWith("http://") && !url.StartsWith("https://"))
            throw new Stop("CHISO_URL begins with http:// or https://");
        try
        {
            return new UTF8Encoding(false, true).GetString(File.ReadAllBytes(arguments[0])).TrimStart('\uFEFF')
                .Split('\n').Select(line => line.Trim()).Where(line => line != "").ToList();
        }
        catch (ArgumentException)
        {
            throw new Stop(arguments[0] + " is not UTF-8: save it as UTF-8");
        }
        catch (Exception error) when (error is IOException || error is UnauthorizedAccessException)
        {
            throw new Stop(arguments[0] + " cannot be read: " + error.Message);
        }
    }

    static async Task<int> SendFile(string file, List<string> lines)
    {
        var sum = new Answer();
        using (var kept = new StreamWriter(file + ".rejected", false, new UTF8Encoding(false)) { NewLine = "\n" })
        {
            Func<List<string>, Answer, Task> done = async (sent, told) =>
            {
                sum.accepted += told.accepted;
                sum.duplicates += told.duplicates;
                sum.rejected += told.rejected;
                foreach (var error in told.errors) // the batch was 200, and these were NOT taken
                {
                    error.sent = sent[error.index.Value];
                    error.index = null;
                    await kept.WriteLineAsync(Written(error));
                }
                foreach (var warning in told.warnings ?? new List<Told>())
                    Console.Error.WriteLine("warning: " + sent[warning.index.Value] + " " + warning.detail);
            };
            try
            {
                for (var start = 0; start < lines.Count; start += Batch)
                    await SendAll(lines.GetRange(start, Math.Min(Batch, lines.Count - start)), done);
                return sum.rejected > 0 ? 1 : 0;
            }
            catch (Stop stop)
            {
                Console.Error.WriteLine("stopped: " + stop.Message);
                return 2;
            }
            finally
            {
                Console.WriteLine(
                    "accepted " + sum.accepted + ", duplicates " + sum.duplicates + ", rejected " + sum.rejected);
            }
        }
    }

    /// <summary>Sends a batch; in halves where it is too much at once, down to a single event.</summary>
    static async Task SendAll(List<string> lines, Func<List<string>, Answer, Task> done)
    {
        Answer told = null;
        try
        {
            told = await SendBatch(lines);
        }
        catch (TooMuch problem)
        {
            if (lines.Count == 1)
            {
                var error = new Told { index = 0, code = "too_large", detail = problem.Message };
                told = new Answer { rejected = 1, errors = new List<Told> { error } };
            }
        }
        if (told != null)
        {
            await done(lines, told);
            return;
        }
        var half = lines.Count / 2;
        await SendAll(lines.GetRange(0, half), done);
        await SendAll(lines.GetRange(half, lines.Count - half), done);
    }

    /// <summary>Sends a batch until it is answered. The ids stay the same every time.</summary>
    static async Task<Answer> SendBatch(List<string> lines)
    {
        var trouble = "";
        for (var tries = 0; tries < Tries; tries++)
        {
            string retryAfter = null;
            try
            {
                var content = new StringContent(string.Join("\n", lines), Encoding.UTF8, "application/x-ndjson");
                var url = Environment.GetEnvironmentVariable("CHISO_URL").Trim().TrimEnd('/') + "/v1/events";
                using (var response = await Http.PostAsync(url, content))
                {
                    var status = (int)response.StatusCode;
                    var told = Read(await response.Content.ReadAsByteArrayAsync());
                    if (status == 200)
                    {
                        if (told.accepted + told.duplicates + told.rejected == lines.Count) return told;
                        throw new Stop(lines.Count + " events were sent, and the answer tells of others");
                    }
                    trouble = status + " " + told.code + ": " + told.detail;
                    if (status == 413) throw new TooMuch(trouble);
                    if (!Again.Contains(status) && told.code != "incomplete_body") throw new Stop(trouble);
                    IEnumerable<string> values;
                    if (response.Headers.TryGetValues("Retry-After", out values)) retryAfter = values.First();
                }
            }
            catch (Exception error) when (error is HttpRequestException || error is TaskCanceledException
                || error is IOException || error is SerializationException)
            {
                trouble = "no answer: " + error.GetBaseException().Message;
            }
            var wait = WaitFor(tries, retryAfter);
            Console.Error.WriteLine(trouble + "; again in " + wait.TotalSeconds.ToString("0.0") + " s");
            await Task.Delay(wait);
        }
        throw new Stop("given up after " + Tries + " tries: " + trouble);
    }

    /// <summary>How long to wait: what the service says, else 1, 2, 4 … 60 s, a little different for every sender.</summary>
    static TimeSpan WaitFor(int tries, string retryAfter)
    {
        int seconds;
        if (int.TryParse(retryAfter, out seconds) && seconds >= 0) return TimeSpan.FromSeconds(seconds);
        return TimeSpan.FromSeconds(Math.Min(60, Math.Pow(2, tries)) * (0.5 + Chance.NextDouble() / 2));
    }

    static Answer Read(byte[] text)
    {
        return (Answer)new DataContractJsonSerializer(typeof(Answer)).ReadObject(new MemoryStream(text));
    }

    static string Written(Told told)
    {
        var text = new MemoryStream();
        new DataContractJsonSerializer(typeof(Told)).WriteObject(text, told);
        return Encoding.UTF8.GetString(text.ToArray());
    }
}
