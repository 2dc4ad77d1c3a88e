using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.OpCases;

/// <summary>LayerNorm, GroupNorm and BatchNorm.</summary>
public sealed class LayerNormCases : IOpCases
{
    /// <inheritdoc/>
    public IEnumerable<OpCase> Cases => Layer().Concat(Grouped()).Concat(Batch());

    /// <inheritdoc/>
    public IEnumerable<ErrorCase> Errors =>
    [
        new("LayerNorm", "width", d => F.LayerNorm(Ones(d, 2, 5), Ones(d, 4)), "layer_norm: gamma is [4], expected [5]"),
        new("LayerNorm", "scalar", d => F.LayerNorm(Ones(d)), "x is a scalar"),
        new("GroupNorm", "groups", d => F.GroupNorm(Ones(d, 2, 6, 3), 4), "4 groups do not divide 6 channels"),
        new("GroupNorm", "rank", d => F.GroupNorm(Ones(d, 6), 2), "expected [N, C, ...]"),
        new("BatchNorm", "statistics", d => F.BatchNorm(Ones(d, 2, 6), training: false), "runningMean and runningVar"),
        new("BatchNorm", "one value", d => F.BatchNorm(Ones(d, 1, 6), training: true), "more than one value per channel"),
    ];

    private static Tensor Ones(Device device, params int[] shape) => Tensor.Ones(shape, DType.F32, device);

    private static IEnumerable<OpCase> Layer()
    {
        OpCase Row(string label, int[] shape, bool gamma, bool beta, double low = -1, double high = 1, double eps = 1e-5) => new("LayerNorm", label,
            x => F.LayerNorm(x[0], gamma ? x[1] : null, beta ? x[^1] : null, eps), x => Normal(x[0], gamma ? x[1] : null, beta ? x[^1] : null, eps),
            [.. new[] { new In(shape, low, high) }, .. Enumerable.Repeat(new In([shape[^1]], 0.5, 2), (gamma ? 1 : 0) + (beta ? 1 : 0))])
        { Tolerance32 = 1e-5 };
        return
        [
            Row("odd", [3, 5, 7], true, true), Row("past a group", [5, 257], true, true), Row("plain", [4, 33], false, false), Row("one row", [17], true, false),
            Row("beta alone", [6, 16], false, true), Row("pieces", [150, 3], true, true), Row("many", [1100, 5], true, true) with { IsForSimulator = false },
            Row("no rows", [0, 7], true, true), Row("no columns", [3, 0], true, true), Row("one column", [4, 1], true, true), Row("tiny eps", [3, 24], true, true, eps: 1e-12),
            Row("far mean", [3, 40], true, true, 1000, 1001) with { Tolerance32 = 1e-3, Tolerance64 = 1e-11, IsDifferentiable = false }, Row("wide", [2, 1000], true, true),
        ];
    }

    internal static Nd Normal(Nd x, Nd? gamma, Nd? beta, double eps)
    {
        var c = x.Shape[^1];
        var y = new Nd(x.Shape);
        for (var row = 0; row < x.Data.Length; row += c)
        {
            var values = x.Data.AsSpan(row, c).ToArray();
            var mean = values.Sum() / c;
            var rstd = 1 / Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / c + eps);
            for (var i = 0; i < c; i++) { y.Data[row + i] = (values[i] - mean) * rstd * (gamma?.Data[i] ?? 1) + (beta?.Data[i] ?? 0); }
        }

