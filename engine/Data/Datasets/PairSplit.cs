using System;

namespace FlorenceKernels.Data;

/// <summary>
/// The part of a data set that an image-text pair belongs to. Settings are chosen on the two validation parts only.
/// </summary>
public enum PairSplit
{
    /// <summary>Seen in training.</summary>
    Train,

    /// <summary>Zero-shot validation: an artist that training never sees.</summary>
    ValVendor,

    /// <summary>Retrieval validation: captions and drawings that training never sees.</summary>
    ValRetrieval,

    /// <summary>Zero-shot test: another artist that training never sees; the class names are known from other drawings.</summary>
    TestVendor,

    /// <summary>Zero-shot test: photographs of concepts that training knows as drawings.</summary>
    TestPhoto,

    /// <summary>Retrieval test: captions and drawings that training never sees.</summary>
    TestRetrieval,
}

/// <summary>The names of the splits as they stand in the manifest.</summary>
public static class PairSplitNames
{
    private static readonly string[] Names =
        ["train", "val-vendor", "val-retrieval", "test-vendor", "test-photo", "test-retrieval"];

    /// <summary>The name of <paramref name="split"/> in the manifest, such as <c>test-vendor</c>.</summary>
    public static string Name(this PairSplit split) => Names[(int)split];

    /// <summary>Finds the split called <paramref name="name"/>; false when there is none.</summary>
    public static bool TryParse(string? name, out PairSplit split)
    {
        int at = Array.IndexOf(Names, name);
        split = at < 0 ? PairSplit.Train : (PairSplit)at;
        return at >= 0;
    }
}
