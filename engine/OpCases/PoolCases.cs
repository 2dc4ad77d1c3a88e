using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.OpCases;

/// <summary>Means and maxima over windows and cells.</summary>
public sealed class PoolCases : IOpCases
{
    /// <inheritdoc/>
    public IEnumerable<OpCase> Cases =>
    [
        .. Windows("AvgPool2d", (x, k, s, p) => F.AvgPool2d(x, k, s, p), (inside, k) => inside.Sum() / (k.Height * k.Width)),
        .. Windows("MaxPool2d", (x, k, s, p) => F.MaxPool2d(x, k, s, p), (inside, _) => inside.Max()),
        Cells("uneven", [2, 3, 7, 5], (3, 2)), Cells("global", [2, 3, 6, 4], 1), Cells("upwards", [1, 2, 3, 5], (7, 5)),
        Cells("past a group", [1, 2, 17, 33], (5, 9)), Cells("tiny", [1, 2, 3, 4], 2), Cells("empty", [0, 3, 6, 4], 2),
    ];

    /// <inheritdoc/>
    public IEnumerable<ErrorCase> Errors =>
    [
        new("AvgPool2d", "padding", d => F.AvgPool2d(Tensor.Ones([1, 1, 4, 4], DType.F32, d), 3, 1, 2),
            "more than half of the kernel"),
        new("MaxPool2d", "too large", d => F.MaxPool2d(Tensor.Ones([1, 1, 4, 2], DType.F32, d), 3), "does not fit width 2"),
        new("MaxPool2d", "rank", d => F.MaxPool2d(Tensor.Ones([1, 4, 2], DType.F32, d), 2), "expected [B, C, H, W]"),
        new("AdaptiveAvgPool2d", "zero", d => F.AdaptiveAvgPool2d(Tensor.Ones([1, 1, 4, 2], DType.F32, d), 0),
            "sizes must be positive"),
    ];

    private static IEnumerable<OpCase> Windows(string op, Func<Tensor, Size2, Size2, Size2, Tensor> f, Func<List<double>, Size2,
        double> g)
    {
        OpCase Row(string label, int[] shape, Size2 k, Size2 s, Size2 p) => new(op, label, x => f(x[0], k, s, p), x =>
            Nd.From([shape[0], shape[1], (shape[2] + 2 * p.Height - k.Height) / s.Height + 1,
                (shape[3] + 2 * p.Width - k.Width) / s.Width + 1],
                i => g(Inside(x[0], i, k, s, p), k)), new In(shape));
        return
        [
            Row("2x2", [2, 3, 6, 7], 2, 2, 0), Row("padded", [2, 3, 9, 8], 3, 2, 1),
            Row("apart", [1, 2, 5, 9], (2, 4), (1, 3), (1, 2)),
            Row("past a group", [1, 2, 7, 33], 3, 1, 1), Row("tiny", [1, 2, 3, 4], 2, 1, 0), Row("empty", [0, 3, 6, 4], 2, 2, 0),
        ];
    }

    private static List<double> Inside(Nd x, int[] i, Size2 k, Size2 s, Size2 p)
    {
        var values = new List<double>();
        foreach (var tap in Nd.Indices([k.Height, k.Width]))
        {
            int h = i[2] * s.Height - p.Height + tap[0], w = i[3] * s.Width - p.Width + tap[1];
            if (h >= 0 && w >= 0 && h < x.Shape[2] && w < x.Shape[3]) { values.Add(x[i[0], i[1], h, w]); }
        }

        return values;
    }

    private static OpCase Cells(string label, int[] shape, Size2 size) => new("AdaptiveAvgPool2d", label, x =>
        F.AdaptiveAvgPool2d(x[0], size), x =>
        Nd.From([shape[0], shape[1], size.Height, size.Width], i =>
        {
            double sum = 0, count = 0;
            foreach (var at in Nd.Indices([shape[2], shape[3]]))
            {
                // Pixel [a, a + 1) meets cell [i·n/s, (i + 1)·n/s).
                bool Meets(int a, int cell, int n, int s) => (a + 1) * s > cell * n && a * s < (cell + 1) * n;
                if (!Meets(at[0], i[2], shape[2], size.Height) || !Meets(at[1], i[3], shape[3], size.Width)) { continue; }
                (sum, count) = (sum + x[0][i[0], i[1], at[0], at[1]], count + 1);
            }

            return sum / count;
        }), new In(shape));
}
