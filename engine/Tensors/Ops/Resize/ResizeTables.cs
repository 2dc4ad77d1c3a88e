using System;
using System.Collections.Concurrent;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>How missing pixels are made.</summary>
public enum InterpolateMode
{
    /// <summary>The input whose cell the output's corner falls in.</summary>
    Nearest,

    /// <summary>Straight lines between neighbours along height and width.</summary>
    Bilinear,

    /// <summary>Cubic convolution along height and width (Keys 1981) with a = −0.75; with antialiasing a = −0.5.</summary>
    Bicubic,

    /// <summary>Straight lines between neighbours along time, height and width.</summary>
    Trilinear,
}

/// <summary>The tables of torch's interpolate, made once per size and kept.</summary>
internal static class ResizeTables
{
    private const int MostKept = 512; // sizes of a detection run vary without end; the tables are cheap to make again

    private static readonly ConcurrentDictionary<Key, AxisTable> Kept = new();

    private readonly record struct Key(InterpolateMode Mode, bool AlignCorners, bool Antialias, int Inputs, int Outputs);

    public static AxisTable Get(InterpolateMode mode, bool alignCorners, bool antialias, int inputs, int outputs)
    {
        if (Kept.Count > MostKept) { Kept.Clear(); }
        return Kept.GetOrAdd(new Key(mode, alignCorners, antialias, inputs, outputs), Make);
    }

    private static AxisTable Make(Key k)
    {
        if (k.Mode == InterpolateMode.Nearest)
        {
            // Torch multiplies in float32, whatever the element type: the same cell at ties needs the same rounding.
            var step = (float)k.Inputs / k.Outputs;
            return AxisTable.Of(k.Inputs, k.Outputs, j => (Math.Min((int)MathF.Floor(j * step), k.Inputs - 1), [1]));
        }

        var scale = !k.AlignCorners ? (double)k.Inputs / k.Outputs : k.Outputs > 1 ? (k.Inputs - 1.0) / (k.Outputs - 1) : 0;
        var isCubic = k.Mode == InterpolateMode.Bicubic;
        if (k.Antialias) { return AxisTable.Of(k.Inputs, k.Outputs, j => Antialiased(j, scale, isCubic, k.Inputs)); }
        double Source(int j) => k.AlignCorners ? j * scale : (j + 0.5) * scale - 0.5;
        return AxisTable.Of(k.Inputs, k.Outputs, j => isCubic ? CubicAt(Source(j), k.Inputs) : LinearAt(Source(j), k.Inputs));
    }

    /// <summary>Two neighbours of a position, the border repeated.</summary>
    private static (int Start, double[] Weights) LinearAt(double x, int size)
    {
        x = Math.Clamp(x, 0, size - 1);
        var start = Math.Min((int)x, size - 1);
        return start == size - 1 ? (start, [1]) : (start, [1 - (x - start), x - start]);
    }

    /// <summary>Four neighbours of a position, the border repeated: its weights gather on the outermost pixel.</summary>
    private static (int Start, double[] Weights) CubicAt(double x, int size)
    {
        var first = (int)Math.Floor(x) - 1;
        int start = Math.Clamp(first, 0, size - 1), end = Math.Clamp(first + 3, 0, size - 1);
        var weights = new double[end - start + 1];
        for (var k = 0; k < 4; k++) { weights[Math.Clamp(first + k, 0, size - 1) - start] += Cubic(x - first - k, -0.75); }
        return (start, weights);
    }

    /// <summary>The filter stretched over the pixels an output covers when the image shrinks, normalised (PIL's
    /// resampling).</summary>
    private static (int Start, double[] Weights) Antialiased(int j, double scale, bool isCubic, int size)
    {
        var stretch = Math.Max(scale, 1);
        var support = (isCubic ? 2 : 1) * stretch;
        var centre = scale * (j + 0.5);
        var start = Math.Max((int)(centre - support + 0.5), 0);
        var weights = new double[Math.Max(0, Math.Min((int)(centre + support + 0.5), size) - start)];
        double total = 0;
        for (var k = 0; k < weights.Length; k++)
        {
            var x = (start + k - centre + 0.5) / stretch;
            weights[k] = isCubic ? Cubic(x, -0.5) : Math.Max(0, 1 - Math.Abs(x));
            total += weights[k];
        }

        for (var k = 0; k < weights.Length && total != 0; k++) { weights[k] /= total; }
        return (start, weights);
    }

    /// <summary>Cubic convolution kernel: (a+2)|x|³ − (a+3)x² + 1 up to 1, a|x|³ − 5ax² + 8a|x| − 4a up to 2 (Keys 1981, eq.
    /// 15).</summary>
    private static double Cubic(double x, double a)
    {
        x = Math.Abs(x);
        if (x >= 2) { return 0; }
        return x <= 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : ((x - 5) * x + 8) * x * a - 4 * a;
    }
}

public static partial class F
{
    /// <summary>Resizes the spatial axes, with the semantics of torch's interpolate: pixel centres at half integers (corners
    /// matched instead with <paramref name="alignCorners"/>), borders repeated.</summary>
    /// <param name="x">[B, C, H, W]; [B, C, T, H, W] for trilinear and, if you like, nearest.</param>
    /// <param name="size">New sizes of the spatial axes, in order.</param> <param name="mode">How pixels are made.</param>
    /// <param name="alignCorners">The outermost pixels' centres coincide.</param>
    /// <param name="antialias">Widens the filter when shrinking; bilinear and bicubic only.</param>
    /// <returns>[B, C, size…].</returns>
    /// <exception cref="ShapeException">Rank, sizes and mode do not fit each other, or a size is zero.</exception>
    public static Tensor Interpolate(Tensor x, System.ReadOnlySpan<int> size, InterpolateMode mode, bool alignCorners = false,
        bool antialias = false)
    {
        const string Op = "interpolate";
        Check.SameFloat(Op, x);
        var axes = mode == InterpolateMode.Trilinear || (mode == InterpolateMode.Nearest && size.Length == 3) ? 3 : 2;
        Check.HasRank(Op, "x", x, axes + 2, axes == 3 ? "[B, C, T, H, W]" : "[B, C, H, W]");
        Check.That(size.Length == axes, $"{Op}: {mode} of {x.Shape} needs {axes} sizes, not {size.Length}");
        Check.That(!alignCorners || mode != InterpolateMode.Nearest,
            $"{Op}: alignCorners has no meaning for {mode}; leave it false");
        Check.That(!antialias || mode is InterpolateMode.Bilinear or InterpolateMode.Bicubic,
            $"{Op}: antialias is for Bilinear and Bicubic, not {mode}; leave it false");
        var tables = new AxisTable[axes];
        for (var i = 0; i < axes; i++)
        {
            var (from, to) = (x.Shape[2 + i], size[i]);
            Check.That(from > 0 && to > 0, $"{Op}: sizes must be positive, spatial axis {i} goes from {from} to {to}");
            tables[i] = ResizeTables.Get(mode, alignCorners, antialias, from, to);
        }

        return AxisMap.Run(Op, x, tables);
    }
}
