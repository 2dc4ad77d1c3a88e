using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.OpCases;

/// <summary>Sort, top-k, Einstein sums and device-drawn uniform numbers.</summary>
public sealed class SortCases : IOpCases
{
    private static readonly double[] Ties = [3, double.NaN, -0.0, 3, 0, double.NegativeInfinity, 3, -1, double.PositiveInfinity, 0, -1, double.NaN];

    /// <inheritdoc/>
    public IEnumerable<OpCase> Cases => Sorts().Concat(Einsums()).Concat(
    [
        Uniform([3, 5, 7], -2, 3, 11, 4), Uniform([257], 0, 1, 0xFFFFFFFFFFFF, 0), Uniform([1], 5, 6, 1, 0xFFFFFFFFFF), Uniform([0, 3], 0, 1, 1, 0), Uniform([], 0, 1, 7, 7),
    ]);

    /// <inheritdoc/>
    public IEnumerable<ErrorCase> Errors =>
    [
        new("Sort", "axis", d => F.Sort(Tensor.Ones([2, 3], DType.F32, d), 2), "axis 2 does not exist"),
        new("Sort", "integers", d => F.Sort(Tensor.Ones([2, 3], DType.I64, d)), "i64 is not computed in"),
        new("TopK", "k", d => F.TopK(Tensor.Ones([2, 3], DType.F32, d), 4), "k is 4, axis 1 of [2, 3] has 3 values"),
        new("Einsum", "sizes", d => F.Einsum("ij,jk->ik", Tensor.Ones([2, 3], DType.F32, d), Tensor.Ones([4, 5], DType.F32, d)), "'j' of 'ij,jk->ik' is 3 and 4"),
        new("Einsum", "operands", d => F.Einsum("ij,jk->ik", Tensor.Ones([2, 3], DType.F32, d)), "names 2 operands, 1 are given"),
        new("Einsum", "axes", d => F.Einsum("ijk->i", Tensor.Ones([2, 3], DType.F32, d)), "names 3 axes, the tensor is [2, 3]"),
        new("Einsum", "result", d => F.Einsum("ij->k", Tensor.Ones([2, 3], DType.F32, d)), "no operand has"),
        new("Einsum", "ellipsis", d => F.Einsum("...i->i", Tensor.Ones([2, 3], DType.F32, d)), "is no equation"),
        new("RandomUniform", "type", d => F.RandomUniform([2], 0, 1, 1, 0, DType.I64, d), "i64 is not computed in"),
    ];

    private static IEnumerable<OpCase> Sorts()
    {
        OpCase[] Sort(string label, In x, int axis, bool descending) =>
        [
            new("Sort", label, t => F.Sort(t[0], axis, descending).Values, t => Ordered(t[0], axis, t[0].Shape[axis], descending, false), x) { IsDifferentiable = x.Fixed is null },
            new("Sort", $"{label} places", t => F.Sort(t[0], axis, descending).Indices.To(DType.F64).To(t[0].DType),
                t => Ordered(t[0], axis, t[0].Shape[axis], descending, true), x) { IsDifferentiable = false },
        ];
        OpCase[] Top(string label, In x, int k, int axis, bool largest) =>
        [
            new("TopK", label, t => F.TopK(t[0], k, axis, largest).Values, t => Ordered(t[0], axis, k, largest, false), x) { IsDifferentiable = x.Fixed is null },
            new("TopK", $"{label} places", t => F.TopK(t[0], k, axis, largest).Indices.To(DType.F64).To(t[0].DType),
                t => Ordered(t[0], axis, k, largest, true), x) { IsDifferentiable = false },
        ];
        return
        [
            .. Sort("last", new In([4, 9]), 1, false), .. Sort("descending", new In([4, 9]), 1, true), .. Sort("first", new In([7, 3]), 0, true),
            .. Sort("middle", new In([2, 5, 3]), 1, false), .. Sort("ties", new In([12], Kind: InKind.Constant, Fixed: Ties), 0, false),
            .. Sort("ties descending", new In([2, 6], Kind: InKind.Constant, Fixed: Ties), 1, true), .. Sort("past a group", new In([2, 257]), 1, false),
            .. Sort("empty", new In([0, 5]), 1, false), .. Sort("no values", new In([3, 0]), 1, false),
            .. Top("last", new In([4, 9]), 3, 1, true), .. Top("smallest", new In([4, 9]), 4, 1, false), .. Top("first", new In([7, 3]), 2, 0, true),
            .. Top("all", new In([3, 5]), 5, 1, true), .. Top("none", new In([3, 5]), 0, 1, true), .. Top("ties", new In([12], Kind: InKind.Constant, Fixed: Ties), 5, 0, true),
            .. Top("past a group", new In([257]), 9, 0, true),
        ];
    }

