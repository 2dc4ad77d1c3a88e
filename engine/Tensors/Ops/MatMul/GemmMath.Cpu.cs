using System;
using System.Runtime.CompilerServices;

namespace FlorenceKernels.Tensors;

/// <summary>
/// Exponential, logistic and normal distribution in vectors. Coefficients are our own interpolations at Chebyshev nodes in
/// 60-digit
/// arithmetic; relative error of the formulas: float 1.2e-8, double 2e-17, so rounding alone decides the last bit.
/// In float, e^(−u²/2) inherits the rounding of u²/2: the relative error of a tail grows as u²·ε, its absolute error does not.
/// </summary>
internal static class GemmMath<TL, TV, T>
    where TL : struct, ILanes<TV, T>
    where TV : unmanaged
    where T : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TV Number(double value)
    {
        if (typeof(T) == typeof(float))
        {
            return TL.Set(Unsafe.BitCast<float, T>((float)value));
        }
        return TL.Set(Unsafe.BitCast<double, T>(value));
    }

    /// <summary>eˣ, x bounded above by 87 (double: 700); 0 where eˣ would be below the normal numbers. NaN stays NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TV Exp(TV x)
    {
        var least = Number(typeof(T) == typeof(float) ? -87.33 : -708.3);
        var bounded = TL.Max(least, TL.Min(Number(typeof(T) == typeof(float) ? 87 : 700), x));
        return TL.IfLess(x, least, TL.Zero, NormalExp(bounded));
    }

    // eˣ where it is a normal number: x = n·ln 2 + r with |r| ≤ ln 2 / 2, ln 2 in two parts of which the first times n is exact;
    // eʳ = 1 + r + r²·Q(r).
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TV NormalExp(TV x)
    {
        var shift = Number(typeof(T) == typeof(float) ? 12582912.0 : 6755399441055744.0); // 1.5·2²³, 1.5·2⁵²: adding it rounds
        var n = TL.Sub(TL.MulAdd(x, Number(1.4426950408889634), shift), shift);
        var r = TL.MulAdd(n, Number(typeof(T) == typeof(float) ? -0.693359375 : -0.693145751953125), x);
        r = TL.MulAdd(n, Number(typeof(T) == typeof(float) ? 2.12194440054690581e-4 : -1.4286068203094172e-6), r);
        var q = typeof(T) == typeof(float) ? ExpTail32(r) : ExpTail64(r);
        return TL.Mul(TL.Add(TL.MulAdd(TL.Mul(r, r), q, r), Number(1)), TL.PowerOfTwo(n));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TV ExpTail32(TV r)
    {
        var q = TL.MulAdd(Number(0.00139261761199), r, Number(0.00836317307451));
        q = TL.MulAdd(q, r, Number(0.0416665546621));
        q = TL.MulAdd(q, r, Number(0.166665770256));
        return TL.MulAdd(q, r, Number(0.5));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TV ExpTail64(TV r)
    {
        var q = TL.MulAdd(Number(2.09146793765839351e-9), r, Number(2.510520637395701112e-8));
        q = TL.MulAdd(q, r, Number(2.755727366134863622e-7));
        q = TL.MulAdd(q, r, Number(2.755725542574643428e-6));
        q = TL.MulAdd(q, r, Number(0.00002480158732553336382));
        q = TL.MulAdd(q, r, Number(0.0001984126987480049198));
        q = TL.MulAdd(q, r, Number(0.001388888888888375242));
        q = TL.MulAdd(q, r, Number(0.008333333333326140884));
        q = TL.MulAdd(q, r, Number(0.04166666666666666975));
        q = TL.MulAdd(q, r, Number(0.1666666666666667099));
        return TL.MulAdd(q, r, Number(0.5));
    }

    /// <summary>σ(x) = 1 / (1 + e⁻ˣ) and its complement 1 − σ(x) = e⁻ˣ·σ(x), free of cancellation.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TV Sigmoid(TV x, out TV complement)
    {
        var e = Exp(TL.Sub(TL.Zero, x));
        var s = TL.Div(Number(1), TL.Add(Number(1), e));
        complement = TL.Mul(e, s);
        return s;
    }

    /// <summary>|z|, but no more than where e^(−z²/2) is still a normal number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TV BoundedAbs(TV z) => TL.Min(Number(typeof(T) == typeof(float) ? 13.2 : 37.6), TL.Abs(z));

    /// <summary>Φ(−u) = ½·erfc(u/√2) and e = e^(−u²/2) for u from <see cref="BoundedAbs"/>: small tails keep their leading
    /// digits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TV NormalTail(TV u, out TV e)
    {
        // Φ(−u) = e^(−u²/2)·s·P(s), s = 1/(1 + c·u): the form of Hastings 1955, P fitted here.
        var half = TL.Mul(Number(-0.5), u);
        var x = TL.Mul(half, u);
        e = NormalExp(x);
        if (typeof(T) == typeof(double))
        {
            var lost = TL.MulAdd(half, u, TL.Sub(TL.Zero, x)); // the rounding error of u²/2, a first-order factor of e
            e = TL.MulAdd(lost, e, e);
        }
        var s = TL.Div(Number(1), TL.MulAdd(Number(typeof(T) == typeof(float) ? 0.25 : 0.2), u, Number(1)));
        return TL.Mul(TL.Mul(e, s), typeof(T) == typeof(float) ? Tail32(s) : Tail64(s));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TV Tail32(TV s)
    {
        var p = TL.MulAdd(Number(0.0149936322952), s, Number(-0.0541295109775));
        p = TL.MulAdd(p, s, Number(0.0311430442783));
        p = TL.MulAdd(p, s, Number(0.0560126943458));
        p = TL.MulAdd(p, s, Number(-0.01045506617));
        p = TL.MulAdd(p, s, Number(0.0992457236643));
        p = TL.MulAdd(p, s, Number(0.0675812656757));
        p = TL.MulAdd(p, s, Number(0.0964802240357));
        p = TL.MulAdd(p, s, Number(0.0993738122506));
        return TL.MulAdd(p, s, Number(0.0997541828329));
    }

    private static TV Tail64(TV s)
    {
        ReadOnlySpan<double> rest =
        [
            0.0006345217610474805116, 0.00219512091148558764, -0.03011084964483518426, 0.1302371575432329957,
            -0.3328394645537264914, 0.5785851307865908628, -0.7340179912058739427, 0.7145188779723730285, -0.5489650344655018105,
            0.3339520039502534198, -0.1678857911377258833, 0.06861037998159589393, -0.01510142758177405997,
            0.02096227011733179541, 0.02438123461896770345, 0.03779741912036566586, 0.0497593970431935359, 0.06102513472942825127, 0.07021362139928118386,
            0.07659692928526241657, 0.07978845571297350536, 0.07978845608574762485,
        ];
        var p = Number(-0.0001255524296935801714);
        foreach (var coefficient in rest)
        {
            p = TL.MulAdd(p, s, Number(coefficient));
        }
        return p;
    }
}

/// <summary>An activation and its derivative on vectors.</summary>
internal interface IActivation<TV>
{
    static abstract TV Value(TV z);
    static abstract TV Slope(TV z);
}

internal readonly struct Identity<TL, TV, T> : IActivation<TV>
    where TL : struct, ILanes<TV, T>
    where TV : unmanaged
    where T : unmanaged
{
    public static TV Value(TV z) => z;
    public static TV Slope(TV z) => GemmMath<TL, TV, T>.Number(1);
}

/// <summary>z·Φ(z); derivative Φ(z) + z·φ(z). Hendrycks and Gimpel 2016.</summary>
internal readonly struct GeluErf<TL, TV, T> : IActivation<TV>
    where TL : struct, ILanes<TV, T>
    where TV : unmanaged
    where T : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TV Value(TV z)
    {
        // z·Φ(z) = max(z, 0) − |z|·Φ(−|z|): one form for both signs, and −∞ gives 0 instead of ∞·0.
        var u = GemmMath<TL, TV, T>.BoundedAbs(z);
        return TL.Sub(TL.Max(TL.Zero, z), TL.Mul(u, GemmMath<TL, TV, T>.NormalTail(u, out _)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TV Slope(TV z)
    {
        var u = GemmMath<TL, TV, T>.BoundedAbs(z);
        var tail = GemmMath<TL, TV, T>.NormalTail(u, out var e);
        var density = TL.Mul(e, GemmMath<TL, TV, T>.Number(0.39894228040143267794));
        // Φ(z) + z·φ(z) is odd about ½: with h = u·φ − Φ(−u) it is 1 + h for z ≥ 0 and −h below.
        var h = TL.Sub(TL.Mul(u, density), tail);
        return TL.IfLess(z, TL.Zero, TL.Sub(TL.Zero, h), TL.Add(GemmMath<TL, TV, T>.Number(1), h));
    }
}

/// <summary>½·z·(1 + tanh w) = z·σ(2w), 2w = 2·√(2/π)·(z + 0.044715·z³). Hendrycks and Gimpel 2016, the tanh form.</summary>
internal readonly struct GeluTanh<TL, TV, T> : IActivation<TV>
    where TL : struct, ILanes<TV, T>
    where TV : unmanaged
    where T : unmanaged
{
    private const double Linear = 2 * 0.79788456080286535588;
    private const double Cubic = Linear * 0.044715;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TV Gate(TV z, out TV complement) => GemmMath<TL, TV, T>.Sigmoid(TL.Mul(z, TL.MulAdd(
        TL.Mul(z, z), GemmMath<TL, TV, T>.Number(Cubic), GemmMath<TL, TV, T>.Number(Linear))), out complement);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TV Value(TV z) => TL.Mul(z, Gate(z, out _));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TV Slope(TV z)
    {
        // Beyond ±100 the slope is 0 or 1 to the last bit; the bound keeps z³ finite.
        z = TL.Max(GemmMath<TL, TV, T>.Number(-100), TL.Min(GemmMath<TL, TV, T>.Number(100), z));
        var s = Gate(z, out var complement);
        var dw = TL.MulAdd(TL.Mul(z, z), GemmMath<TL, TV, T>.Number(3 * Cubic), GemmMath<TL, TV, T>.Number(Linear));
        return TL.MulAdd(TL.Mul(z, dw), TL.Mul(s, complement), s);
    }
}

/// <summary>z·σ(1.702·z); derivative s + 1.702·z·s·(1 − s). Hendrycks and Gimpel 2016, the sigmoid form (CLIP's
/// QuickGELU).</summary>
internal readonly struct QuickGelu<TL, TV, T> : IActivation<TV>
    where TL : struct, ILanes<TV, T>
    where TV : unmanaged
    where T : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TV Gate(TV z, out TV complement) =>
        GemmMath<TL, TV, T>.Sigmoid(TL.Mul(GemmMath<TL, TV, T>.Number(1.702), z), out complement);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TV Value(TV z) => TL.Mul(z, Gate(z, out _));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TV Slope(TV z)
    {
        z = TL.Max(GemmMath<TL, TV, T>.Number(-1e4), TL.Min(GemmMath<TL, TV, T>.Number(1e4), z)); // keeps z·0 from being ∞·0
        var s = Gate(z, out var complement);
        return TL.MulAdd(TL.Mul(GemmMath<TL, TV, T>.Number(1.702), z), TL.Mul(s, complement), s);
    }
}
