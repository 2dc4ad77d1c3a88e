using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.OpCases;

/// <summary>Cat, stack, pad, roll, flip and repeat.</summary>
public sealed class JoinCases : IOpCases
{
    /// <inheritdoc/>
    public IEnumerable<OpCase> Cases => Joins().Concat(Pads()).Concat(Moves());

    /// <inheritdoc/>
    public IEnumerable<ErrorCase> Errors =>
    [
        new("Cat", "none", d => F.Cat([]), "no tensors are given"),
        new("Cat", "sizes", d => F.Cat([Ones(d, 2, 3), Ones(d, 3, 3)], 1), "differ outside axis 1"),
        new("Cat", "rank", d => F.Cat([Ones(d, 2, 3), Ones(d, 2)], 0), "differ outside axis 0"),
        new("Cat", "types", d => F.Cat([Ones(d, 2), Tensor.Ones([2], DType.F64, d)]), "element types differ: f32 and f64"),
        new("Stack", "shapes", d => F.Stack([Ones(d, 2, 3), Ones(d, 2, 4)]), "tensor 1 is [2, 4], expected [2, 3]"),
        new("Stack", "axis", d => F.Stack([Ones(d, 2, 3)], 4), "axis 4 does not exist"),
        new("Pad", "pairs", d => F.Pad(Ones(d, 2, 3), [1, 2, 3]), "give a pair for each of the last axes"),
        new("Pad", "reflect", d => F.Pad(Ones(d, 2, 3), [3, 0], PadMode.Reflect), "needs more than 3 elements"),
        new("Pad", "replicate", d => F.Pad(Ones(d, 2, 0), [1, 0], PadMode.Replicate), "no border to replicate"),
        new("Pad", "crop", d => F.Pad(Ones(d, 2, 3), [-2, -2]), "without a size"),
        new("Roll", "counts", d => F.Roll(Ones(d, 2, 3), [1, 2], [0]), "2 shifts for 1 axes"),
        new("Roll", "twice", d => F.Roll(Ones(d, 2, 3), [1, 2], [0, -2]), "named twice"),
        new("Flip", "axis", d => F.Flip(Ones(d, 2, 3), 2), "axis 2 does not exist"),
        new("Repeat", "count", d => F.Repeat(Ones(d, 2, 3), 2), "give at least one per axis"),
        new("Repeat", "negative", d => F.Repeat(Ones(d, 2, 3), 2, -1), "-1 repeats"),
    ];

    private static Tensor Ones(Device d, params int[] shape) => Tensor.Ones(shape, DType.F32, d);

    private static IEnumerable<OpCase> Joins()
    {
        OpCase Cat(string label, int axis, params int[][] shapes) => new("Cat", label, x => F.Cat(x, axis), x => Joined(x, axis), [.. shapes.Select(s => new In(s))]);
        return
        [
            Cat("first", 0, [3, 5], [1, 5], [2, 5]), Cat("middle", 1, [2, 3, 4], [2, 5, 4], [2, 1, 4]), Cat("last", -1, [3, 257], [3, 2]), Cat("one", 0, [3, 5]),
            Cat("an empty part", 1, [3, 0], [3, 5]), Cat("empty", 0, [2, 0], [3, 0]), Cat("vectors", 0, [3], [5]),
            new("Cat", "itself", x => F.Cat([x[0], x[0] * 2, x[0]], 1), x => Joined([x[0], x[0].Map(v => 2 * v), x[0]], 1), new In([3, 5])),
            new("Cat", "masks", x => F.Cat([x[0], x[1]], 0).To(x[2].DType), x => Joined([x[0], x[1]], 0), In.Mask([3]), In.Mask([5]), In.Constant([1])) { IsDifferentiable = false },
            new("Stack", "first", x => F.Stack(x), x => Nd.From([2, 3, 5], i => x[i[0]][i[1], i[2]]), new In([3, 5]), new In([3, 5])),
            new("Stack", "last", x => F.Stack(x, -1), x => Nd.From([3, 5, 3], i => x[i[2]][i[0], i[1]]), new In([3, 5]), new In([3, 5]), new In([3, 5])),
            new("Stack", "scalars", x => F.Stack(x), x => Nd.From([2], i => x[i[0]].Data[0]), new In([]), new In([])),
        ];
    }

    private static Nd Joined(Nd[] parts, int axis)
    {
        if (axis < 0) { axis += parts[0].Shape.Length; }
        return Nd.From(parts[0].Shape.With(axis, parts.Sum(p => p.Shape[axis])), i =>
        {
            var at = (int[])i.Clone();
            var part = 0;
            while (at[axis] >= parts[part].Shape[axis]) { at[axis] -= parts[part++].Shape[axis]; }
            return parts[part][at];
        });
    }

