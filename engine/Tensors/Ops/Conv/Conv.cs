using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>Convolution over one to three spatial axes, channels first or last, with its two gradients.</summary>
internal static class ConvOp
{
    public static Tensor Run(string op, Tensor x, Tensor weight, Tensor? bias, ConvGeometry g, bool isThreeD)
    {
        using var dense = x.ContiguousUntracked();
        using var kernel = weight.ContiguousUntracked();
        using var offset = bias?.ContiguousUntracked();
        var y = Tensor.EmptyLike(x, g.OutputShape(isThreeD));
        if (y.Count > 0) { Kernel.Run(y, new Forward(g, dense, kernel, offset, y)); }
        return Tape.Record(y, new Grad(op, g, dense, kernel, isThreeD), x, weight, bias);
    }

    private static Tensor BiasGrad(ConvGeometry g, Tensor dy)
    {
        // Two stages, so that each has enough independent columns or rows for all threads.
        var parts = g.YLast
            ? ReduceOp.Run<SumReducer>("conv", dy.Reshape(g.Batch * g.Rows, g.W.Out, g.Outputs), [1])
            : ReduceOp.Run<SumReducer>("conv", dy.Reshape(g.Batch, g.Outputs, g.Positions), [2]);
        var rows = parts.Reshape(g.YLast ? g.Batch * g.Rows : g.Batch, g.Outputs);
        return ReduceOp.Run<SumReducer>("conv", rows, [0]).Reshape(g.Outputs);
    }

    private sealed class Grad : GradFn
    {
        private readonly string _op;
        private readonly ConvGeometry _g;
        private readonly SavedTensor _x, _weight;
        private readonly bool _isThreeD;

        public Grad(string op, ConvGeometry g, Tensor x, Tensor weight, bool isThreeD)
        {
            (_op, _g, _isThreeD) = (op, g, isThreeD);
            (_x, _weight) = (Save(x), Save(weight));
        }

        public override string Name => _op;

        protected internal override Tensor?[] Backward(Tensor dy)
        {
            dy = dy.Contiguous();
            return
            [
                Needs(0) ? InputGrad(dy, _weight) : null,
                Needs(1) ? WeightGrad(dy, _x, _weight) : null,
                Needs(2) ? BiasGrad(_g, dy) : null,
            ];
        }

        private Tensor InputGrad(Tensor dy, Tensor weight)
        {
            var dx = Tensor.EmptyLike(dy, _g.InputShape(_isThreeD));
            if (dx.Count > 0) { Kernel.Run(dx, new ByInput(_g, dy, weight, dx)); }
            return dx;
        }

        private Tensor WeightGrad(Tensor dy, Tensor x, Tensor weight)
        {
            if (dy.Count == 0) { return Tensor.ZerosLike(weight); }
            var dw = Tensor.EmptyLike(weight);
            Kernel.Run(dw, new ByWeight(_g, dy, x, dw));
            return dw;
        }
    }

    private readonly struct Forward(ConvGeometry g, Tensor x, Tensor weight, Tensor? bias, Tensor y) : IOpKernel
    {
        public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
            ConvCpu<T>.Forward(g, x.Pointer<T>(), weight.Pointer<T>(), bias is null ? null : bias.Pointer<T>(), y.Pointer<T>());

        public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R>
        {
            using var noGrad = GradMode.NoGrad();
            if (ConvTiled.Forward<R>(device, g, x, weight, bias, y)) { return; }
            ConvGpu.Forward(device, g, x.View<R>(), weight.View<R>(), (bias ?? weight).View<R>(), bias is not null, y.View<R>());
        }
    }

    private readonly struct ByInput(ConvGeometry g, Tensor dy, Tensor weight, Tensor dx) : IOpKernel
    {
        public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
            ConvCpu<T>.InputGrad(g, dy.Pointer<T>(), weight.Pointer<T>(), dx.Pointer<T>());

        public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R>
        {
            if (ConvColumnsGpu.InputGrad<R>(device, g, dy, weight, dx) || ConvTiled.InputGrad<R>(device, g, dy, weight, dx)) { return; }
            ConvGpu.InputGrad(device, g, dy.View<R>(), weight.View<R>(), dx.View<R>());
        }
    }

    private readonly struct ByWeight(ConvGeometry g, Tensor dy, Tensor x, Tensor dw) : IOpKernel
    {
        public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
            ConvCpu<T>.WeightGrad(g, dy.Pointer<T>(), x.Pointer<T>(), dw.Pointer<T>());

        public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R>
        {
            if (!ConvTiled.WeightGrad<R>(device, g, dy, x, dw)) { ConvGpu.WeightGrad(device, g, dy.View<R>(), x.View<R>(), dw.View<R>()); }
        }
    }
}
