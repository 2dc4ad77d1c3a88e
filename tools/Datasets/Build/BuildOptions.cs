using System;

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
