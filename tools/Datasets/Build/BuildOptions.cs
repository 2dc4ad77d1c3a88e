using System;
using System.Collections.Generic;
using FlorenceKernels.Data;

namespace FlorenceKernels.Datasets;

/// <summary>What to build, and where.</summary>
public sealed record BuildOptions
{
    /// <summary>Folder of the finished data set.</summary>
    public required string Output { get; init; }

    /// <summary>Folder of the fetched packages.</summary>
    public required string Packages { get; init; }

    /// <summary>Whether to use openclipart and tuxpaint where the Debian client can get them.</summary>
    public bool Collections { get; init; } = true;

    /// <summary>Leaves out the sources whose licence is share-alike.</summary>
    public bool Permissive { get; init; }

    /// <summary>Side of the square images, a multiple of 8.</summary>
    public int Side { get; init; } = 64;

    /// <summary>Threads that rasterise.</summary>
    public int Threads { get; init; } = Math.Max(1, Math.Min(Environment.ProcessorCount, 8));

    /// <summary>Time limit of one package.</summary>
    public TimeSpan FetchLimit { get; init; } = TimeSpan.FromMinutes(5);

    public Action<DatasetProgress>? Progress { get; init; }
}

/// <summary>What a finished data set was made of.</summary>
public sealed record BuildReport
{
    /// <summary>Hash of everything the result depends on; a build with the same inputs is not repeated.</summary>
    public required string Inputs { get; init; }
    public required bool Collections { get; init; }
    public required bool Permissive { get; init; }
    public required int Side { get; init; }
    public required IReadOnlyList<PackageRecord> Packages { get; init; }

    /// <summary>Images per split name.</summary>
    public required IReadOnlyDictionary<string, int> Splits { get; init; }

    /// <summary>Images that count in the score per split name.</summary>
    public required IReadOnlyDictionary<string, int> Scored { get; init; }

    /// <summary>Different texts among the scored images per split name: the classes of a zero-shot split.</summary>
    public required IReadOnlyDictionary<string, int> Texts { get; init; }

    /// <summary>Training images per source.</summary>
    public required IReadOnlyDictionary<string, int> TrainSources { get; init; }

    /// <summary>Training images left out because a held-out image looks the same.</summary>
    public required int Dropped { get; init; }

    /// <summary>Images that could not be drawn, with the reason.</summary>
    public required IReadOnlyList<string> Undrawable { get; init; }

    /// <summary>Sources that could not be had, with the reason.</summary>
    public required IReadOnlyList<string> Missing { get; init; }
}

/// <summary>A package as it was used.</summary>
public sealed record PackageRecord(string Name, string Version, string Sha256, long Bytes, string Source, string Licence);
