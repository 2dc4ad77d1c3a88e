using System.Runtime.CompilerServices;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>tanh x; derivative 1 − y².</summary>
public readonly struct Tanh : IUnaryOp
{
    /// <inheritdoc/>
    public static string Name => "tanh";

    /// <inheritdoc/>
    public static Needs BackwardNeeds => Needs.Output;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R F<R>(R x, R p, R q) where R : struct, IReal<R> => RealMath.Tanh(x);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Df<R>(R saved, R p, R q) where R : struct, IReal<R> => R.Of(1) - saved * saved;
}

/// <summary>1/(1 + e⁻ˣ); derivative y(1 − y).</summary>
public readonly struct Sigmoid : IUnaryOp
{
    /// <inheritdoc/>
    public static string Name => "sigmoid";

    /// <inheritdoc/>
    public static Needs BackwardNeeds => Needs.Output;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R F<R>(R x, R p, R q) where R : struct, IReal<R> => RealMath.Sigmoid(x);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Df<R>(R saved, R p, R q) where R : struct, IReal<R> => saved * (R.Of(1) - saved);
}

/// <summary>erf x; derivative 2/√π·e^{−x²}.</summary>
public readonly struct Erf : IUnaryOp
{
    /// <inheritdoc/>
    public static string Name => "erf";

    /// <inheritdoc/>
    public static Needs BackwardNeeds => Needs.Input;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R F<R>(R x, R p, R q) where R : struct, IReal<R> => RealMath.Erf(x);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Df<R>(R saved, R p, R q) where R : struct, IReal<R> => R.Of(1.1283791670955126) * R.Exp(-(saved * saved));
}

/// <summary>max(x, 0); derivative 0 at 0.</summary>
public readonly struct Relu : IUnaryOp
{
    /// <inheritdoc/>
    public static string Name => "relu";

    /// <inheritdoc/>
    public static Needs BackwardNeeds => Needs.Output;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R F<R>(R x, R p, R q) where R : struct, IReal<R> => R.Max(R.Of(0), x);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Df<R>(R saved, R p, R q) where R : struct, IReal<R> => R.IfGreater(saved, R.Of(0), R.Of(1), R.Of(0));
}

/// <summary>min(max(x, p), q); derivative 1 at the limits, as torch.</summary>
public readonly struct Clamp : IUnaryOp
{
    /// <inheritdoc/>
    public static string Name => "clamp";

    /// <inheritdoc/>
    public static Needs BackwardNeeds => Needs.Input;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R F<R>(R x, R p, R q) where R : struct, IReal<R> => R.Min(q, R.Max(p, x));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Df<R>(R saved, R p, R q) where R : struct, IReal<R> => R.IfGreater(p, saved, R.Of(0), R.IfGreater(saved, q, R.Of(0), R.Of(1)));
}

/// <summary>min(max(x, 0), 6); derivative 0 at the limits, as torch.</summary>
public readonly struct Relu6 : IUnaryOp
{
    /// <inheritdoc/>
    public static string Name => "relu6";

    /// <inheritdoc/>
    public static Needs BackwardNeeds => Needs.Input;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R F<R>(R x, R p, R q) where R : struct, IReal<R> => R.Min(R.Of(6), R.Max(R.Of(0), x));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Df<R>(R saved, R p, R q) where R : struct, IReal<R> => R.IfGreater(saved, R.Of(0), R.IfGreater(R.Of(6), saved, R.Of(1), R.Of(0)), R.Of(0));
}

/// <summary>min(max(x + 3, 0), 6)/6.</summary>
public readonly struct HardSigmoid : IUnaryOp
{
    /// <inheritdoc/>
    public static string Name => "hardsigmoid";

    /// <inheritdoc/>
    public static Needs BackwardNeeds => Needs.Input;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R F<R>(R x, R p, R q) where R : struct, IReal<R> => R.Min(R.Of(6), R.Max(R.Of(0), x + R.Of(3))) * R.Of(1.0 / 6);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Df<R>(R saved, R p, R q) where R : struct, IReal<R> => R.IfGreater(saved, R.Of(-3), R.IfGreater(R.Of(3), saved, R.Of(1.0 / 6), R.Of(0)), R.Of(0));
}

