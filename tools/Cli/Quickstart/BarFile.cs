using System.Collections.Generic;
using System.IO;
using System.Text.Json;
using FlorenceKernels.Checkpoints;
using FlorenceKernels.Datasets;

namespace FlorenceKernels.Cli;

/// <summary>The non-learned bars of a data set, kept so that a run that is gone on with does not compute them again.</summary>
internal static class BarFile
{
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true };

    /// <summary>The bars of this data set from the file, or computed and written there.</summary>
    public static IReadOnlyList<BarScore> ReadOrCompute(string path, OpenedData data)
    {
        if (Read(path) is { } kept && kept.Data == data.Fingerprint) { return kept.Bars; }
        var bars = NearestBar.Score(data.Dataset);
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        AtomicFile.WriteText(path, JsonSerializer.Serialize(new Kept(data.Fingerprint, bars), Json));
        return bars;
    }

    private static Kept? Read(string path)
    {
        try
        {
            return File.Exists(path) ? JsonSerializer.Deserialize<Kept>(File.ReadAllText(path)) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private sealed record Kept(string Data, IReadOnlyList<BarScore> Bars);
}
