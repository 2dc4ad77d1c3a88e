using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.OpCases;

/// <summary>Variance, norms, products, scans and random zeroing.</summary>
public sealed class MomentCases : IOpCases
{
    /// <inheritdoc/>
    public IEnumerable<OpCase> Cases => Moments().Concat(Scans()).Concat(Normalized()).Concat(Random());

    /// <inheritdoc/>
    public IEnumerable<ErrorCase> Errors =>
    [
        new("Var", "axis", d => F.Var(Tensor.Ones([2, 3], DType.F32, d), [2]), "axis 2 does not exist"),
        new("Norm", "p", d => F.Norm(Tensor.Ones([2, 3], DType.F32, d), p: 0), "p is 0"),
        new("CumSum", "axis", d => F.CumSum(Tensor.Ones([2, 3], DType.F32, d), 2), "axis 2 does not exist"),
        new("Prod", "integers", d => F.Prod(Tensor.Ones([2, 3], DType.I64, d), 0), "i64 is not computed in"),
        new("L2Normalize", "axis", d => F.L2Normalize(Tensor.Ones([2, 3], DType.F32, d), 5), "axis 5 does not exist"),
        new("Dropout", "p", d => F.Dropout(Tensor.Ones([2, 3], DType.F32, d), 1.5, 1, 0), "p is 1.5"),
        new("DropPath", "scalar", d => F.DropPath(Tensor.Ones([], DType.F32, d), 0.5, 1, 0), "x is a scalar"),
    ];

    private static Nd Fold(Nd x, int[] axes, Func<double[], double> f)
    {
        int[] all = axes.Length == 0 ? [.. Enumerable.Range(0, x.Shape.Length)] : [.. axes.Select(a => a < 0 ? a + x.Shape.Length : a)];
        int[] shape = [.. x.Shape];
        var y = Nd.From(SoftmaxCases.ReduceOpShape(shape, all, keepDim: true), i => f([.. Nd.Indices(x.Shape)
            .Where(j => Enumerable.Range(0, j.Length).All(a => all.Contains(a) || i[a] == j[a])).Select(j => x[j])]));
        return new Nd(y.Data, SoftmaxCases.ReduceOpShape(shape, all, keepDim: false));
    }

    private static IEnumerable<OpCase> Moments()
    {
        double Var(double[] v, double correction) => v.Sum(e => (e - v.Average()) * (e - v.Average())) / (v.Length - correction);
        OpCase[] Rows(string op, string label, Func<Tensor, int[], Tensor> f, Func<double[], double> g) =>
        [
            .. from row in new (string Label, int[] Shape, int[] Axes)[] { ("last", [3, 5, 7], [-1]), ("apart", [3, 5, 4], [0, 2]), ("all", [3, 11], []), ("past a group", [2, 257], [1]) }
               select new OpCase(op, $"{label} {row.Label}", x => f(x[0], row.Axes), x => Fold(x[0], row.Axes, g), new In(row.Shape)) { Tolerance32 = 5e-6 },
        ];
        return
        [
            .. Rows("Var", "unbiased", (x, a) => F.Var(x, a), v => Var(v, 1)), .. Rows("Var", "biased", (x, a) => F.Var(x, a, correction: 0), v => Var(v, 0)),
            .. Rows("Std", "unbiased", (x, a) => F.Std(x, a), v => Math.Sqrt(Var(v, 1))), .. Rows("Norm", "2", (x, a) => F.Norm(x, a), v => Math.Sqrt(v.Sum(e => e * e))),
            .. Rows("Norm", "1", (x, a) => F.Norm(x, a, 1), v => v.Sum(Math.Abs)), .. Rows("Norm", "3", (x, a) => F.Norm(x, a, 3), v => Math.Cbrt(v.Sum(e => Math.Abs(e * e * e)))),
            .. Rows("Norm", "infinity", (x, a) => F.Norm(x, a, double.PositiveInfinity), v => v.Max(Math.Abs)),
            new("Var", "far mean", x => F.Var(x[0], [1], keepDim: true), x => new Nd(Fold(x[0], [1], v => Var(v, 1)).Data, [2, 1]), new In([2, 9], 1000, 1001))
                { Tolerance32 = 1e-4, Tolerance64 = 1e-11, IsDifferentiable = false },
            new("Norm", "zero row", x => ExtremeCases.Slope(x[0], v => F.Norm(v, [1])), x => new Nd([0, 0, 0.6, 0.8], [2, 2]),
                new In([2, 2], Kind: InKind.Constant, Fixed: [0, 0, 3, 4])) { IsDifferentiable = false },
        ];
    }

