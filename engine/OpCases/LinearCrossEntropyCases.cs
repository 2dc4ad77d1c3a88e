using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.OpCases;

/// <summary>Linear layer and cross-entropy in one, by chunks of rows.</summary>
public sealed class LinearCrossEntropyCases : IOpCases
{
    /// <inheritdoc/>
    public IEnumerable<OpCase> Cases =>
    [
        Row("one chunk", (7, 5, 11)), Row("sum", (7, 5, 11), reduction: Reduction.Sum), Row("even chunks", (8, 3, 5), chunk: 2),
        Row("uneven chunks", (11, 3, 5), chunk: 4), Row("a row each", (3, 4, 6), chunk: 1),
        Row("no bias", (9, 4, 6), chunk: 4, hasBias: false),
        Row("smooth", (9, 4, 6), chunk: 4, smoothing: 0.3), Row("past a group", (5, 33, 257), chunk: 2),
        Row("wide", (4, 8, 1000), chunk: 3, smoothing: 0.1),
        Row("ignored", (5, 3, 4), chunk: 2, targets: [0, -100, 3, -100, 1]),
        Row("an ignored chunk", (4, 3, 4), chunk: 2, targets: [-100, -100, 3, 1]),
        Row("all ignored", (3, 3, 4), chunk: 2, targets: [-100, -100, -100]) with { IsDifferentiable = false },
        Row("all ignored sum", (3, 3, 4), chunk: 2, targets: [-100, -100, -100], reduction: Reduction.Sum),
        Row("no rows", (0, 3, 4), reduction: Reduction.Sum), Row("no features", (3, 0, 4)), Row("public", (6, 5, 9), chunk: 0),
    ];

    /// <inheritdoc/>
    public IEnumerable<ErrorCase> Errors =>
    [
        Error("x", (2, 3), (4, 5), 4, 2, 0, "weight is [4, 5], expected [4, 3]"),
        Error("bias", (2, 3), (4, 3), 3, 2, 0, "bias is [3], expected [4]"),
        Error("targets", (2, 3), (4, 3), 4, 3, 0, "targets is [3], expected [2]"),
        Error("smoothing", (2, 3), (4, 3), 4, 2, -1, "in [0, 1]"),
        new("LinearCrossEntropy", "none", d => F.LinearCrossEntropy(Ones(d, 2, 3), Ones(d, 4, 3), null,
            Tensor.From([0L, 1], [2], d), reduction: Reduction.None),
            "use Linear and CrossEntropy"),
        new("LinearCrossEntropy", "class", d => F.LinearCrossEntropy(Ones(d, 2, 3), Ones(d, 4, 3), null,
            Tensor.From([0L, 4], [2], d)),
            "linear_cross_entropy: target 4 at position 1 is no class of 4"),
    ];

    private static Tensor Ones(Device d, params int[] shape) => Tensor.Ones(shape, DType.F32, d);

    private static ErrorCase Error(string label, (int N, int D) x, (int V, int D) w, int bias, int targets, double smoothing,
        string says) =>
        new("LinearCrossEntropy", label, d => F.LinearCrossEntropy(Ones(d, x.N, x.D), Ones(d, w.V, w.D), Ones(d, bias),
            Tensor.Zeros([targets], DType.I64, d), labelSmoothing: smoothing), says);

    private static OpCase Row(string label, (int N, int D, int V) size, int chunk = 64, bool hasBias = true, double smoothing = 0,
        double[]? targets = null, Reduction reduction = Reduction.Mean)
    {
        var (n, d, v) = size;
        var ids = targets is null ? In.Ids([n], v) : In.Ids([n], targets);
        Tensor Run(Tensor x, Tensor w, Tensor? b, Tensor t) => chunk == 0 ? F.LinearCrossEntropy(x, w, b, t)
            : F.LinearCrossEntropy(x, w, b, t, -100, smoothing, reduction, chunk);
        Nd Oracle(Nd x, Nd w, Nd? b, Nd t)
        {
            double Loss(int i)
            {
                double[] z = [.. Enumerable.Range(0, v).Select(c =>
                    (b?[c] ?? 0) + Enumerable.Range(0, d).Sum(k => x[i, k] * w[c, k]))];
                var lse = SoftmaxCases.LogSum(z);
                return (1 - smoothing) * (lse - z[(int)t[i]]) + smoothing * (lse - z.Average());
            }

            int[] counted = [.. Enumerable.Range(0, n).Where(i => t[i] != -100)];
            return new Nd([counted.Sum(Loss) / (reduction == Reduction.Mean ? counted.Length : 1)], []);
        }

        return hasBias
            ? new("LinearCrossEntropy", label, x => Run(x[0], x[1], x[2], x[3]), x => Oracle(x[0], x[1], x[2], x[3]),
                new In([n, d], -2, 2), new In([v, d]), new In([v]), ids)
            { Tolerance32 = 5e-6 }
            : new("LinearCrossEntropy", label, x => Run(x[0], x[1], null, x[2]), x => Oracle(x[0], x[1], null, x[2]),
                new In([n, d], -2, 2), new In([v, d]), ids)
            { Tolerance32 = 5e-6 };
    }
}
