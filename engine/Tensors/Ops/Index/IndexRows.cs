using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>Gathers rows and, as its adjoint, sums rows. Tensors are read as [outer, rows, inner] around one axis; flat elements are rows of
/// one element. Sums run in ascending order of the summands, so they have the same bits every time.</summary>
internal static class IndexRows
{
    /// <summary>y[o, k, :] = x[o, map[k], :] along <paramref name="axis"/>, for any element type; recorded.</summary>
    public static Tensor Select(string op, Tensor x, int axis, RowMap map)
    {
        var y = Gather(x, x.Shape.With(axis, map.Count), Size(x.Shape, 0, axis), map, Size(x.Shape, axis + 1, x.Rank));
        return Tape.Record(y, new SelectGrad(op, x.Shape, axis, map), x);
    }

    /// <summary>The gather itself, not recorded.</summary>
    public static Tensor Gather(Tensor x, Shape shape, long outer, RowMap map, long inner)
    {
        var y = Tensor.EmptyLike(x, shape);
        if (y.Count == 0) { return y; }
        using var dense = x.ContiguousUntracked();
        using var sources = TensorScope.Release(map.Sources(x.Device));
        switch (x.DType.Size())
        {
            case 8: Gather<ulong>(dense, y, sources, outer, map, inner); break;
            case 4: Gather<uint>(dense, y, sources, outer, map, inner); break;
            case 2: Gather<ushort>(dense, y, sources, outer, map, inner); break;
            default: Gather<byte>(dense, y, sources, outer, map, inner); break;
        }

        return y;
    }

    /// <summary>y[o, r, :] = start[o, r, :] + Σ over k with map[k] = r of src[o, k, :]; not recorded.</summary>
    public static Tensor Sum(Tensor src, Shape shape, long outer, RowMap map, long inner, Tensor? start = null, int skip = -1)
    {
        if (shape.Count == 0 || src.Count == 0) { return start is null ? Tensor.Zeros(shape, src.DType, src.Device) : start.Clone(); }
        var y = Tensor.EmptyLike(src, shape);
        using var dense = src.ContiguousUntracked();
        using var from = start?.ContiguousUntracked();
        var (starts, order) = map.Inverse(src.Device, skip);
        Kernel.Run(y, new SumLaunch(dense, from, y, starts, order, outer, map, inner));
        TensorScope.Release(starts).Dispose();
        TensorScope.Release(order).Dispose();
        return y;
    }

    /// <summary>Product of the sizes of axes [from, to).</summary>
    public static long Size(Shape shape, int from, int to) => shape.Slice(from, to - from).Count;

    private static unsafe void Gather<T>(Tensor x, Tensor y, Tensor sources, long outer, RowMap map, long inner) where T : unmanaged
    {
        if (y.Device is GpuDevice gpu)
        {
            IndexRowsGpu.Gather(gpu, x.View<T>(), y.View<T>(), sources.View<int>(), outer, map, inner);
            return;
        }

        y.Device.Counters.Launched();
        T* px = (T*)x.Storage.Pointer + x.Offset, py = (T*)y.Storage.Pointer + y.Offset;
        IndexRowsCpu.Gather(px, py, sources.Pointer<int>(), outer, map, inner);
    }

    private sealed class SelectGrad(string op, Shape shape, int axis, RowMap map) : GradFn
    {
        public override string Name => op;

        protected internal override Tensor?[] Backward(Tensor dy) =>
            [Sum(dy, shape, Size(shape, 0, axis), map, Size(shape, axis + 1, shape.Length))];
    }

    private readonly struct SumLaunch(
        Tensor src, Tensor? start, Tensor y, Tensor starts, Tensor order, long outer, RowMap map, long inner) : IOpKernel
    {
        public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T> => Simd.Run<T, RowSumCpu<T>>(new RowSumCpu<T>(
            src.Pointer<T>(), start is null ? null : start.Pointer<T>(), y.Pointer<T>(), starts.Pointer<int>(), order.Pointer<int>(),
            outer, map, inner));

        public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R> => IndexRowsGpu.Sum(device, src.View<R>(), (start ?? src).View<R>(),
            start is not null, y.View<R>(), starts.View<int>(), order.View<int>(), outer, map, inner);
    }
}
