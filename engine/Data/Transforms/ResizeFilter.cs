using System;

namespace FlorenceKernels.Data;

/// <summary>Filters of a resize, with PIL's names. All but <see cref="Nearest"/> widen with the scale when shrinking
/// (antialias).</summary>
public enum ResizeFilter
{
    /// <summary>The nearest source pixel.</summary>
    Nearest,

    /// <summary>Mean of the source pixels under the target pixel.</summary>
    Box,

    /// <summary>Triangle of width 2.</summary>
    Bilinear,

    /// <summary>Cubic convolution of width 4 with a = −0.5 (Keys 1981).</summary>
    Bicubic,

    /// <summary>Windowed sinc of width 6.</summary>
    Lanczos,
}

/// <summary>Filter functions on the real line.</summary>
internal static class ResizeKernel
{
    internal static double Support(ResizeFilter filter) => filter switch
    {
        ResizeFilter.Box => 0.5,
        ResizeFilter.Bilinear => 1,
        ResizeFilter.Bicubic => 2,
        ResizeFilter.Lanczos => 3,
        _ => throw new ArgumentOutOfRangeException(nameof(filter), filter, "The filter has no kernel."),
    };

    internal static double At(ResizeFilter filter, double x) => filter switch
    {
        ResizeFilter.Box => x is > -0.5 and <= 0.5 ? 1 : 0,
        ResizeFilter.Bilinear => Math.Max(0, 1 - Math.Abs(x)),
        ResizeFilter.Bicubic => Cubic(Math.Abs(x)),
        _ => x is >= -3 and < 3 ? Sinc(x) * Sinc(x / 3) : 0,
    };

    private static double Cubic(double x)
    {
        const double A = -0.5;
        return x < 1 ? ((A + 2) * x - (A + 3)) * x * x + 1 : x < 2 ? (((x - 5) * x + 8) * x - 4) * A : 0;
    }

    private static double Sinc(double x) => x == 0 ? 1 : Math.Sin(x * Math.PI) / (x * Math.PI);
}
