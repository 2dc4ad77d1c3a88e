using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.OpCases;

/// <summary>Interpolation in all modes.</summary>
public sealed class InterpolateCases : IOpCases
{
    /// <inheritdoc/>
    public IEnumerable<OpCase> Cases
    {
        get
        {
            foreach (var mode in (InterpolateMode[])[InterpolateMode.Nearest, InterpolateMode.Bilinear, InterpolateMode.Bicubic])
            {
                yield return Row("up", [2, 3, 5, 7], [11, 13], mode);
                yield return Row("down", [2, 3, 12, 10], [5, 4], mode);
                yield return Row("tiny", [1, 2, 3, 2], [2, 4], mode);
                yield return Row("past a group", [1, 1, 9, 33], [7, 40], mode);
                yield return Row("one pixel", [1, 2, 1, 1], [3, 2], mode);
                yield return Row("empty", [0, 2, 3, 4], [3, 2], mode);
                if (mode == InterpolateMode.Nearest) { continue; }
                yield return Row("up aligned", [2, 3, 4, 6], [8, 12], mode, alignCorners: true);
                yield return Row("down aligned", [1, 2, 12, 10], [5, 1], mode, alignCorners: true);
                yield return Row("antialiased down", [1, 3, 14, 11], [5, 6], mode, antialias: true);
                yield return Row("antialiased mixed", [1, 2, 9, 5], [4, 12], mode, antialias: true);
            }

            yield return Row("up", [1, 2, 3, 4, 5], [5, 7, 4], InterpolateMode.Trilinear);
            yield return Row("aligned", [1, 2, 3, 2, 4], [2, 5, 3], InterpolateMode.Trilinear, alignCorners: true);
            yield return Row("clips", [1, 2, 3, 2, 4], [2, 5, 3], InterpolateMode.Nearest);
        }
    }

    /// <inheritdoc/>
    public IEnumerable<ErrorCase> Errors =>
    [
        new("Interpolate", "rank", d => F.Interpolate(Ones(d, 1, 3, 4), [2, 2], InterpolateMode.Bilinear),
            "expected [B, C, H, W]"),
        new("Interpolate", "sizes", d => F.Interpolate(Ones(d, 1, 3, 4, 4), [2], InterpolateMode.Bilinear),
            "needs 2 sizes, not 1"),
        new("Interpolate", "zero", d => F.Interpolate(Ones(d, 1, 3, 4, 4), [2, 0], InterpolateMode.Bicubic), "must be positive"),
        new("Interpolate", "nearest aligned", d => F.Interpolate(Ones(d, 1, 3, 4, 4), [2, 2], InterpolateMode.Nearest,
            alignCorners: true), "no meaning"),
        new("Interpolate", "antialias", d => F.Interpolate(Ones(d, 1, 3, 4, 4), [2, 2], InterpolateMode.Nearest,
            antialias: true), "antialias is for"),
    ];

    internal static Tensor Ones(Device device, params int[] shape) => Tensor.Ones(shape, DType.F32, device);

    private static OpCase Row(string label, int[] shape, int[] size, InterpolateMode mode, bool alignCorners = false,
        bool antialias = false) => new(
        "Interpolate", $"{mode} {label}", x => F.Interpolate(x[0], size, mode, alignCorners, antialias),
        x => Nd.From([shape[0], shape[1], .. size], i => At(x[0], i, size, mode, alignCorners, antialias)),
            new In(shape))
        { Tolerance32 = 3e-6 };

    // Every input pixel weighted by the product of its axes' weights.
    private static double At(Nd x, int[] i, int[] size, InterpolateMode mode, bool alignCorners, bool antialias)
    {
        double sum = 0;
        Shape space = x.Shape[2..];
        var weights = size.Select((s, a) => Weights(i[2 + a], space[a], s, mode, alignCorners, antialias)).ToArray();
        foreach (var p in Nd.Indices(space))
        {
            sum += p.Select((v, a) => weights[a][v]).Aggregate(1.0, (a, b) => a * b) * x[[i[0], i[1], .. p]];
        }
        return sum;
    }

    private static double[] Weights(int j, int from, int to, InterpolateMode mode, bool alignCorners, bool antialias)
    {
        var w = new double[from];
        var scale = alignCorners ? (to == 1 ? 0 : (from - 1.0) / (to - 1)) : (double)from / to;
        var isCubic = mode == InterpolateMode.Bicubic;
        if (mode == InterpolateMode.Nearest) { w[(int)(j * (long)from / to)] = 1; }
        else if (antialias)
        {
            double stretch = Math.Max(1, scale), centre = scale * (j + 0.5);
            for (var p = 0; p < from; p++)
            {
                w[p] = isCubic ? Keys((p + 0.5 - centre) / stretch, -0.5) : Hat((p + 0.5 - centre) / stretch);
            }
            var total = w.Sum();
            for (var p = 0; p < from; p++) { w[p] /= total; }
        }
        else
        {
            var at = alignCorners ? j * scale : (j + 0.5) * scale - 0.5;
            if (!isCubic) { at = Math.Max(0, at); }
            for (var p = -4; p < from + 4; p++) { w[Math.Clamp(p, 0, from - 1)] += isCubic ? Keys(p - at, -0.75) : Hat(p - at); }
        }

        return w;
    }

