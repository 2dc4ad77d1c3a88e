using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using FlorenceKernels.Data;

namespace FlorenceKernels.Datasets;

/// <summary>A package as it was used.</summary>
public sealed record PackageRecord(string Name, string Version, string Sha256, long Bytes, string Source, string Licence);

/// <summary>What a finished data set was made of; it stands beside the images as <c>build.json</c>.</summary>
public sealed record BuildReport
{
    public const string FileName = "build.json";

    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true };

    /// <summary>Hash of everything the result depends on; a build with the same inputs is not repeated.</summary>
    public required string Inputs { get; init; }
    public required int Side { get; init; }

    /// <summary>Images per split name.</summary>
    public required IReadOnlyDictionary<string, int> Splits { get; init; }

    /// <summary>Images that count in the score per split name.</summary>
    public required IReadOnlyDictionary<string, int> Scored { get; init; }

    /// <summary>Different texts among the training or scored images per split name: the classes of a zero-shot split.</summary>
    public required IReadOnlyDictionary<string, int> Texts { get; init; }

    /// <summary>Training images per source.</summary>
    public required IReadOnlyDictionary<string, int> TrainSources { get; init; }

    public bool Collections { get; init; }
    public bool Permissive { get; init; }
    public IReadOnlyList<PackageRecord> Packages { get; init; } = [];

    /// <summary>Training images left out because a held-out image looks the same.</summary>
    public int Dropped { get; init; }

    /// <summary>Images that could not be drawn, with the reason.</summary>
    public IReadOnlyList<string> Undrawable { get; init; } = [];

    /// <summary>Sources that could not be had, with the reason.</summary>
    public IReadOnlyList<string> Missing { get; init; } = [];

    /// <summary>
    /// The report of the data set in <paramref name="directory"/>; null when there is none that this program can read.
    /// </summary>
    public static BuildReport? Read(string directory)
    {
        string path = Path.Combine(directory, FileName);
        if (!File.Exists(path)) return null;
        try
        {
            return JsonSerializer.Deserialize<BuildReport>(File.ReadAllText(path), Json);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    internal string ToJson() => JsonSerializer.Serialize(this, Json);

    internal static BuildReport Counting(string inputs, int side, IReadOnlyCollection<PairSample> samples) => new()
    {
        Inputs = inputs,
        Side = side,
        Splits = Count(samples, s => s.Split.Name()),
        Scored = Count(samples.Where(s => s.Scored), s => s.Split.Name()),
        Texts = Count(samples.Where(s => s.Scored || s.Split == PairSplit.Train).DistinctBy(s => (s.Split, s.Key)), s =>
            s.Split.Name()),
        TrainSources = Count(samples.Where(s => s.Split == PairSplit.Train), s => s.Source),
    };

    private static SortedDictionary<string, int> Count(IEnumerable<PairSample> samples, Func<PairSample, string> name)
    {
        var counts = new SortedDictionary<string, int>(StringComparer.Ordinal);
        foreach (PairSample sample in samples) counts[name(sample)] = counts.GetValueOrDefault(name(sample)) + 1;
        return counts;
    }
}