    private static Nd Ordered(Nd x, int axis, int take, bool descending, bool places)
    {
        double At(int[] index, int k)
        {
            var at = (int[])index.Clone();
            at[axis] = k;
            return x[at];
        }

        return Nd.From(x.Shape.With(axis, take), index =>
        {
            // LINQ's sort is stable, and its order of doubles puts NaN first; torch puts it last.
            var all = Enumerable.Range(0, x.Shape[axis]);
            var order = descending
                ? all.OrderByDescending(k => double.IsNaN(At(index, k))).ThenByDescending(k => At(index, k) + 0.0)
                : all.OrderBy(k => double.IsNaN(At(index, k))).ThenBy(k => At(index, k) + 0.0);
            var place = order.ElementAt(index[axis]);
            return places ? place : At(index, place);
        });
    }

    private static IEnumerable<OpCase> Einsums()
    {
        OpCase Row(string equation, params int[][] shapes) =>
            new("Einsum", equation, x => F.Einsum(equation, x), x => Loop(equation, x), [.. shapes.Select(s => new In(s))]) { Tolerance32 = 5e-6 };
        return
        [
            Row("bchw,oc->bohw", [2, 3, 4, 5], [6, 3]), Row("bi,bj->bij", [2, 3], [2, 4]), Row("bhid,bhjd->bhij", [2, 3, 4, 5], [2, 3, 6, 5]), Row("ij,ij->", [3, 4], [3, 4]),
            Row("ij,jk->ki", [3, 5], [5, 7]), Row("ii->", [5, 5]), Row("bii->ib", [3, 5, 5]), Row("ij->j", [3, 5]), Row("ij->ji", [3, 5]), Row("i,j,k->kji", [2], [3], [5]),
            Row("ab,bc,cd->ad", [3, 5], [5, 2], [2, 7]), Row("ij,jk", [3, 5], [5, 7]), Row("ijx,jk->ik", [3, 5, 2], [5, 7]), Row("ij,jk->ik", [3, 0], [0, 7]),
            Row("ij,jk->ik", [0, 3], [3, 7]), Row(",i->i", [], [3]), Row("ij , j -> i", [257, 3], [3]),
        ];
    }

    // Every letter is a loop.
    private static Nd Loop(string equation, Nd[] x)
    {
        var sides = equation.Replace(" ", "", StringComparison.Ordinal).Split("->");
        var inputs = sides[0].Split(',');
        var letters = string.Concat(inputs);
        var output = sides.Length == 2 ? sides[1] : string.Concat(letters.Where(c => letters.Count(d => d == c) == 1).Order());
        var names = string.Concat((output + letters).Distinct());
        int SizeOf(char c)
        {
            var k = Array.FindIndex(inputs, s => s.Contains(c));
            return x[k].Shape[inputs[k].IndexOf(c)];
        }

        var y = new Nd([.. output.Select(SizeOf)]);
        foreach (var index in Nd.Indices([.. names.Select(SizeOf)]))
        {
            var product = 1.0;
            for (var k = 0; k < x.Length; k++) { product *= x[k][[.. inputs[k].Select(c => index[names.IndexOf(c)])]]; }
            y[index.AsSpan(0, output.Length)] += product;
        }

        return y;
    }

    private static OpCase Uniform(int[] shape, double low, double high, ulong seed, ulong stream) => new("RandomUniform", $"seed {seed}",
        x => F.RandomUniform(shape, low, high, seed, stream, x[0].DType, x[0].Device),
        _ => new Nd([.. Enumerable.Range(0, (int)((Shape)shape).Count).Select(i => low + (high - low) * Philox.Uniform(Philox.Word(seed, stream, (ulong)i)))], shape),
        In.Constant([1]))
    { IsDifferentiable = false };
}