    private static IEnumerable<OpCase> Pads()
    {
        OpCase Pad(string label, int[] shape, int[] pads, PadMode mode, double value = 0) =>
            new("Pad", label, x => F.Pad(x[0], pads, mode, value), x => Padded(x[0], pads, mode, value), new In(shape));
        return
        [
            Pad("constant", [2, 3, 4, 5], [1, 2, 0, 3], PadMode.Constant, 0.5), Pad("zero", [3, 5], [2, 0], PadMode.Constant), Pad("crop", [3, 7], [-2, -1], PadMode.Constant),
            Pad("crop and grow", [2, 3, 4, 5], [-1, 1, 2, -1], PadMode.Constant, -2), Pad("crop to nothing", [3, 4], [-2, -2], PadMode.Constant),
            Pad("nothing", [3, 4], [], PadMode.Constant), Pad("empty", [0, 4], [1, 1, 2, 0], PadMode.Constant, 1), Pad("past a group", [3, 257], [1, 1, 1, 1], PadMode.Constant, 3),
            Pad("reflect", [2, 3, 4, 5], [2, 1, 1, 2], PadMode.Reflect), Pad("reflect far", [5], [4, 4], PadMode.Reflect), Pad("reflect and crop", [7], [-2, 3], PadMode.Reflect),
            Pad("replicate", [2, 3, 4, 5], [1, 3, 2, 0], PadMode.Replicate), Pad("replicate far", [3, 1], [5, 6, 4, 4], PadMode.Replicate),
        ];
    }

    private static Nd Padded(Nd x, int[] pads, PadMode mode, double value)
    {
        var sizes = x.Shape.AsSpan().ToArray();
        for (var i = 0; i < pads.Length; i++) { sizes[sizes.Length - 1 - i / 2] += pads[i]; }
        return Nd.From(sizes, index =>
        {
            var at = (int[])index.Clone();
            for (var i = 0; i < pads.Length; i += 2)
            {
                var axis = at.Length - 1 - i / 2;
                at[axis] -= pads[i];
                var last = x.Shape[axis] - 1;
                if (mode == PadMode.Reflect) { at[axis] = last - Math.Abs(last - Math.Abs(at[axis])); }
                if (mode == PadMode.Replicate) { at[axis] = Math.Max(0, Math.Min(last, at[axis])); }
            }

            return at.Where((v, axis) => v < 0 || v >= x.Shape[axis]).Any() ? value : x[at];
        });
    }

    private static IEnumerable<OpCase> Moves()
    {
        OpCase Roll(string label, int[] shape, int[] shifts, int[] axes) => new("Roll", label, x => F.Roll(x[0], shifts, axes), x => Nd.From(shape, index =>
        {
            var at = (int[])index.Clone();
            for (var i = 0; i < axes.Length; i++) { at[axes[i]] = ((at[axes[i]] - shifts[i]) % shape[axes[i]] + shape[axes[i]]) % shape[axes[i]]; }
            return x[0][at];
        }), new In(shape));
        OpCase Flip(string label, int[] shape, params int[] axes) => new("Flip", label, x => F.Flip(x[0], axes) * x[0], x =>
            Nd.From(shape, index => x[0][[.. index.Select((v, i) => axes.Contains(i) ? shape[i] - 1 - v : v)]] * x[0][index]), new In(shape));
        OpCase Repeat(string label, int[] shape, params int[] repeats) => new("Repeat", label, x => F.Repeat(x[0], repeats), x =>
        {
            var lead = repeats.Length - shape.Length;
            int[] sizes = [.. repeats.Select((r, i) => r * (i < lead ? 1 : shape[i - lead]))];
            return Nd.From(sizes, index => x[0][[.. shape.Select((size, i) => index[lead + i] % size)]]);
        }, new In(shape));
        return
        [
            Roll("one", [3, 4, 5], [2], [1]), Roll("two", [3, 4, 5], [-1, -2], [1, 2]), Roll("wraps", [3, 4, 5], [7, -9], [0, 2]), Roll("none", [3, 5], [], []),
            Roll("whole", [3, 5], [5], [1]), Roll("empty", [0, 5], [2], [0]), Roll("past a group", [257], [100], [0]),
            Flip("last", [2, 3, 4], 2), Flip("two", [3, 5, 7], 0, 2), Flip("none", [3, 5]), Flip("empty", [0, 5], 0), Flip("past a group", [257], 0),
            Repeat("both", [2, 3], 2, 3), Repeat("lead", [3, 5], 4, 1, 2), Repeat("scalar", [], 5), Repeat("zero", [3, 5], 2, 0), Repeat("three", [2, 3, 5], 2, 3, 2),
        ];
    }
}
