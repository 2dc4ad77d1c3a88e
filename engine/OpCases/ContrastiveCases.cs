using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.OpCases;

/// <summary>The contrastive loss against the paper's sums, written out over the whole matrix.</summary>
public sealed class ContrastiveCases : IOpCases
{
    /// <inheritdoc/>
    public IEnumerable<OpCase> Cases =>
    [
        Row("one pair", 1, 6, [0]), Row("all distinct", 5, 4, [3, 1, 4, 0, 2]), Row("all same", 6, 7, [9, 9, 9, 9, 9, 9]),
        Row("mixed", 12, 9, [7, 3, 7, 5, 3, 3, 1, 0, 7, 2, 2, 8]), Row("past a tile", 259, 5, [.. Enumerable.Range(0, 259).Select(i => (double)(i * i % 97))]),
        Row("unit rows given", 7, 5, [0, 1, 0, 2, 3, 3, 3], normalize: false),
    ];

    /// <inheritdoc/>
    public IEnumerable<ErrorCase> Errors =>
    [
        new("ContrastiveLoss", "sizes", d => F.ContrastiveLoss(Tensor.Ones([2, 3], DType.F32, d), Tensor.Ones([3, 3], DType.F32, d), Tensor.Zeros([], DType.F32, d), Tensor.Zeros([2], DType.I64, d)), "v is [3, 3]"),
        new("ContrastiveLoss", "labels", d => F.ContrastiveLoss(Tensor.Ones([2, 3], DType.F32, d), Tensor.Ones([2, 3], DType.F32, d), Tensor.Zeros([], DType.F32, d), Tensor.Zeros([3], DType.I64, d)), "expected [2]"),
        new("ContrastiveLoss", "empty", d => F.ContrastiveLoss(Tensor.Ones([0, 3], DType.F32, d), Tensor.Ones([0, 3], DType.F32, d), Tensor.Zeros([], DType.F32, d), Tensor.Zeros([0], DType.I64, d)), "at least one pair"),
    ];

    private static OpCase Row(string label, int batch, int width, double[] labels, bool normalize = true) =>
        new("ContrastiveLoss", label, x => F.ContrastiveLoss(x[0], x[1], x[2], x[3], normalize), x => new Nd([Loss(x[0], x[1], x[2].Data[0], x[3].Data, normalize)], []),
            new In([batch, width]), new In([batch, width]), new In([], 0.5, 2.5), In.Ids([batch], labels))
        { Tolerance32 = 5e-6, IsForSimulator = batch < 100 };

    private static double Loss(Nd u, Nd v, double logScale, double[] y, bool normalize)
    {
        int b = u.Shape[0], d = u.Shape[1];
        double Norm(Nd x, int i) => normalize ? Math.Sqrt(Enumerable.Range(0, d).Sum(k => x[i, k] * x[i, k])) : 1;
        var s = Nd.From([b, b], i => Math.Exp(logScale) * Enumerable.Range(0, d).Sum(k => u[i[0], k] * v[i[1], k]) / (Norm(u, i[0]) * Norm(v, i[1])));
        double total = 0;
        for (var i = 0; i < b; i++)
        {
            var positives = Enumerable.Range(0, b).Where(k => y[k] == y[i]).ToArray();
            double row = Math.Log(Enumerable.Range(0, b).Sum(j => Math.Exp(s[i, j]))), column = Math.Log(Enumerable.Range(0, b).Sum(j => Math.Exp(s[j, i])));
            total -= positives.Sum(k => s[i, k] - row + s[k, i] - column) / positives.Length;
        }

        return total / (2 * b);
    }
}
