using ILGPU;
using ILGPU.Algorithms;

namespace FlorenceKernels.Runtime;

/// <summary>f64 functions of GPUs. ILGPU's own go through CORDIC loops on CUDA: its logarithm is wrong by up to 0.09 and its sine
/// does not end for large arguments (measured under the CUDA emulator, 1.5.3).</summary>
internal static class Gpu64
{
    // π/2 in three parts; n times one of the first two is exact for n below 2²⁰ (fdlibm, e_rem_pio2.c).
    private const double TwoOverPi = 0.6366197723675814, Pio2A = 1.57079632673412561417, Pio2B = 6.07710050630396597660e-11,
        Pio2C = 2.02226624879595063154e-21;

    /// <summary>Arguments beyond give NaN: three parts of π/2 no longer reduce them.</summary>
    public const double LargestAngle = 1e6;

    /// <summary>ln x = e·ln 2 + 2·artanh((m − 1)/(m + 1)) with x = m·2ᵉ, √½ ≤ m &lt; √2; the series' error there is
    /// below 1e-18.</summary>
    public static double Log(double x)
    {
        var isTiny = x < 2.2250738585072014e-308;
        var bits = Interop.FloatAsInt(isTiny ? x * 18014398509481984.0 : x);
        var exponent = (int)(bits >> 52) - (isTiny ? 1077 : 1023);
        var m = Interop.IntAsFloat((bits & 0xF_FFFF_FFFF_FFFFUL) | 0x3FF0_0000_0000_0000UL);
        var isHigh = m > 1.4142135623730951;
        m = isHigh ? m * 0.5 : m;
        double e = isHigh ? exponent + 1 : exponent;
        var z = (m - 1) / (m + 1);
        var s = z * z;
        var p = 1.0 / 23;
        p = p * s + 1.0 / 21;
        p = p * s + 1.0 / 19;
        p = p * s + 1.0 / 17;
        p = p * s + 1.0 / 15;
        p = p * s + 1.0 / 13;
        p = p * s + 1.0 / 11;
        p = p * s + 1.0 / 9;
        p = p * s + 1.0 / 7;
        p = p * s + 1.0 / 5;
        p = p * s + 1.0 / 3;
        var y = e * RealMath.Ln2High64 + (2 * z + (2 * z * s * p + e * RealMath.Ln2Low64));
        var ofZero = x == 0 ? double.NegativeInfinity : double.NaN;
        return x > 0 ? x < double.PositiveInfinity ? y : x : ofZero;
    }

    /// <summary>sin(x + quarters·π/2).</summary>
    public static double Sin(double x, int quarters)
    {
        var n = XMath.Floor(x * TwoOverPi + 0.5);
        var r = x - n * Pio2A - n * Pio2B - n * Pio2C;
        var s = r * r;
        var quadrant = (long)n + quarters;
        var y = (quadrant & 1) == 0 ? r * SinSeries(s) : CosSeries(s);
        y = (quadrant & 2) == 0 ? y : -y;
        return XMath.Abs(x) < LargestAngle ? y : double.NaN;
    }

    // sin(r)/r = Σ (−s)ᵏ/(2k+1)! for |r| ≤ π/4; what is left out is below 1e-19.
    private static double SinSeries(double s)
    {
        var p = 2.8114572543455206e-15;
        p = p * s - 7.647163731819816e-13;
        p = p * s + 1.6059043836821613e-10;
        p = p * s - 2.505210838544172e-08;
        p = p * s + 2.7557319223985893e-06;
        p = p * s - 0.0001984126984126984;
        p = p * s + 0.008333333333333333;
        p = p * s - 0.16666666666666666;
        return p * s + 1;
    }

    // cos r = Σ (−s)ᵏ/(2k)! for |r| ≤ π/4; what is left out is below 1e-20.
    private static double CosSeries(double s)
    {
        var p = -1.5619206968586225e-16;
        p = p * s + 4.779477332387385e-14;
        p = p * s - 1.1470745597729725e-11;
        p = p * s + 2.08767569878681e-09;
        p = p * s - 2.755731922398589e-07;
        p = p * s + 2.48015873015873e-05;
        p = p * s - 0.001388888888888889;
        p = p * s + 0.041666666666666664;
        p = p * s - 0.5;
        return p * s + 1;
    }
}