/// <summary>x·σ(x).</summary>
public readonly struct Silu : IUnaryOp
{
    /// <inheritdoc/>
    public static string Name => "silu";

    /// <inheritdoc/>
    public static Needs BackwardNeeds => Needs.Input;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R F<R>(R x, R p, R q) where R : struct, IReal<R> => x * RealMath.Sigmoid(x);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Df<R>(R saved, R p, R q) where R : struct, IReal<R> => SiluSlope(saved);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]

    private static R SiluSlope<R>(R x) where R : struct, IReal<R>
    {
        var s = RealMath.Sigmoid(x);
        return s * (R.Of(1) + x * (R.Of(1) - s));
    }
}

/// <summary>ln(1 + eˣ), as max(x, 0) + ln(1 + e^{−|x|}).</summary>
public readonly struct Softplus : IUnaryOp
{
    /// <inheritdoc/>
    public static string Name => "softplus";

    /// <inheritdoc/>
    public static Needs BackwardNeeds => Needs.Input;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R F<R>(R x, R p, R q) where R : struct, IReal<R> => R.IfGreater(x, R.Of(0), x, R.Of(0)) + RealMath.Log1P(R.Exp(-R.Abs(x)));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Df<R>(R saved, R p, R q) where R : struct, IReal<R> => RealMath.Sigmoid(saved);
}

/// <summary>x·Φ(x), Φ the normal CDF. Hendrycks and Gimpel 2016, exact form.</summary>
public readonly struct GeluErf : IUnaryOp
{
    /// <inheritdoc/>
    public static string Name => "gelu_erf";

    /// <inheritdoc/>
    public static Needs BackwardNeeds => Needs.Input;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R F<R>(R x, R p, R q) where R : struct, IReal<R> => RealMath.GeluErf(x);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Df<R>(R saved, R p, R q) where R : struct, IReal<R> => RealMath.GeluErfSlope(saved);
}

/// <summary>x/2·(1 + tanh(√(2/π)(x + 0.044715x³))). Hendrycks and Gimpel 2016.</summary>
public readonly struct GeluTanh : IUnaryOp
{
    /// <inheritdoc/>
    public static string Name => "gelu_tanh";

    /// <inheritdoc/>
    public static Needs BackwardNeeds => Needs.Input;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R F<R>(R x, R p, R q) where R : struct, IReal<R> => x * RealMath.Sigmoid(TwoInner(x));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Df<R>(R saved, R p, R q) where R : struct, IReal<R> => TanhSlope(saved);

    // (1 + tanh t)/2 = σ(2t), so one exponential serves.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static R TwoInner<R>(R x) where R : struct, IReal<R> =>
        R.Of(1.5957691216057308) * x * (R.Of(1) + R.Of(0.044715) * x * x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]

    private static R TanhSlope<R>(R x) where R : struct, IReal<R>
    {
        var s = RealMath.Sigmoid(TwoInner(x));
        return s + x * s * (R.Of(1) - s) * R.Of(1.5957691216057308) * (R.Of(1) + R.Of(3 * 0.044715) * x * x);
    }
}

/// <summary>x·σ(1.702x), as in the released CLIP weights.</summary>
public readonly struct QuickGelu : IUnaryOp
{
    /// <inheritdoc/>
    public static string Name => "quick_gelu";

    /// <inheritdoc/>
    public static Needs BackwardNeeds => Needs.Input;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R F<R>(R x, R p, R q) where R : struct, IReal<R> => x * RealMath.Sigmoid(R.Of(1.702) * x);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Df<R>(R saved, R p, R q) where R : struct, IReal<R> => QuickSlope(saved);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]

    private static R QuickSlope<R>(R x) where R : struct, IReal<R>
    {
        var s = RealMath.Sigmoid(R.Of(1.702) * x);
        return s * (R.Of(1) + R.Of(1.702) * x * (R.Of(1) - s));
    }
}
