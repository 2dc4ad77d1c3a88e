using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.OpCases;

/// <summary>Losses.</summary>
public sealed class LossCases : IOpCases
{
    /// <inheritdoc/>
    public IEnumerable<OpCase> Cases => Hard().Concat(Soft()).Concat(Pairs());

    /// <inheritdoc/>
    public IEnumerable<ErrorCase> Errors =>
    [
        new("CrossEntropy", "class", d => F.CrossEntropy(Tensor.Ones([2, 3], DType.F32, d), Tensor.From([0L, 3L], [2], d)), "target 3 at position 1 is no class of 3"),
        new("CrossEntropy", "shape", d => F.CrossEntropy(Tensor.Ones([2, 3, 4], DType.F32, d), Tensor.Zeros([2, 3], DType.I64, d)), "targets is [2, 3], expected [2, 4]"),
        new("CrossEntropy", "smoothing", d => F.CrossEntropy(Tensor.Ones([2, 3], DType.F32, d), Tensor.Zeros([2], DType.I64, d), labelSmoothing: 2), "in [0, 1]"),
        new("CrossEntropy", "floats", d => F.CrossEntropy(Tensor.Ones([2, 3], DType.F32, d), Tensor.Zeros([2], DType.F32, d)), "expected integers"),
        new("MseLoss", "shape", d => F.MseLoss(Tensor.Ones([2, 3], DType.F32, d), Tensor.Ones([3], DType.F32, d)), "target is [3], expected [2, 3]"),
        new("SmoothL1Loss", "beta", d => F.SmoothL1Loss(Tensor.Ones([2], DType.F32, d), Tensor.Ones([2], DType.F32, d), beta: -1), "beta is -1"),
    ];

    private static Nd Reduce(Nd values, Reduction reduction, double count) => reduction switch
    {
        Reduction.None => values,
        Reduction.Sum => new Nd([values.Data.Sum()], []),
        _ => new Nd([values.Data.Sum() / count], []),
    };

    private static IEnumerable<OpCase> Hard()
    {
        OpCase Row(string label, int[] shape, double[]? targets, double smoothing, Reduction reduction, double scale = 3)
        {
            int[] positions = [shape[0], .. shape[2..]];
            return new("CrossEntropy", label, x => F.CrossEntropy(x[0], x[1], -100, smoothing, reduction), x =>
            {
                var loss = Nd.From(positions, i =>
                {
                    double At(int c) => x[0][[i[0], c, .. i[1..]]];
                    var lse = SoftmaxCases.LogSum(Enumerable.Range(0, shape[1]).Select(At));
                    return x[1][i] == -100 ? 0 : (1 - smoothing) * (lse - At((int)x[1][i])) + smoothing * (lse - Enumerable.Range(0, shape[1]).Average(At));
                });
                return Reduce(loss, reduction, x[1].Data.Count(t => t != -100));
            }, new In(shape, -scale, scale), targets is null ? In.Ids(positions, shape[1]) : In.Ids(positions, targets))
            { Tolerance32 = 5e-6 };
        }

        return
        [
            Row("mean", [7, 5], null, 0, Reduction.Mean), Row("sum", [7, 5], null, 0, Reduction.Sum), Row("none", [7, 33], null, 0, Reduction.None),
            Row("past a group", [3, 257], null, 0.1, Reduction.Mean), Row("smooth none", [5, 6], null, 0.3, Reduction.None), Row("two classes", [9, 2], null, 0.1, Reduction.Sum),
            Row("ignored", [5, 4], [0, -100, 3, -100, 1], 0, Reduction.Mean), Row("ignored smooth", [5, 4], [0, -100, 3, -100, 1], 0.2, Reduction.Mean),
            Row("ignored none", [3, 4], [-100, 2, 0], 0.2, Reduction.None), Row("all ignored", [2, 3], [-100, -100], 0, Reduction.Mean) with { IsDifferentiable = false },
            Row("positions", [2, 4, 3, 5], null, 0.1, Reduction.Mean), Row("positions none", [2, 3, 4], null, 0, Reduction.None), Row("large", [4, 6], null, 0, Reduction.Mean, 80),
            Row("no rows", [0, 4], null, 0, Reduction.Sum), Row("wide", [3, 1000], null, 0.1, Reduction.Mean),
        ];
    }