    private static double Hat(double x) => Math.Max(0, 1 - Math.Abs(x));

    private static double Keys(double x, double a) => Math.Abs(x) switch
    {
        <= 1 and var t => (a + 2) * t * t * t - (a + 3) * t * t + 1,
        < 2 and var t => a * t * t * t - 5 * a * t * t + 8 * a * t - 4 * a,
        _ => 0,
    };
}

/// <summary>Sampling at given places and boxes.</summary>
public sealed class SamplingCases : IOpCases
{
    /// <inheritdoc/>
    public IEnumerable<OpCase> Cases =>
    [
        Grid("inside", [2, 3, 5, 6], [2, 4, 3, 2], 0.85, false), Grid("past the border", [1, 2, 4, 3], [1, 5, 7, 2], 1.9, false),
        Grid("aligned", [1, 2, 5, 6], [1, 3, 4, 2], 1.3, true), Grid("past a group", [1, 1, 7, 5], [1, 3, 97, 2], 1.1, false),
        Grid("tiny", [1, 2, 2, 3], [1, 2, 2, 2], 1.2, false), Grid("no samples", [1, 2, 2, 3], [1, 0, 2, 2], 1.2, false),
        Roi("ratio 2", [2, 3, 8, 8], (2, 2), 0.5, 2, true), Roi("adaptive", [2, 2, 9, 7], (3, 2), 0.5, 0, false),
        Roi("legacy", [2, 2, 5, 6], (2, 3), 0.25, 1, false), Roi("tiny", [2, 1, 3, 4], (1, 2), 0.25, 2, true),
    ];

    /// <inheritdoc/>
    public IEnumerable<ErrorCase> Errors =>
    [
        new("GridSample", "batch", d => F.GridSample(InterpolateCases.Ones(d, 2, 1, 3, 3), InterpolateCases.Ones(d, 1, 2, 2, 2)),
            "expected [2, Ho, Wo, 2]"),
        new("RoiAlign", "columns", d => F.RoiAlign(InterpolateCases.Ones(d, 2, 1, 3, 3), InterpolateCases.Ones(d, 1, 4), 2),
            "expected [R, 5]"),
        new("RoiAlign", "image", d => F.RoiAlign(InterpolateCases.Ones(d, 1, 1, 3, 3), InterpolateCases.Ones(d, 1, 5), 2),
            "names image 1, x has 1"),
    ];

    private static OpCase Grid(string label, int[] x, int[] grid, double reach, bool alignCorners) => new(
        "GridSample", label, t => F.GridSample(t[0], t[1], alignCorners), t => Nd.From([x[0], x[1], grid[1], grid[2]], i =>
        {
            double Place(double g, int size) => alignCorners ? (g + 1) / 2 * (size - 1) : ((g + 1) * size - 1) / 2;
            return Bilinear(t[0], i[0], i[1], Place(t[1][i[0], i[2], i[3], 1], x[2]), Place(t[1][i[0], i[2], i[3], 0], x[3]));
        }), new In(x), new In(grid, -reach, reach))
    { Tolerance32 = 1e-5 };

    private static double Bilinear(Nd x, int b, int c, double h, double w)
    {
        double sum = 0;
        foreach (var p in Nd.Indices([x.Shape[2], x.Shape[3]]))
        {
            sum += Math.Max(0, 1 - Math.Abs(p[0] - h)) * Math.Max(0, 1 - Math.Abs(p[1] - w)) * x[b, c, p[0], p[1]];
        }

        return sum;
    }

    private static OpCase Roi(string label, int[] x, Size2 size, double scale, int ratio, bool aligned)
    {
        double[] boxes = [0, 1.3, 2.1, 13.7, 11.9, 1, -3.2, 0.4, 6.1, 21.5, 1, 4.4, 3.3, 5.2, 4.1, 0, 30, 31, 44, 47];
        return new("RoiAlign", label, t => F.RoiAlign(t[0], t[1], size, scale, ratio, aligned), t =>
            Nd.From([4, x[1], size.Height, size.Width], i =>
        {
            double Box(int column) => t[1][i[0], column] * scale - (aligned ? 0.5 : 0);
            double Length(double length) => aligned ? length : Math.Max(1, length);
            double top = Box(2), left = Box(1), high = Length(Box(4) - top) / size.Height,
                wide = Length(Box(3) - left) / size.Width;
            int rows = ratio > 0 ? ratio : (int)Math.Ceiling(high), columns = ratio > 0 ? ratio : (int)Math.Ceiling(wide);
            double sum = 0;
            foreach (var s in Nd.Indices([rows, columns]))
            {
                double h = top + high * (i[2] + (s[0] + 0.5) / rows), w = left + wide * (i[3] + (s[1] + 0.5) / columns);
                if (h < -1 || w < -1 || h > x[2] || w > x[3]) { continue; }
                sum += Bilinear(t[0], (int)t[1][i[0], 0], i[1], Math.Clamp(h, 0, x[2] - 1), Math.Clamp(w, 0, x[3] - 1));
            }

            return sum / Math.Max(1, rows * columns);
        }), new In(x), new In([4, 5], Kind: InKind.Constant, Fixed: [.. boxes.Select(v =>
            (double)(float)v)]))
        { Tolerance32 = 1e-5 };
    }
}
