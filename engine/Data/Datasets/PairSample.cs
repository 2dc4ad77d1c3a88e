using System;
using System.Collections.Generic;

namespace FlorenceKernels.Data;

/// <summary>One image-text pair of a <see cref="PairDataset"/>: everything about it but its pixels.</summary>
public sealed record PairSample
{
    /// <summary>Position in the data set, and of its pixels in the image file.</summary>
    public int Index { get; init; }

    /// <summary>A name for people and logs, unique in the data set: <c>source/name</c>.</summary>
    public required string Id { get; init; }

    /// <summary>Who drew it: the vendor or collection.</summary>
    public required string Source { get; init; }

    /// <summary>Which part of the data set it belongs to.</summary>
    public required PairSplit Split { get; init; }

    /// <summary>The normalised text; two samples are UniCL positives exactly when their keys are equal.</summary>
    public required string Key { get; init; }

    /// <summary>Dense id of <see cref="Key"/>: its rank among the distinct keys of the whole data set in ordinal order.</summary>
    public int Label { get; init; }

    /// <summary>The short text as the source gives it; two words or fewer are put into a template at training time.</summary>
    public required string Text { get; init; }

    /// <summary>A longer text (a sentence, or the short text with its tags), or null when the source has none.</summary>
    public string? Rich { get; init; }

    /// <summary>Words that go with the image.</summary>
    public IReadOnlyList<string> Tags { get; init; } = Array.Empty<string>();

    /// <summary>Top level of the source's hierarchy, such as <c>animals-nature</c>.</summary>
    public string Group { get; init; } = "";

    /// <summary>Lower level of the source's hierarchy, such as <c>animal-mammal</c>.</summary>
    public string Subgroup { get; init; } = "";

    /// <summary>Licence of the image.</summary>
    public required string Licence { get; init; }

    /// <summary>Whether it counts in the score of its split: flags, and captions or drawings that occur twice, do not.</summary>
    public bool Scored { get; init; }

    /// <summary>Id of the cluster of nearly equal images it lies in.</summary>
    public int Cluster { get; init; }

    /// <summary>CRC-32C of the pixels.</summary>
    public uint Checksum { get; init; }
}
