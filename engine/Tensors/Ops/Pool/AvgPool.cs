using System;
using System.Linq;

namespace FlorenceKernels.Tensors;

public static partial class F
{
    /// <summary>Mean over windows; padded zeros count (torch's count_include_pad), so every window divides by kh·kw.</summary>
    /// <param name="x">[B, C, H, W].</param>
    /// <param name="kernel">Window.</param>
    /// <param name="stride">Step; the window by default.</param>
    /// <param name="padding">Zeros on each side, at most half a window; 0 by default.</param>
    /// <returns>[B, C, ⌊(H + 2p − kh)/s⌋ + 1, ⌊(W + 2p − kw)/s⌋ + 1].</returns>
    /// <exception cref="FlorenceKernels.Runtime.ShapeException">The window does not fit.</exception>
    public static Tensor AvgPool2d(Tensor x, Size2 kernel, Size2? stride = null, Size2? padding = null)
    {
        var (h, w) = PoolAxes("avg_pool2d", x, kernel, stride, padding);
        return AxisMap.Run("avg_pool2d", x, WindowMean(h), WindowMean(w));
    }

    /// <summary>Mean over a grid of <paramref name="size"/> cells: cell i covers [⌊i·n/s⌋, ⌈(i + 1)·n/s⌉), so cells may
    /// overlap.</summary>
    /// <param name="x">[B, C, H, W].</param> <param name="size">Cells along height and width.</param>
    /// <returns>[B, C, size.Height, size.Width].</returns>
    /// <exception cref="FlorenceKernels.Runtime.ShapeException">x is not [B, C, H, W], or a size is zero.</exception>
    public static Tensor AdaptiveAvgPool2d(Tensor x, Size2 size)
    {
        const string Op = "adaptive_avg_pool2d";
        Check.SameFloat(Op, x);
        Check.HasRank(Op, "x", x, 4, "[B, C, H, W]");
        Check.That(size.Height > 0 && size.Width > 0 && x.Shape[2] > 0 && x.Shape[3] > 0,
            $"{Op}: sizes must be positive, {x.Shape} to {size}");
        return AxisMap.Run(Op, x, CellMean(x.Shape[2], size.Height), CellMean(x.Shape[3], size.Width));
    }

    internal static (ConvAxis H, ConvAxis W) PoolAxes(string op, Tensor x, Size2 kernel, Size2? stride, Size2? padding)
    {
        Check.SameFloat(op, x);
        Check.HasRank(op, "x", x, 4, "[B, C, H, W]");
        Size2 s = stride ?? kernel, p = padding ?? 0;
        Check.That(p.Height * 2 <= kernel.Height && p.Width * 2 <= kernel.Width,
            $"{op}: padding {p} is more than half of the kernel {kernel}");
        return (ConvAxis.Of(op, "height", x.Shape[2], kernel.Height, s.Height, p.Height, 1),
            ConvAxis.Of(op, "width", x.Shape[3], kernel.Width, s.Width, p.Width, 1));
    }

    private static AxisTable WindowMean(ConvAxis axis) => AxisTable.Of(axis.Size, axis.Out, j =>
    {
        int start = Math.Max(0, axis.At(j, 0)), end = Math.Min(axis.Size, axis.At(j, axis.Kernel));
        return (start, Even(end - start, axis.Kernel));
    });

    private static AxisTable CellMean(int size, int cells) => AxisTable.Of(size, cells, j =>
    {
        int start = (int)((long)j * size / cells), end = (int)(((long)(j + 1) * size + cells - 1) / cells);
        return (start, Even(end - start, end - start));
    });

    private static double[] Even(int count, int divisor) => [.. Enumerable.Repeat(1.0 / divisor, count)];
}