    private static IEnumerable<OpCase> Soft()
    {
        OpCase Row(string label, int[] shape, Reduction reduction)
        {
            int[] positions = [shape[0], .. shape[2..]];
            return new("CrossEntropy", label, x => F.CrossEntropy(x[0], x[1], reduction), x => Reduce(Nd.From(positions, i =>
            {
                double At(Nd a, int c) => a[[i[0], c, .. i[1..]]];
                var lse = SoftmaxCases.LogSum(Enumerable.Range(0, shape[1]).Select(c => At(x[0], c)));
                return Enumerable.Range(0, shape[1]).Sum(c => At(x[1], c) * (lse - At(x[0], c)));
            }), reduction, Math.Max(1, ((Shape)positions).Count)), new In(shape, -3, 3), new In(shape, 0, 1))
            { Tolerance32 = 5e-6 };
        }

        return [Row("soft mean", [5, 7], Reduction.Mean), Row("soft none", [3, 4, 5], Reduction.None), Row("soft sum", [2, 33], Reduction.Sum)];
    }

    private static IEnumerable<OpCase> Pairs()
    {
        OpCase[] Rows(string op, Func<Tensor, Tensor, Reduction, Tensor> f, Func<double, double, double> g, (double Low, double High) x, (double Low, double High) t) =>
        [
            .. from r in new[] { Reduction.None, Reduction.Mean, Reduction.Sum }
               select new OpCase(op, r.ToString(), v => f(v[0], v[1], r), v => Reduce(Nd.From([3, 11], i => g(v[0][i], v[1][i])), r, 33),
                   new In([3, 11], x.Low, x.High), new In([3, 11], t.Low, t.High)) { Tolerance32 = 5e-6 },
        ];
        double Bce(double x, double t) => Math.Max(x, 0) - x * t + Math.Log(1 + Math.Exp(-Math.Abs(x)));
        double Kl(double x, double t) => t == 0 ? 0 : t * (Math.Log(t) - x);
        double L1(double d, double beta) => Math.Abs(d) < beta ? 0.5 * d * d / beta : Math.Abs(d) - 0.5 * beta;
        return
        [
            .. Rows("BinaryCrossEntropyWithLogits", F.BinaryCrossEntropyWithLogits, Bce, (-4, 4), (0, 1)), .. Rows("KlDiv", F.KlDiv, Kl, (-3, 0), (0.1, 1)),
            .. Rows("MseLoss", F.MseLoss, (x, t) => (x - t) * (x - t), (-1, 1), (-1, 1)),
            .. Rows("SmoothL1Loss", (x, t, r) => F.SmoothL1Loss(x, t, 0.7, r), (x, t) => L1(x - t, 0.7), (-2, 2), (-1, 1)),
            .. Rows("SmoothL1Loss", (x, t, r) => F.SmoothL1Loss(x, t, 0, r), (x, t) => Math.Abs(x - t), (-2, 2), (-1, 1)),
            new("BinaryCrossEntropyWithLogits", "far", x => F.BinaryCrossEntropyWithLogits(x[0], x[1], Reduction.None), x => Nd.From([4], i => Bce(x[0][i], x[1][i])),
                new In([4], Fixed: [80, -80, 1e4, -1e4]), new In([4], Kind: InKind.Constant, Fixed: [1, 0, 0, 1])) { IsDifferentiable = false },
            new("BinaryCrossEntropyWithLogits", "sure", x => F.BinaryCrossEntropyWithLogits(x[0], x[1], Reduction.None), x => Nd.From([2], _ => Math.Exp(-20) - Math.Exp(-40) / 2),
                new In([2], Fixed: [20, -20]), new In([2], Kind: InKind.Constant, Fixed: [1, 0])) { IsDifferentiable = false, Tolerance32 = 1e-9, Tolerance64 = 1e-17 },
            new("KlDiv", "zero target", x => F.KlDiv(x[0], x[1], Reduction.Sum), x => new Nd([Kl(-1, 0) + Kl(-2, 0.5)], []),
                new In([2], Fixed: [-1, -2]), new In([2], Kind: InKind.Constant, Fixed: [0, 0.5])),
        ];
    }
}
