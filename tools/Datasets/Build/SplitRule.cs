using System;
using System.Collections.Generic;
using System.Numerics;
using System.Security.Cryptography;
using System.Text;
using FlorenceKernels.Data;

namespace FlorenceKernels.Datasets;

/// <summary>What the split rule knows of an image.</summary>
internal readonly record struct SplitInput(string Source, string Key, bool KnownConcept, bool IsFlag, int Cluster);

/// <summary>Where an image goes (null: dropped) and whether it counts in the score.</summary>
internal readonly record struct SplitOutcome(PairSplit? Split, bool Scored);

/// <summary>
/// Rule R. Nothing random: the held-out vendors are named, the held-out captions are chosen by a hash of the text, and every
/// group of images that are linked by text or by look stays on one side.
/// </summary>
internal static class SplitRule
{
    public const string TestVendor = "fluent";
    public const string ValVendor = "fxemoji";
    public const string Photos = "tuxpaint";
    public const string ClipArt = "openclipart";

    public static SplitOutcome[] Apply(IReadOnlyList<SplitInput> images)
    {
        int[] group = Groups(images);
        var collectionsOnly = new Dictionary<int, bool>();
        var smallest = new Dictionary<int, string>();
        for (int i = 0; i < images.Count; i++)
        {
            collectionsOnly[group[i]] = collectionsOnly.GetValueOrDefault(group[i], true) && IsCollection(images[i].Source);
            if (!smallest.TryGetValue(group[i], out string? text) || string.CompareOrdinal(images[i].Key, text) < 0)
                smallest[group[i]] = images[i].Key;
        }

        var split = new PairSplit?[images.Count];
        for (int i = 0; i < images.Count; i++)
            split[i] = Assign(images[i], collectionsOnly[group[i]] ? Bucket(smallest[group[i]]) : null);
        DropNearHeldOut(images, split);
        return Score(images, split);
    }

    /// <summary>md5 of the UTF-8 text, as one big-endian number, modulo 20.</summary>
    public static int Bucket(string text)
    {
#pragma warning disable CA5351 // not for security: a published split must be recomputed, and it was drawn with md5
        byte[] hash = MD5.HashData(Encoding.UTF8.GetBytes(text));
#pragma warning restore CA5351
        return (int)(new BigInteger(hash, isUnsigned: true, isBigEndian: true) % 20);
    }

    private static bool IsCollection(string source) => source is Photos or ClipArt;

    private static PairSplit Assign(SplitInput image, int? bucket) => image switch
    {
        { Source: TestVendor } => PairSplit.TestVendor,
        { Source: Photos, KnownConcept: true } => PairSplit.TestPhoto,
        { Source: ValVendor } => PairSplit.ValVendor,
        _ => bucket switch { 0 or 1 => PairSplit.TestRetrieval, 2 => PairSplit.ValRetrieval, _ => PairSplit.Train },
    };

    /// <summary>Images linked by key or by cluster, transitively.</summary>
    private static int[] Groups(IReadOnlyList<SplitInput> images)
    {
        var sets = new DisjointSets(images.Count);
        var firstOfKey = new Dictionary<string, int>(StringComparer.Ordinal);
        var firstOfCluster = new Dictionary<int, int>();
        for (int i = 0; i < images.Count; i++)
        {
            if (!firstOfKey.TryAdd(images[i].Key, i)) sets.Union(firstOfKey[images[i].Key], i);
            if (!firstOfCluster.TryAdd(images[i].Cluster, i)) sets.Union(firstOfCluster[images[i].Cluster], i);
        }

        return sets.Names();
    }

    private static void DropNearHeldOut(IReadOnlyList<SplitInput> images, PairSplit?[] split)
    {
        var heldOut = new HashSet<int>();
        for (int i = 0; i < split.Length; i++)
        {
            if (split[i] != PairSplit.Train) heldOut.Add(images[i].Cluster);
        }

        for (int i = 0; i < split.Length; i++)
        {
            if (split[i] == PairSplit.Train && heldOut.Contains(images[i].Cluster)) split[i] = null;
        }
    }

    /// <summary>Flags never count; in the retrieval splits only captions and clusters that occur once there do.</summary>
    private static SplitOutcome[] Score(IReadOnlyList<SplitInput> images, PairSplit?[] split)
    {
        var outcome = new SplitOutcome[split.Length];
        var captions = new Dictionary<(PairSplit, string), int>();
        var clusters = new Dictionary<(PairSplit, int), int>();
        for (int i = 0; i < split.Length; i++)
        {
            if (split[i] is not (PairSplit.TestRetrieval or PairSplit.ValRetrieval)) continue;
            PairSplit s = split[i]!.Value;
            captions[(s, images[i].Key)] = captions.GetValueOrDefault((s, images[i].Key)) + 1;
            clusters[(s, images[i].Cluster)] = clusters.GetValueOrDefault((s, images[i].Cluster)) + 1;
        }

        for (int i = 0; i < split.Length; i++)
        {
            bool scored = split[i] is { } s && s != PairSplit.Train && !images[i].IsFlag;
            if (scored && split[i] is PairSplit.TestRetrieval or PairSplit.ValRetrieval)
                scored &= captions[(split[i]!.Value, images[i].Key)] == 1 && clusters[(split[i]!.Value, images[i].Cluster)] == 1;
            outcome[i] = new SplitOutcome(split[i], scored);
        }

        return outcome;
    }
}
