using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

public static partial class F
{
    /// <summary>Index of the largest element along an axis, the first of equal ones; NaN counts as largest. i64, without gradient.</summary>
    /// <param name="x">Any shape.</param> <param name="axis">The axis that disappears, unless <paramref name="keepDim"/>.</param>
    /// <param name="keepDim">Keeps the axis as size 1.</param>
    /// <exception cref="ShapeException">The axis does not exist or is empty.</exception>
    public static Tensor ArgMax(Tensor x, int axis = -1, bool keepDim = false) => ArgMaxOp.Index("argmax", x, axis, keepDim, isMin: false);

    /// <summary>Index of the smallest element along an axis, the first of equal ones; NaN counts as smallest. i64, without gradient.</summary>
    /// <inheritdoc cref="ArgMax"/>
    public static Tensor ArgMin(Tensor x, int axis = -1, bool keepDim = false) => ArgMaxOp.Index("argmin", x, axis, keepDim, isMin: true);

    /// <summary>Largest elements along an axis with their indices (the first of equal ones), as torch's max(dim): the whole gradient goes to
    /// the element at the index.</summary>
    /// <param name="x">Any shape.</param> <param name="axis">The axis that disappears, unless <paramref name="keepDim"/>.</param>
    /// <param name="keepDim">Keeps the axis as size 1.</param>
    /// <exception cref="ShapeException">The axis does not exist or is empty.</exception>
    public static (Tensor Values, Tensor Indices) MaxWithIndices(Tensor x, int axis, bool keepDim = false) =>
        ArgMaxOp.Apply("max", x, axis, keepDim, isMin: false);

    /// <summary>Smallest elements along an axis with their indices.</summary>
    /// <inheritdoc cref="MaxWithIndices"/>
    public static (Tensor Values, Tensor Indices) MinWithIndices(Tensor x, int axis, bool keepDim = false) =>
        ArgMaxOp.Apply("min", x, axis, keepDim, isMin: true);
}

/// <summary>Extremes of dense rows with their places.</summary>
internal static class ArgMaxOp
{
    public static Tensor Index(string op, Tensor x, int axis, bool keepDim, bool isMin)
    {
        // Recorded, so that asking for a gradient through an index fails instead of giving none.
        return Tape.Record(Run(op, x, axis, keepDim, isMin).Indices, new NotDifferentiable(op, "its result is an index: Detach() it, or use MaxWithIndices for the values"), x);
    }

    public static (Tensor Values, Tensor Indices) Apply(string op, Tensor x, int axis, bool keepDim, bool isMin)
    {
        var (values, indices) = Run(op, x, axis, keepDim, isMin);
        return (Tape.Record(values, new Grad(op, indices, x.Shape, x.Shape.Axis(axis, op)), x), indices);
    }

    private static (Tensor Values, Tensor Indices) Run(string op, Tensor x, int axis, bool keepDim, bool isMin)
    {
        Check.SameFloat(op, x);
        axis = x.Shape.Axis(axis, op);
        var rows = RowLayout.Rows(x, axis);
        Check.That(rows.Shape[1] > 0, $"{op}: axis {axis} of {x.Shape} is empty and has no extreme");
        Shape shape = x.Rank == 0 ? [] : keepDim ? x.Shape.With(axis, 1) : RowLayout.Without(x.Shape, axis);
        Tensor values = Tensor.EmptyLike(x, shape), indices = Tensor.Empty(shape, DType.I64, x.Device);
        if (values.Count == 0) { return (values, indices); }
        if (x.DType == DType.F32 && isMin) { Launch<float, MinOrder32>(rows, values, indices); }
        else if (x.DType == DType.F32) { Launch<float, MaxOrder32>(rows, values, indices); }
        else if (isMin) { Launch<double, MinOrder64>(rows, values, indices); }
        else { Launch<double, MaxOrder64>(rows, values, indices); }
        return (values, indices);
    }

    private static unsafe void Launch<T, TOrder>(Tensor x, Tensor values, Tensor indices) where T : unmanaged where TOrder : struct, IOrder<T>
    {
        int n = x.Shape[0], c = x.Shape[1];
        if (x.Device is GpuDevice gpu)
        {
            gpu.LaunchGroups(ArgMaxGpu.RowPerGroup<T, TOrder>, n, new ArgMaxGpu.Args<T>
            {
                X = x.View<T>(),
                Y = values.View<T>(),
                Indices = indices.View<long>(),
                N = n,
                C = c,
            });
            return;
        }

        x.Device.Counters.Launched();
        ArgMaxCpu.Forward<T, TOrder>(x.Pointer<T>(), values.Pointer<T>(), indices.Pointer<long>(), n, c);
    }

    private readonly struct BackwardLaunch(Tensor dy, Tensor indices, Tensor dx) : IOpKernel
    {
        public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
            ArgMaxCpu.Backward(dy.Pointer<T>(), indices.Pointer<long>(), dx.Pointer<T>(), dx.Shape[0], dx.Shape[1]);

        public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R> => device.LaunchElements(ArgMaxGpu.Backward, dx.Count,
            new ArgMaxGpu.Args<R> { X = dy.View<R>(), Y = dx.View<R>(), Indices = indices.View<long>(), N = dx.Shape[0], C = dx.Shape[1] });
    }

    private sealed class Grad : GradFn
    {
        private readonly SavedTensor _indices;
        private readonly string _op;
        private readonly Shape _shape;
        private readonly int _axis;

        public Grad(string op, Tensor indices, Shape shape, int axis)
        {
            _indices = Save(indices);
            (_op, _shape, _axis) = (op, shape, axis);
        }

        public override string Name => _op;

        protected internal override Tensor?[] Backward(Tensor dy)
        {
            var dx = Tensor.EmptyLike(dy, [RowLayout.Height(_shape, _axis), _shape.Length == 0 ? 1 : _shape[_axis]]);
            if (dx.Count > 0) { Kernel.Run(dy, new BackwardLaunch(dy.Contiguous(), _indices.Value, dx)); }
            return [RowLayout.Restore(dx, _shape, _axis)];
        }
    }
}