        return y;
    }

    private static IEnumerable<OpCase> Grouped()
    {
        OpCase Row(string label, int[] shape, int groups, bool affine) => new("GroupNorm", label,
            x => F.GroupNorm(x[0], groups, affine ? x[1] : null, affine ? x[2] : null),
            x =>
            {
                var n = Normal(new Nd(x[0].Data, [shape[0] * groups, (int)(x[0].Shape.Count / Math.Max(1, shape[0] * groups))]), null, null, 1e-5);
                return Nd.From(shape, i => new Nd(n.Data, shape)[i] * (affine ? x[1][i[1]] : 1) + (affine ? x[2][i[1]] : 0));
            }, [.. new[] { new In(shape) }, .. Enumerable.Repeat(new In([shape[1]], 0.5, 2), affine ? 2 : 0)])
        { Tolerance32 = 1e-5 };
        return
        [
            Row("two", [2, 6, 3, 5], 2, true), Row("one", [3, 4, 7], 1, true), Row("each channel", [2, 5, 4, 3], 5, true), Row("plain", [2, 6, 5], 3, false),
            Row("no pixels", [3, 6], 2, true), Row("past a group", [1, 6, 9, 11], 2, true), Row("empty", [0, 4, 3], 2, true),
        ];
    }

    private static IEnumerable<OpCase> Batch()
    {
        OpCase Training(string label, int[] shape, bool affine) => new("BatchNorm", label, x => F.BatchNorm(x[0], affine ? x[1] : null, affine ? x[2] : null, training: true),
            x => Channels(x[0], affine ? x[1] : null, affine ? x[2] : null, null, null),
            [.. new[] { new In(shape) }, .. Enumerable.Repeat(new In([shape[1]], 0.5, 2), affine ? 2 : 0)])
        { Tolerance32 = 1e-5 };
        return
        [
            Training("images", [3, 5, 4, 2], true), Training("rows", [7, 3], true), Training("plain", [2, 3, 33], false), Training("past a group", [3, 2, 257], true),
            new("BatchNorm", "eval", x => F.BatchNorm(x[0], x[1], x[2], x[3].Detach(), x[4].Detach(), training: false),
                x => Channels(x[0], x[1], x[2], x[3], x[4]), new In([2, 3, 5]), new In([3], 0.5, 2), new In([3]), In.Constant([3]), In.Constant([3], 0.5, 2)) { Tolerance32 = 1e-5 },
            new("BatchNorm", "running mean", x => Running(x[0], 0.3).Mean, x => Nd.From([3], c => 0.7 * 2 + 0.3 * Channel(x[0], c[0]).Average()),
                In.Constant([4, 3, 5])) { IsDifferentiable = false },
            new("BatchNorm", "running variance", x => Running(x[0], 0.3).Variance, x => Nd.From([3], c =>
            {
                var v = Channel(x[0], c[0]);
                return 0.7 * 3 + 0.3 * v.Sum(e => (e - v.Average()) * (e - v.Average())) / (v.Length - 1);
            }), In.Constant([4, 3, 5])) { IsDifferentiable = false },
        ];
    }

    private static (Tensor Mean, Tensor Variance) Running(Tensor x, double momentum)
    {
        Tensor mean = Tensor.Full([3], 2, x.DType, x.Device), variance = Tensor.Full([3], 3, x.DType, x.Device);
        _ = F.BatchNorm(x, null, null, mean, variance, training: true, momentum: momentum);
        return (mean, variance);
    }

    private static double[] Channel(Nd x, int c) => [.. Nd.Indices(x.Shape).Where(i => i[1] == c).Select(i => x[i])];

    private static Nd Channels(Nd x, Nd? gamma, Nd? beta, Nd? mean, Nd? variance)
    {
        var statistics = Enumerable.Range(0, x.Shape[1]).Select(c =>
        {
            if (mean is not null) { return (Mean: mean[c], Variance: variance![c]); }
            var v = Channel(x, c);
            return (Mean: v.Average(), Variance: v.Sum(e => (e - v.Average()) * (e - v.Average())) / v.Length);
        }).ToArray();
        return Nd.From(x.Shape, i => (x[i] - statistics[i[1]].Mean) / Math.Sqrt(statistics[i[1]].Variance + 1e-5) * (gamma?[i[1]] ?? 1) + (beta?[i[1]] ?? 0));
    }
}
