using System;
using System.Collections.Generic;
using System.IO;
using System.Text;
using System.Text.Json;
using FlorenceKernels.Checkpoints;

namespace FlorenceKernels.Training;

/// <summary>Takes a metrics file back to a step, when a run goes on from a checkpoint older than its last line.</summary>
internal static class MetricsLines
{
    /// <summary>Drops the lines after <paramref name="step"/> and a line that a killed process left unfinished.</summary>
    public static void KeepUpTo(string path, long step) => Keep(path, line => JsonStep(line) <= step);

    /// <summary>Rewrites a file as those of its finished lines that <paramref name="keeps"/> accepts.</summary>
    public static void Keep(string path, Func<string, bool> keeps)
    {
        AtomicFile.ClearUp(path);
        if (!File.Exists(path)) return;
        bool isWhole = true;
        var kept = new StringBuilder();
        foreach ((string line, bool isFinished) in Lines(path))
        {
            bool isKept = isFinished && keeps(line);
            if (isKept) kept.Append(line).Append('\n');
            isWhole &= isKept;
        }
        if (!isWhole) AtomicFile.WriteText(path, kept.ToString());
    }

    /// <summary>Lines without their ends; all but perhaps the last are finished.</summary>
    public static IEnumerable<(string Line, bool IsFinished)> Lines(string path)
    {
        string text = File.ReadAllText(path);
        for (int start = 0; start < text.Length;)
        {
            int end = text.IndexOf('\n', start);
            yield return end < 0 ? (text[start..], false) : (text[start..end], true);
            start = end < 0 ? text.Length : end + 1;
        }
    }

    // Null compares false with every step, so what is no line of ours is dropped.
    private static long? JsonStep(string line)
    {
        try
        {
            using JsonDocument json = JsonDocument.Parse(line);
            bool hasStep = json.RootElement.TryGetProperty("step", out JsonElement step);
            return hasStep && step.TryGetInt64(out long value) ? value : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }
    }
}
