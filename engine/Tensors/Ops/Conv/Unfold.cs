using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>im2col and its adjoint.</summary>
internal static class UnfoldOp
{
    public static Tensor Run(Tensor x, ConvGeometry g)
    {
        using var dense = x.ContiguousUntracked();
        var y = Tensor.EmptyLike(x, [g.Batch, g.Depth, g.Positions]);
        if (y.Count > 0) { Kernel.Run(y, new Forward(g, dense, y)); }
        return Tape.Record(y, new Grad(g), x);
    }

    private sealed class Grad(ConvGeometry g) : GradFn
    {
        public override string Name => "unfold";

        protected internal override Tensor?[] Backward(Tensor dy)
        {
            var dx = Tensor.EmptyLike(dy, g.InputShape(isThreeD: false));
            if (dx.Count > 0) { Kernel.Run(dx, new Fold(g, dy.Contiguous(), dx)); }
            return [dx];
        }
    }

    private readonly struct Forward(ConvGeometry g, Tensor x, Tensor y) : IOpKernel
    {
        public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            for (var b = 0; b < g.Batch; b++)
            {
                TapColumns<T>.Fill(g, x.Pointer<T>() + (long)b * g.Channels * g.Inputs, 0, g.Rows,
                    y.Pointer<T>() + (long)b * g.Depth * g.Positions);
            }
        }

        public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R> =>
            UnfoldGpu.Forward(device, g, x.View<R>(), y.View<R>());
    }

    private readonly struct Fold(ConvGeometry g, Tensor dy, Tensor dx) : IOpKernel
    {
        public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            for (var b = 0; b < g.Batch; b++)
            {
                TapColumns<T>.Fold(g, dy.Pointer<T>() + (long)b * g.Depth * g.Positions, 0, g.Rows,
                    dx.Pointer<T>() + (long)b * g.Channels * g.Inputs, isFirst: true);
            }
        }

        public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R> =>
            UnfoldGpu.Fold(device, g, dy.View<R>(), dx.View<R>());
    }
}
