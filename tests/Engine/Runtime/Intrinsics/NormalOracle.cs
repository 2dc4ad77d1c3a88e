using System;

namespace FlorenceKernels.Tests.Engine;

/// <summary>The normal distribution in f64, by series and continued fractions; right to a few units in the last place.</summary>
internal static class NormalOracle
{
    private static readonly double Sqrt2Pi = Math.Sqrt(2 * Math.PI);

    /// <summary>Φ(−t)·e^{t²/2} for t ≥ 0: Laplace's continued fraction 1/(t + 1/(t + 2/(t + 3/(t + …)))), and below 1
    /// e^{t²/2}/2 − Σ t^{2k+1}/(2k+1)!!/√(2π).</summary>
    public static double Mills(double t)
    {
        if (t >= 1)
        {
            double fraction = 0;
            for (var k = 500; k > 0; k--) { fraction = k / (t + fraction); }
            return 1 / ((t + fraction) * Sqrt2Pi);
        }

        double sum = 0, term = t;
        for (var k = 1; k < 30; k++)
        {
            sum += term;
            term *= t * t / (2 * k + 1);
        }

        return Math.Exp(t * t / 2) / 2 - sum / Sqrt2Pi;
    }

    /// <summary>e^{−x²/2}, with the rounding of x² made good.</summary>
    public static double Bell(double x)
    {
        var square = x * x;
        if (square > 2000) { return 0; }
        return Math.Exp(-square / 2) * (1 - Math.FusedMultiplyAdd(x, x, -square) / 2);
    }

    public static double Pdf(double x) => Bell(x) / Sqrt2Pi;

    public static double Cdf(double x) => x > 0 ? 1 - Tail(x) : Tail(-x);

    /// <summary>x·Φ(x), by its limits ∞ and −0 far out.</summary>
    public static double Gelu(double x) => x > 60 ? x : x < -60 ? -0.0 : x > 0 ? x - x * Tail(x) : x * Tail(-x);

    /// <summary>Φ(x) + x·φ(x).</summary>
    public static double GeluSlope(double x) => Cdf(x) + (Math.Abs(x) > 60 ? 0 : x * Pdf(x));

    /// <summary>erf(x)/x of s = x²: 2/√π·Σ (−s)ᵏ/(k!·(2k + 1)).</summary>
    public static double ErfSmall(double s)
    {
        double sum = 0, power = 1;
        for (var k = 0; k < 30; k++)
        {
            sum += power / (2 * k + 1);
            power *= -s / (k + 1);
        }

        return sum * 2 / Math.Sqrt(Math.PI);
    }

    public static double Erf(double x) =>
        Math.Abs(x) < 0.6 ? x * ErfSmall(x * x) : Math.CopySign(1, x) * (1 - 2 * Tail(Math.Abs(x) * Math.Sqrt(2)));

    private static double Tail(double t) => double.IsNaN(t) ? t : t > 60 ? 0 : Bell(t) * Mills(t);
}
