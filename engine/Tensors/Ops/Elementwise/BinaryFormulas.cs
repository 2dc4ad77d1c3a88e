using System.Runtime.CompilerServices;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>a + b.</summary>
public readonly struct Add : IBinaryOp
{
    /// <inheritdoc/>
    public static string Name => "add";

    /// <inheritdoc/>
    public static bool IsLinear => true;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R F<R>(R a, R b) where R : struct, IReal<R> => a + b;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Da<R>(R a, R b) where R : struct, IReal<R> => R.Of(1);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Db<R>(R a, R b) where R : struct, IReal<R> => R.Of(1);
}

/// <summary>a − b.</summary>
public readonly struct Sub : IBinaryOp
{
    /// <inheritdoc/>
    public static string Name => "sub";

    /// <inheritdoc/>
    public static bool IsLinear => true;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R F<R>(R a, R b) where R : struct, IReal<R> => a - b;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Da<R>(R a, R b) where R : struct, IReal<R> => R.Of(1);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Db<R>(R a, R b) where R : struct, IReal<R> => R.Of(-1);
}

/// <summary>a·b.</summary>
public readonly struct Mul : IBinaryOp
{
    /// <inheritdoc/>
    public static string Name => "mul";

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R F<R>(R a, R b) where R : struct, IReal<R> => a * b;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Da<R>(R a, R b) where R : struct, IReal<R> => b;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Db<R>(R a, R b) where R : struct, IReal<R> => a;
}

/// <summary>a/b.</summary>
public readonly struct Div : IBinaryOp
{
    /// <inheritdoc/>
    public static string Name => "div";

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R F<R>(R a, R b) where R : struct, IReal<R> => a / b;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Da<R>(R a, R b) where R : struct, IReal<R> => R.Of(1) / b;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Db<R>(R a, R b) where R : struct, IReal<R> => -(a / (b * b));
}

/// <summary>The larger; a tie shares the gradient, as torch.</summary>
public readonly struct Maximum : IBinaryOp
{
    /// <inheritdoc/>
    public static string Name => "maximum";

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R F<R>(R a, R b) where R : struct, IReal<R> => R.IfGreater(a, b, a, b);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Da<R>(R a, R b) where R : struct, IReal<R> => R.IfEqual(a, b, R.Of(0.5), R.IfGreater(a, b, R.Of(1), R.Of(0)));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Db<R>(R a, R b) where R : struct, IReal<R> => R.IfEqual(a, b, R.Of(0.5), R.IfGreater(b, a, R.Of(1), R.Of(0)));
}

/// <summary>The smaller; a tie shares the gradient, as torch.</summary>
public readonly struct Minimum : IBinaryOp
{
    /// <inheritdoc/>
    public static string Name => "minimum";

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R F<R>(R a, R b) where R : struct, IReal<R> => R.IfGreater(a, b, b, a);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Da<R>(R a, R b) where R : struct, IReal<R> => R.IfEqual(a, b, R.Of(0.5), R.IfGreater(b, a, R.Of(1), R.Of(0)));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Db<R>(R a, R b) where R : struct, IReal<R> => R.IfEqual(a, b, R.Of(0.5), R.IfGreater(a, b, R.Of(1), R.Of(0)));
}

/// <summary>aᵇ for a > 0.</summary>
public readonly struct Pow : IBinaryOp
{
    /// <inheritdoc/>
    public static string Name => "pow_tensor";

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R F<R>(R a, R b) where R : struct, IReal<R> => R.Exp(b * R.Log(a));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Da<R>(R a, R b) where R : struct, IReal<R> => b * R.Exp((b - R.Of(1)) * R.Log(a));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Db<R>(R a, R b) where R : struct, IReal<R> => R.Exp(b * R.Log(a)) * R.Log(a);
}
