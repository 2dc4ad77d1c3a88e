using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

public static partial class F
{
    /// <summary>Values along an axis in order, and where each came from (i64). Stable: equal values keep their order, also when
    /// <paramref name="descending"/>; NaN counts as the largest value. The gradient goes to the values' places (torch.sort).</summary>
    /// <exception cref="ShapeException">The axis does not exist.</exception>
    public static (Tensor Values, Tensor Indices) Sort(Tensor x, int axis = -1, bool descending = false)
    {
        Check.SameFloat("sort", x);
        axis = AxisOf("sort", x, axis);
        return SortOp.Along("sort", x, axis, x.Shape[axis], descending);
    }

    /// <summary>The k largest (or smallest) values along an axis, in order, and where each came from (i64); of equal values the earliest come
    /// first. <paramref name="sorted"/> = false allows any order; this implementation orders always (torch.topk).</summary>
    /// <exception cref="ShapeException">The axis does not exist or has fewer than k values.</exception>
    public static (Tensor Values, Tensor Indices) TopK(Tensor x, int k, int axis = -1, bool largest = true, bool sorted = true)
    {
        _ = sorted;
        Check.SameFloat("topk", x);
        axis = AxisOf("topk", x, axis);
        Check.That(k >= 0 && k <= x.Shape[axis], $"topk: k is {k}, axis {axis} of {x.Shape} has {x.Shape[axis]} values");
        return SortOp.Along("topk", x, axis, k, largest);
    }
}

/// <summary>The first values of each row in order. Keys are integers whose order is the floats' order, NaN last and both zeros equal.</summary>
internal static class SortOp
{
    /// <summary>Sorts along an axis; the last axis is sorted in place, others through a transposed copy.</summary>
    public static (Tensor Values, Tensor Indices) Along(string op, Tensor x, int axis, int take, bool descending)
    {
        if (axis == x.Rank - 1) { return Rows(op, x, take, descending); }
        var (values, indices) = Rows(op, x.Transpose(axis, -1), take, descending);
        return (values.Transpose(axis, -1), indices.Transpose(axis, -1));
    }

    /// <summary>An unsigned integer that orders as the float with these bits.</summary>
    public static uint Key32(uint bits)
    {
        if ((bits & 0x7FFFFFFF) > 0x7F800000) { return uint.MaxValue; }
        if (bits == 0x80000000) { return 0x80000000; }
        if ((bits & 0x80000000) != 0) { return ~bits; }
        return bits | 0x80000000;
    }

    /// <summary>An unsigned integer that orders as the double with these bits.</summary>
    public static ulong Key64(ulong bits)
    {
        if ((bits & 0x7FFFFFFFFFFFFFFF) > 0x7FF0000000000000) { return ulong.MaxValue; }
        if (bits == 0x8000000000000000) { return 0x8000000000000000; }
        if ((bits & 0x8000000000000000) != 0) { return ~bits; }
        return bits | 0x8000000000000000;
    }

    private static (Tensor Values, Tensor Indices) Rows(string op, Tensor x, int take, bool descending)
    {
        var shape = x.Shape.With(x.Rank - 1, take);
        var values = Tensor.EmptyLike(x, shape);
        var indices = Tensor.Empty(shape, DType.I64, x.Device);
        if (values.Count > 0)
        {
            using var dense = x.ContiguousUntracked();
            Kernel.Run(x, new Launch(dense, values, indices, descending));
        }

        return (Tape.Record(values, new Grad(op, x.Shape, indices), x), indices);
    }

    private sealed class Grad : GradFn
    {
        private readonly string _op;
        private readonly Shape _shape;
        private readonly SavedTensor _indices;

        public Grad(string op, Shape shape, Tensor indices) => (_op, _shape, _indices) = (op, shape, Save(indices));

        public override string Name => _op;

        protected internal override Tensor?[] Backward(Tensor dy)
        {
            var dx = Tensor.Zeros(_shape, dy.DType, dy.Device);
            using var dense = dy.ContiguousUntracked();
            if (dy.Count > 0) { Kernel.Run(dy, new Place(dense, dx, _indices.Value)); }
            return [dx];
        }
    }

    private readonly struct Launch(Tensor x, Tensor values, Tensor indices, bool descending) : IOpKernel
    {
        public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T> => SortCpu.Run(
            x.Pointer<T>(), values.Pointer<T>(), indices.Pointer<long>(), x.Count / x.Shape[^1], x.Shape[^1], values.Shape[^1], descending);

        public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R>
        {
            using var keys = TensorScope.Release(Tensor.Empty([checked((int)x.Count)], DType.I64, device));
            if (x.DType == DType.F32) { SortGpu.Keys32(device, x.View<float>(), keys.View<ulong>(), descending); }
            else { SortGpu.Keys64(device, x.View<double>(), keys.View<ulong>(), descending); }
            SortGpu.Rank(device, keys.View<ulong>(), x.View<R>(), values.View<R>(), indices.View<long>(), x.Shape[^1], values.Shape[^1]);
        }
    }

    private readonly struct Place(Tensor dy, Tensor dx, Tensor indices) : IOpKernel
    {
        public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
            SortCpu.Place(dy.Pointer<T>(), dx.Pointer<T>(), indices.Pointer<long>(), dy.Count, dx.Shape[^1], dy.Shape[^1]);

        public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R> =>
            SortGpu.Place(device, dy.View<R>(), dx.View<R>(), indices.View<long>(), dx.Shape[^1], dy.Shape[^1]);
    }
}
