using System.Runtime.CompilerServices;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>p·x + q.</summary>
public readonly struct Affine : IUnaryOp
{
    /// <inheritdoc/>
    public static string Name => "affine";

    /// <inheritdoc/>
    public static Needs BackwardNeeds => Needs.Nothing;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R F<R>(R x, R p, R q) where R : struct, IReal<R> => R.MultiplyAdd(p, x, q);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Df<R>(R saved, R p, R q) where R : struct, IReal<R> => p;
}

/// <summary>|x|; derivative 0 at 0.</summary>
public readonly struct Abs : IUnaryOp
{
    /// <inheritdoc/>
    public static string Name => "abs";

    /// <inheritdoc/>
    public static Needs BackwardNeeds => Needs.Input;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R F<R>(R x, R p, R q) where R : struct, IReal<R> => R.Abs(x);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Df<R>(R saved, R p, R q) where R : struct, IReal<R> => R.IfGreater(saved, R.Of(0), R.Of(1), R.IfGreater(R.Of(0), saved, R.Of(-1), R.Of(0)));
}

/// <summary>eˣ.</summary>
public readonly struct Exp : IUnaryOp
{
    /// <inheritdoc/>
    public static string Name => "exp";

    /// <inheritdoc/>
    public static Needs BackwardNeeds => Needs.Output;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R F<R>(R x, R p, R q) where R : struct, IReal<R> => R.Exp(x);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Df<R>(R saved, R p, R q) where R : struct, IReal<R> => saved;
}

/// <summary>ln x.</summary>
public readonly struct Log : IUnaryOp
{
    /// <inheritdoc/>
    public static string Name => "log";

    /// <inheritdoc/>
    public static Needs BackwardNeeds => Needs.Input;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R F<R>(R x, R p, R q) where R : struct, IReal<R> => R.Log(x);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Df<R>(R saved, R p, R q) where R : struct, IReal<R> => R.Of(1) / saved;
}

/// <summary>ln(1 + x).</summary>
public readonly struct Log1P : IUnaryOp
{
    /// <inheritdoc/>
    public static string Name => "log1p";

    /// <inheritdoc/>
    public static Needs BackwardNeeds => Needs.Input;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R F<R>(R x, R p, R q) where R : struct, IReal<R> => RealMath.Log1P(x);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Df<R>(R saved, R p, R q) where R : struct, IReal<R> => R.Of(1) / (R.Of(1) + saved);
}

/// <summary>√x.</summary>
public readonly struct Sqrt : IUnaryOp
{
    /// <inheritdoc/>
    public static string Name => "sqrt";

    /// <inheritdoc/>
    public static Needs BackwardNeeds => Needs.Output;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R F<R>(R x, R p, R q) where R : struct, IReal<R> => R.Sqrt(x);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Df<R>(R saved, R p, R q) where R : struct, IReal<R> => R.Of(0.5) / saved;
}

/// <summary>1/√x; derivative −y³/2.</summary>
public readonly struct Rsqrt : IUnaryOp
{
    /// <inheritdoc/>
    public static string Name => "rsqrt";

    /// <inheritdoc/>
    public static Needs BackwardNeeds => Needs.Output;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R F<R>(R x, R p, R q) where R : struct, IReal<R> => R.Of(1) / R.Sqrt(x);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Df<R>(R saved, R p, R q) where R : struct, IReal<R> => R.Of(-0.5) * saved * saved * saved;
}

/// <summary>1/x; derivative −y².</summary>
public readonly struct Reciprocal : IUnaryOp
{
    /// <inheritdoc/>
    public static string Name => "reciprocal";

    /// <inheritdoc/>
    public static Needs BackwardNeeds => Needs.Output;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R F<R>(R x, R p, R q) where R : struct, IReal<R> => R.Of(1) / x;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Df<R>(R saved, R p, R q) where R : struct, IReal<R> => -(saved * saved);
}

/// <summary>x².</summary>
public readonly struct Square : IUnaryOp
{
    /// <inheritdoc/>
    public static string Name => "square";

    /// <inheritdoc/>
    public static Needs BackwardNeeds => Needs.Input;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R F<R>(R x, R p, R q) where R : struct, IReal<R> => x * x;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Df<R>(R saved, R p, R q) where R : struct, IReal<R> => saved + saved;
}

/// <summary>x³.</summary>
public readonly struct Cube : IUnaryOp
{
    /// <inheritdoc/>
    public static string Name => "cube";

    /// <inheritdoc/>
    public static Needs BackwardNeeds => Needs.Input;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R F<R>(R x, R p, R q) where R : struct, IReal<R> => x * x * x;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Df<R>(R saved, R p, R q) where R : struct, IReal<R> => R.Of(3) * saved * saved;
}

/// <summary>xᵖ for x > 0.</summary>
public readonly struct PowScalar : IUnaryOp
{
    /// <inheritdoc/>
    public static string Name => "pow";

    /// <inheritdoc/>
    public static Needs BackwardNeeds => Needs.Input;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R F<R>(R x, R p, R q) where R : struct, IReal<R> => R.Exp(p * R.Log(x));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Df<R>(R saved, R p, R q) where R : struct, IReal<R> => p * R.Exp((p - R.Of(1)) * R.Log(saved));
}

/// <summary>sin x.</summary>
public readonly struct Sin : IUnaryOp
{
    /// <inheritdoc/>
    public static string Name => "sin";

    /// <inheritdoc/>
    public static Needs BackwardNeeds => Needs.Input;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R F<R>(R x, R p, R q) where R : struct, IReal<R> => R.Sin(x);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Df<R>(R saved, R p, R q) where R : struct, IReal<R> => R.Cos(saved);
}

/// <summary>cos x.</summary>
public readonly struct Cos : IUnaryOp
{
    /// <inheritdoc/>
    public static string Name => "cos";

    /// <inheritdoc/>
    public static Needs BackwardNeeds => Needs.Input;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R F<R>(R x, R p, R q) where R : struct, IReal<R> => R.Cos(x);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Df<R>(R saved, R p, R q) where R : struct, IReal<R> => -R.Sin(saved);
}