    private static IEnumerable<OpCase> Scans()
    {
        OpCase Sum(string label, int[] shape, int axis) => new("CumSum", label, x => F.CumSum(x[0], axis), x =>
        {
            var a = axis < 0 ? axis + shape.Length : axis;
            return Nd.From(shape, i => Enumerable.Range(0, i[a] + 1).Sum(k => x[0][[.. i[..a], k, .. i[(a + 1)..]]]));
        }, new In(shape))
        { Tolerance32 = 5e-6 };
        OpCase Product(string label, int[] shape, int axis, double[]? values = null) => new("Prod", label, x => F.Prod(x[0], axis),
            x => Fold(x[0], [axis], v => v.Aggregate(1.0, (p, e) => p * e)), new In(shape, 0.5, 1.5, Fixed: values))
        { Tolerance32 = 5e-6 };
        return
        [
            Sum("last", [3, 5, 7], -1), Sum("middle", [3, 5, 7], 1), Sum("first", [4, 3, 2], 0), Sum("past a group", [2, 257], 1), Sum("many columns", [3, 257], 0), Sum("empty", [2, 0], 1),
            Product("last", [3, 5, 7], -1), Product("middle", [3, 5, 7], 1), Product("first", [5, 33], 0), Product("zeros", [3, 3], 1, [2, 0, 3, 0, 0, 4, 5, 6, 7]), Product("empty", [2, 0], 1),
        ];
    }

    private static IEnumerable<OpCase> Normalized()
    {
        OpCase Row(string label, int[] shape, int axis, double eps = 1e-12, double[]? values = null) => new("L2Normalize", label, x => F.L2Normalize(x[0], axis, eps), x =>
        {
            var a = axis < 0 ? axis + shape.Length : axis;
            return Nd.From(shape, i => x[0][i] / Math.Max(eps, Math.Sqrt(Enumerable.Range(0, shape[a]).Sum(k => Math.Pow(x[0][[.. i[..a], k, .. i[(a + 1)..]]], 2)))));
        }, new In(shape, Fixed: values))
        { Tolerance32 = 5e-6 };
        return
        [
            Row("last", [5, 8], -1), Row("middle", [3, 5, 7], 1), Row("past a group", [2, 257], 1), Row("short rows", [2, 3], 1, 2, [0.1, 0.2, 0.3, 3, 4, 5]), Row("no rows", [0, 4], 1),
            Row("zero row", [2, 2], 1, values: [0, 0, 3, 4]) with { IsDifferentiable = false },
            new("L2Normalize", "slope of a zero row", x => ExtremeCases.Slope(x[0], v => F.L2Normalize(v)), x => new Nd([0, 0, 0.032, -0.024], [2, 2]),
                new In([2, 2], Kind: InKind.Constant, Fixed: [0, 0, 3, 4])) { IsDifferentiable = false },
        ];
    }

    private static IEnumerable<OpCase> Random()
    {
        // Philox is proved by its published vectors; here it only says which elements go.
        OpCase Row(string op, string label, int[] shape, double p, bool perSample) => new(op, label, x => perSample ? F.DropPath(x[0], p, 77, 5) : F.Dropout(x[0], p, 77, 5), x =>
        {
            var run = perSample ? Math.Max(1, shape.Skip(1).Aggregate(1, (a, b) => a * b)) : 1;
            return new Nd([.. x[0].Data.Select((v, i) => Philox.Uniform(Philox.Word(77, 5, (ulong)(i / run))) < p ? 0 : v / (1 - p))], shape);
        }, new In(shape));
        return
        [
            Row("Dropout", "odd", [3, 5, 7], 0.3, false), Row("Dropout", "past a group", [2, 257], 0.9, false), Row("Dropout", "none", [7], 0, false), Row("Dropout", "empty", [0, 3], 0.5, false),
            new("Dropout", "all", x => F.Dropout(x[0], 1, 77, 5), x => x[0].Map(_ => 0), new In([5])),
            Row("DropPath", "samples", [9, 3, 5], 0.4, true), Row("DropPath", "vector", [33], 0.5, true), Row("DropPath", "none", [4, 3], 0, true), Row("DropPath", "empty", [3, 0], 0.5, true),
        ];
    }
}
