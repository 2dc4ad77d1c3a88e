using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>What a backward reads.</summary>
public enum Needs
{
    /// <summary>Only dy.</summary>
    Nothing,

    /// <summary>The op's input.</summary>
    Input,

    /// <summary>The op's output.</summary>
    Output,
}

/// <summary>An elementwise function y = f(x; p, q) of two constants; one formula for every device.</summary>
public interface IUnaryOp
{
    /// <summary>The name in messages and test rows.</summary>
    static abstract string Name { get; }

    /// <summary>What <see cref="Df"/> reads.</summary>
    static abstract Needs BackwardNeeds { get; }

    /// <summary>f(x).</summary>
    static abstract R F<R>(R x, R p, R q) where R : struct, IReal<R>;

    /// <summary>f'(x). <paramref name="saved"/> is x or y, as <see cref="BackwardNeeds"/> says.</summary>
    static abstract R Df<R>(R saved, R p, R q) where R : struct, IReal<R>;
}

/// <summary>An elementwise function y = f(a, b) with broadcasting; one formula for every device.</summary>
public interface IBinaryOp
{
    /// <summary>The name in messages and test rows.</summary>
    static abstract string Name { get; }

    /// <summary>True when both derivatives are ±1, so that nothing needs saving.</summary>
    static virtual bool IsLinear => false;

    /// <summary>f(a, b).</summary>
    static abstract R F<R>(R a, R b) where R : struct, IReal<R>;

    /// <summary>∂f/∂a.</summary>
    static abstract R Da<R>(R a, R b) where R : struct, IReal<R>;

    /// <summary>∂f/∂b.</summary>
    static abstract R Db<R>(R a, R b) where R : struct, IReal<R>;
}
