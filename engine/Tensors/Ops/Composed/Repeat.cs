using System;
using System.Collections.Generic;

namespace FlorenceKernels.Tensors;

public static partial class F
{
    /// <summary>The tensor tiled <paramref name="repeats"/> times along each axis; more repeats than axes add leading ones (torch's repeat).
    /// One copy of an expanded view.</summary>
    /// <exception cref="FlorenceKernels.Runtime.ShapeException">There are fewer repeats than axes, or one is negative.</exception>
    public static Tensor Repeat(Tensor x, params ReadOnlySpan<int> repeats)
    {
        var lead = repeats.Length - x.Rank;
        Check.That(lead >= 0, $"repeat: {repeats.Length} repeats for {x.Shape}; give at least one per axis");
        List<int> split = [], wide = [], sizes = [];
        for (var i = 0; i < repeats.Length; i++)
        {
            var size = i < lead ? 1 : x.Shape[i - lead];
            Check.That(repeats[i] >= 0, $"repeat: {repeats[i]} repeats of axis {i - lead} of {x.Shape}");
            split.AddRange([1, size]);
            wide.AddRange([repeats[i], size]);
            sizes.Add(checked(repeats[i] * size));
        }

        return x.Reshape([.. split]).Expand([.. wide]).Reshape([.. sizes]);
    }
}
