using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.OpCases;

/// <summary>Sums and means over any axes.</summary>
public sealed class SumCases : IOpCases
{
    /// <inheritdoc/>
    public IEnumerable<OpCase> Cases =>
    [
        Row("all", [3, 5, 7], [], false), Row("last", [3, 5, 33], [-1], false), Row("middle", [3, 5, 7], [1], true), Row("first", [4, 257], [0], false),
        Row("apart", [3, 5, 7], [0, 2], false), Row("empty axis", [3, 0, 2], [1], false), Row("long", [8192, 3], [0], false), Row("long row", [2, 8192], [1], false),
        new("Mean", "last two", x => F.Mean(x[0], [1, 2]), x => Sum(x[0], [1, 2], false).Map(v => v / 35), new In([3, 5, 7])),
        new("Mean", "all", x => F.Mean(x[0]), x => Sum(x[0], [0, 1], false).Map(v => v / 15), new In([3, 5])),
    ];

    /// <inheritdoc/>
    public IEnumerable<ErrorCase> Errors =>
    [
        new("Sum", "axis", d => F.Sum(Tensor.Ones([2, 3], DType.F32, d), [2]), "axis 2 does not exist"),
        new("Sum", "twice", d => F.Sum(Tensor.Ones([2, 3], DType.F32, d), [1, -1]), "named twice"),
    ];

    internal static Nd Sum(Nd x, int[] axes, bool keepDim)
    {
        var kept = new int[x.Shape.Length];
        for (var i = 0; i < kept.Length; i++) { kept[i] = axes.Contains(i) ? 1 : x.Shape[i]; }
        var y = new Nd(kept);
        foreach (var index in Nd.Indices(x.Shape)) { y[[.. index.Select((v, i) => axes.Contains(i) ? 0 : v)]] += x[index]; }
        return keepDim ? y : new Nd(y.Data, [.. kept.Where((_, i) => !axes.Contains(i))]);
    }

    private static OpCase Row(string label, int[] shape, int[] axes, bool keepDim)
    {
        int[] all = axes.Length == 0 ? [.. Enumerable.Range(0, shape.Length)] : [.. axes.Select(a => a < 0 ? a + shape.Length : a)];
        return new("Sum", label, x => F.Sum(x[0], axes, keepDim), x => Sum(x[0], all, keepDim), new In(shape));
    }
}
