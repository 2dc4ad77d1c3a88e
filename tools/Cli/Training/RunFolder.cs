using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using FlorenceKernels.Checkpoints;

namespace FlorenceKernels.Cli;

/// <summary>One logged step.</summary>
internal readonly record struct LoggedStep(long Step, double Loss, double LearningRate, double PairsPerSecond);

/// <summary>The files of a run that the command line reads or completes.</summary>
internal static class RunFolder
{
    public static readonly JsonSerializerOptions Indented =
        new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>A JSON file's object; empty when it is missing or damaged.</summary>
    public static JsonObject ReadObject(string path)
    {
        try
        {
            return File.Exists(path) ? JsonNode.Parse(File.ReadAllText(path)) as JsonObject ?? [] : [];
        }
        catch (JsonException)
        {
            return [];
        }
    }

    /// <summary>args.json of a run.</summary>
    public static JsonObject? ReadArguments(string run) => File.Exists(Path.Combine(run, "args.json"))
        ? ReadObject(Path.Combine(run, "args.json")) : null;

    /// <summary>Adds to args.json what the training library does not know: verb, data, folder and device, so that the file is a
    /// --config.</summary>
    public static void CompleteArguments(string run, VerbCall call, string verb, string dataFingerprint)
    {
        var arguments = ReadObject(Path.Combine(run, "args.json"));
        foreach (var key in new[] { "device", "data", "out" }) { arguments[key] = call.Settings.Root[key]?.DeepClone(); }
        arguments["recorded"] = new JsonObject { ["verb"] = verb, ["data"] = dataFingerprint };
        AtomicFile.WriteText(Path.Combine(run, "args.json"), arguments.ToJsonString(Indented) + "\n");
    }

    /// <summary>The logged training steps; lines that were cut are left out.</summary>
    public static IReadOnlyList<LoggedStep> Steps(string run)
    {
        var path = Path.Combine(run, "metrics.jsonl");
        return File.Exists(path) ? [.. File.ReadLines(path).Select(Parse).OfType<LoggedStep>()] : [];
    }

    private static LoggedStep? Parse(string line)
    {
        try
        {
            var row = JsonNode.Parse(line);
            double Value(string key) => row?[key] is JsonValue v && v.TryGetValue<double>(out var number) ? number : double.NaN;
            return row?["train/loss"] is null ? null
                : new LoggedStep(row["step"]!.GetValue<long>(), Value("train/loss"), Value("train/lr"),
                    Value("train/pairs_per_second"));
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
