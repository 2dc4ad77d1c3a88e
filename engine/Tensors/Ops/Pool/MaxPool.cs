using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

public static partial class F
{
    /// <summary>Largest value of each window; among equals the first (row-major) gets the gradient, and NaN wins.</summary>
    /// <param name="x">[B, C, H, W].</param>
    /// <param name="kernel">Window.</param>
    /// <param name="stride">Step; the window by default.</param>
    /// <param name="padding">Places on each side that never win, at most half a window; 0 by default.</param>
    /// <returns>[B, C, ⌊(H + 2p − kh)/s⌋ + 1, ⌊(W + 2p − kw)/s⌋ + 1].</returns>
    /// <exception cref="ShapeException">The window does not fit.</exception>
    public static Tensor MaxPool2d(Tensor x, Size2 kernel, Size2? stride = null, Size2? padding = null)
    {
        var (h, w) = PoolAxes("max_pool2d", x, kernel, stride, padding);
        return MaxPoolOp.Run(x, h, w);
    }
}

internal static class MaxPoolOp
{
    public static Tensor Run(Tensor x, ConvAxis h, ConvAxis w)
    {
        using var dense = x.ContiguousUntracked();
        var y = Tensor.EmptyLike(x, [x.Shape[0], x.Shape[1], h.Out, w.Out]);

        // The winning tap of each window, counted in the element type: kernels then choose without branching.
        using var winners = TensorScope.Release(Tensor.EmptyLike(y));
        if (y.Count > 0) { Kernel.Run(y, new Forward(dense, y, winners, h, w)); }
        return Tape.Record(y, new Grad(x.Shape, winners, h, w), x);
    }

    private sealed class Grad : GradFn
    {
        private readonly Shape _shape;
        private readonly SavedTensor _winners;
        private readonly ConvAxis _h, _w;

        public Grad(Shape shape, Tensor winners, ConvAxis h, ConvAxis w) =>
            (_shape, _winners, _h, _w) = (shape, Save(winners), h, w);

        public override string Name => "max_pool2d";

        protected internal override Tensor?[] Backward(Tensor dy)
        {
            var dx = Tensor.EmptyLike(dy, _shape);
            if (dx.Count > 0) { Kernel.Run(dx, new Backwards(dy.Contiguous(), _winners, dx, _h, _w)); }
            return [dx];
        }
    }

    private readonly struct Forward(Tensor x, Tensor y, Tensor winners, ConvAxis h, ConvAxis w) : IOpKernel
    {
        public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
            MaxPoolCpu<T>.Forward(x.Pointer<T>(), y.Pointer<T>(), winners.Pointer<T>(), y.Count / (h.Out * w.Out), h, w);

        public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R> => MaxPoolGpu.Forward(device, new MaxPoolGpu.Args<R>
        {
            X = x.View<R>(),
            Y = y.View<R>(),
            Winners = winners.View<R>(),
            Count = checked((int)y.Count),
            H = h,
            W = w,
            Lowest = R.Of(double.NegativeInfinity),
        });
    }

    private readonly struct Backwards(Tensor dy, Tensor winners, Tensor dx, ConvAxis h, ConvAxis w) : IOpKernel
    {
        public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
            MaxPoolCpu<T>.Backward(dy.Pointer<T>(), winners.Pointer<T>(), dx.Pointer<T>(), dx.Count / (h.Size * w.Size), h, w);

        public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R> => MaxPoolGpu.Backward(device, new MaxPoolGpu.Args<R>
        {
            X = dx.View<R>(),
            Y = dy.View<R>(),
            Winners = winners.View<R>(),
            Count = checked((int)dx.Count),
            H = h,
            W = w,
            Taps = R.Of(h.Kernel * w.Kernel),
        });
    }
}
