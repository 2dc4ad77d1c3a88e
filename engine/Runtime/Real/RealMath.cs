using System.Runtime.CompilerServices;

namespace FlorenceKernels.Runtime;

/// <summary>Functions composed of <see cref="IReal{TSelf}"/> primitives, the same on every device.</summary>
public static class RealMath
{
    internal const double Log2E = 1.4426950408889634, Ln2High = 0.693359375, Ln2Low = -2.12194440054690583e-4;
    internal const double Ln2High64 = 0.6931471803691238, Ln2Low64 = 1.9082149292705877e-10;

    /// <summary>tanh x = (e^{2x} − 1)/(e^{2x} + 1); below 0.625, where that cancels, Lambert's continued fraction
    /// x/(1 + x²/(3 + x²/(5 + …))) to the term 15, whose error there is 6e-18. Both are fractions, so one division serves.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Tanh<R>(R x) where R : struct, IReal<R>
    {
        var s = x * x;
        var above = R.MultiplyAdd(R.MultiplyAdd(R.MultiplyAdd(R.Of(36), s, R.Of(6930)), s, R.Of(270270)), s, R.Of(2027025));
        var below = R.MultiplyAdd(R.MultiplyAdd(R.MultiplyAdd(s + R.Of(630), s, R.Of(51975)), s, R.Of(945945)), s, R.Of(2027025));
        var e = R.Exp(R.Min(R.Of(44), x + x));
        var limit = R.Of(0.625 * 0.625);
        return R.IfGreater(s, limit, e - R.Of(1), x * above) / R.IfGreater(s, limit, e + R.Of(1), below);
    }

    /// <summary>1/(1 + e^{−x}).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Sigmoid<R>(R x) where R : struct, IReal<R> => R.Of(1) / (R.Of(1) + R.Exp(-x));

    /// <summary>ln(1 + x); for |x| ≤ ¼ as 2·artanh(x/(2 + x)) by its series, where 1 + x would round x away.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Log1P<R>(R x) where R : struct, IReal<R>
    {
        var z = x / (R.Of(2) + x);
        var s = z * z;
        var p = R.Of(1.0 / 19);
        p = R.Horner(p, s, 1.0 / 17);
        p = R.Horner(p, s, 1.0 / 15);
        p = R.Horner(p, s, 1.0 / 13);
        p = R.Horner(p, s, 1.0 / 11);
        p = R.Horner(p, s, 1.0 / 9);
        p = R.Horner(p, s, 1.0 / 7);
        p = R.Horner(p, s, 1.0 / 5);
        p = R.Horner(p, s, 1.0 / 3);
        p = R.Horner(p, s, 1);
        return R.IfGreater(R.Abs(x), R.Of(0.25), R.Log(R.Of(1) + x), R.Of(2) * z * p);
    }

    /// <summary>e^{−x²/2}/√(2π).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R NormalPdf<R>(R x) where R : struct, IReal<R> => R.Exp(x * x * R.Of(-0.5)) * R.Of(0.3989422804014327);

    /// <summary>Φ(x): one exponential and one polynomial, accurate in the far tail too. Beyond 40 the tail is 0 in f64, and the fraction
    /// inside Mills' ratio would be ∞/∞ at infinity.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R NormalCdf<R>(R x) where R : struct, IReal<R>
    {
        var tail = R.Exp(x * x * R.Of(-0.5)) * R.MillsHalf(R.Min(R.Of(40), R.Abs(x)));
        return R.IfGreater(x, R.Of(0), R.Of(1) - tail, tail);
    }

    /// <summary>x·Φ(x) = max(x, 0) − |x|·Φ(−|x|).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R GeluErf<R>(R x) where R : struct, IReal<R>
    {
        var t = R.Abs(x);
        var tail = R.Exp(x * x * R.Of(-0.5)) * R.MillsHalf(t);
        return R.MultiplyAdd(-t, tail, R.Max(R.Of(0), x));
    }

    /// <summary>Φ(x) + x·φ(x), φ(x) = e^{−x²/2}/√(2π): one exponential for both.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R GeluErfSlope<R>(R x) where R : struct, IReal<R>
    {
        var e = R.Exp(x * x * R.Of(-0.5));
        var tail = e * R.MillsHalf(R.Abs(x));
        return R.MultiplyAdd(x * R.Of(0.3989422804014327), e, R.IfGreater(x, R.Of(0), R.Of(1) - tail, tail));
    }

    /// <summary>erf x = 2Φ(x√2) − 1, by its own series for |x| ≤ ½ where that cancels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Erf<R>(R x) where R : struct, IReal<R>
    {
        var near = x * R.ErfSmall(R.Min(R.Of(0.25), x * x));
        var far = R.Of(2) * NormalCdf(x * R.Of(1.4142135623730951)) - R.Of(1);
        return R.IfGreater(x * x, R.Of(0.25), far, near);
    }

    /// <summary>x = n·ln 2 + r with |r| ≤ ln(2)/2, x clamped so that 2ⁿ⁻¹ has an f32 exponent (n = −126 gives 0).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static (R N, R Remainder) Split32<R>(R x) where R : struct, IReal<R>
    {
        x = R.Max(R.Of(-87.4), R.Min(R.Of(89), x));
        var n = R.Floor(R.MultiplyAdd(x, R.Of(Log2E), R.Of(0.5)));
        return (n, R.MultiplyAdd(n, R.Of(-Ln2Low), R.MultiplyAdd(n, R.Of(-Ln2High), x)));
    }

    /// <summary>The f64 form of <see cref="Split32{R}"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static (R N, R Remainder) Split64<R>(R x) where R : struct, IReal<R>
    {
        x = R.Max(R.Of(-708.6), R.Min(R.Of(710), x));
        var n = R.Floor(R.MultiplyAdd(x, R.Of(Log2E), R.Of(0.5)));
        return (n, R.MultiplyAdd(n, R.Of(-Ln2Low64), R.MultiplyAdd(n, R.Of(-Ln2High64), x)));
    }
}
