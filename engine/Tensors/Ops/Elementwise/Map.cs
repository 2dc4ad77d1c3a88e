using System.Numerics;
using System.Runtime.CompilerServices;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>An elementwise kernel of one to three operands and two constants.</summary>
internal interface IMap
{
    static abstract int Arity { get; }

    static abstract R F<R>(R a, R b, R c, R p, R q) where R : struct, IReal<R>;
}

/// <summary>Runs a map over broadcast strided operands into a result that may be one of them.</summary>
internal static class Map
{
    public static void Run<TMap>(string op, Tensor y, Tensor a, Tensor? b = null, Tensor? c = null, double p = 0, double q = 0)
        where TMap : struct, IMap
    {
        var shape = y.Shape;
        var loop = new StridedLoop(shape, y.Strides.ToArray(), a.BroadcastStrides(shape, op), (b ?? a).BroadcastStrides(shape, op),
            (c ?? a).BroadcastStrides(shape, op));
        if (loop.Count > 0) { Kernel.Run(y, new Launch<TMap>(op, loop, y, a, b ?? a, c ?? a, p, q)); }
    }

    private readonly struct Launch<TMap>(string op, StridedLoop loop, Tensor y, Tensor a, Tensor b, Tensor c, double p, double q) : IOpKernel
        where TMap : struct, IMap
    {
        public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T> => Simd.Run<T, MapCpu<TMap, T>>(
            new MapCpu<TMap, T>(loop, y.Pointer<T>(), a.Pointer<T>(), b.Pointer<T>(), c.Pointer<T>(), p, q));

        public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R> =>
            MapGpu.Run<TMap, R>(device, op, loop, y.View<R>(), a.View<R>(), b.View<R>(), c.View<R>(), R.Of(p), R.Of(q));
    }
}

internal readonly struct UnaryForward<TOp> : IMap where TOp : struct, IUnaryOp
{
    public static int Arity => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]

    public static R F<R>(R a, R b, R c, R p, R q) where R : struct, IReal<R> => TOp.F(a, p, q);
}

/// <summary>dx = dy·f'(saved).</summary>
internal readonly struct UnaryBackward<TOp> : IMap where TOp : struct, IUnaryOp
{
    public static int Arity => 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]

    public static R F<R>(R a, R b, R c, R p, R q) where R : struct, IReal<R> => a * TOp.Df(b, p, q);
}

internal readonly struct BinaryForward<TOp> : IMap where TOp : struct, IBinaryOp
{
    public static int Arity => 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]

    public static R F<R>(R a, R b, R c, R p, R q) where R : struct, IReal<R> => TOp.F(a, b);
}

/// <summary>da = dy·∂f/∂a over (dy, a, b).</summary>
internal readonly struct BinaryBackwardA<TOp> : IMap where TOp : struct, IBinaryOp
{
    public static int Arity => 3;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]

    public static R F<R>(R a, R b, R c, R p, R q) where R : struct, IReal<R> => a * TOp.Da(b, c);
}

/// <summary>db = dy·∂f/∂b over (dy, a, b).</summary>
internal readonly struct BinaryBackwardB<TOp> : IMap where TOp : struct, IBinaryOp
{
    public static int Arity => 3;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]

    public static R F<R>(R a, R b, R c, R p, R q) where R : struct, IReal<R> => a * TOp.Db(b, c);
}

/// <summary>a &gt; ½ ? b : c, for masks cast to the element type.</summary>
internal readonly struct SelectMap : IMap
{
    public static int Arity => 3;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]

    public static R F<R>(R a, R b, R c, R p, R q) where R : struct, IReal<R> => R.IfGreater(a, R.Of(0.5), b, c);
}
