using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

public static partial class F
{
    /// <summary>a = b, elementwise with broadcasting, as bool; any element types that agree.</summary>
    /// <exception cref="ShapeException">The shapes do not broadcast.</exception>
    public static Tensor Equal(Tensor a, Tensor b) => Compare<EqualMap>("equal", a, b);

    /// <summary>a &gt; b, elementwise with broadcasting, as bool.</summary>
    /// <inheritdoc cref="Equal(Tensor, Tensor)"/>
    public static Tensor Greater(Tensor a, Tensor b) => Compare<GreaterMap>("greater", a, b);

    /// <summary>a &lt; b, elementwise with broadcasting, as bool.</summary>
    /// <inheritdoc cref="Equal(Tensor, Tensor)"/>
    public static Tensor Less(Tensor a, Tensor b) => Compare<GreaterMap>("less", b, a);

    /// <summary>x = value, as bool.</summary>
    public static Tensor Equal(Tensor x, double value) => Compare<EqualMap>("equal", x, Like(x, value));

    /// <summary>x &gt; value, as bool.</summary>
    public static Tensor Greater(Tensor x, double value) => Compare<GreaterMap>("greater", x, Like(x, value));

    /// <summary>x &lt; value, as bool.</summary>
    public static Tensor Less(Tensor x, double value) => Compare<GreaterMap>("less", Like(x, value), x);

    // Integers are compared as f64, so a constant of theirs is one too: 1.5 stays 1.5.
    private static Tensor Like(Tensor x, double value) => Tensor.Full([], value, x.DType == DType.F32 ? DType.F32 : DType.F64, x.Device);

    // Integers and masks are compared as f64, exact below 2⁵³; f32 and f64 as they are.
    private static Tensor Compare<TMap>(string op, Tensor a, Tensor b) where TMap : struct, IMap
    {
        Check.OnDevice(op, a, b);
        using var noGrad = GradMode.NoGrad();
        if (a.DType != DType.F32 || b.DType != DType.F32) { (a, b) = (a.To(DType.F64), b.To(DType.F64)); }
        var y = Tensor.EmptyLike(a, Shape.Broadcast(a.Shape, b.Shape, op));
        Map.Run<TMap>(op, y, a, b);
        return y.To(DType.Bool);
    }
}

/// <summary>a = b ? 1 : 0.</summary>
internal readonly struct EqualMap : IMap
{
    public static int Arity => 2;

    public static R F<R>(R a, R b, R c, R p, R q) where R : struct, IReal<R> => R.IfEqual(a, b, R.Of(1), R.Of(0));
}

/// <summary>a &gt; b ? 1 : 0.</summary>
internal readonly struct GreaterMap : IMap
{
    public static int Arity => 2;

    public static R F<R>(R a, R b, R c, R p, R q) where R : struct, IReal<R> => R.IfGreater(a, b, R.Of(1), R.Of(0));
}
