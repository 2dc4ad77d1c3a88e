using System;

namespace FlorenceKernels.Data;

/// <summary>How a training set gives its pairs their UniCL labels.</summary>
public enum PairLabelMode
{
    /// <summary>Florence: pairs with identical texts share a label (<see cref="TextLabels"/>).</summary>
    Hash,

    /// <summary>UniCL: a caption is label 0 ("unique"), a classification sample its class plus the offset of its
    /// source.</summary>
    ClassOrUnique,
}

/// <summary>Labels of mode <see cref="PairLabelMode.ClassOrUnique"/>.</summary>
public static class PairLabels
{
    /// <summary>Label of a caption that belongs to no class.</summary>
    public const long Unique = 0;

    /// <summary>First label of every source: 1, then on by each source's number of classes. Class c of source s is offset[s] +
    /// c.</summary>
    public static long[] ClassOffsets(ReadOnlySpan<int> classCounts)
    {
        var offsets = new long[classCounts.Length];
        var next = Unique + 1;
        for (var s = 0; s < classCounts.Length; s++)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(classCounts[s], nameof(classCounts));
            offsets[s] = next;
            next = checked(next + classCounts[s]);
        }
        return offsets;
    }

    /// <summary>Gives every label 0 of a batch a label of its own: max + 1, max + 2, … in order. An empty batch stays
    /// empty.</summary>
    public static void ReplaceUnique(Span<long> labels)
    {
        var next = Unique;
        foreach (var label in labels) next = Math.Max(next, label);
        foreach (ref var label in labels)
            if (label == Unique) label = checked(++next);
    }
}
