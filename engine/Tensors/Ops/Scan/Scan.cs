using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

public static partial class F
{
    /// <summary>y_i = x_0 + … + x_i along an axis.</summary>
    /// <param name="x">Any shape.</param> <param name="axis">The axis summed along.</param>
    /// <exception cref="ShapeException">The axis does not exist.</exception>
    public static Tensor CumSum(Tensor x, int axis)
    {
        Check.SameFloat("cumsum", x);
        axis = x.Shape.Axis(axis, "cumsum");
        return Tape.Record(ScanOp.Run<RunningSum>(x, axis), new CumSumGrad(axis), x);
    }

    /// <summary>Product along an axis, which disappears unless <paramref name="keepDim"/>. The gradient is right with zeros too.</summary>
    /// <param name="x">Any shape.</param> <param name="axis">The axis multiplied along.</param> <param name="keepDim">Keeps the axis as size 1.</param>
    /// <exception cref="ShapeException">The axis does not exist.</exception>
    public static Tensor Prod(Tensor x, int axis, bool keepDim = false)
    {
        Check.SameFloat("prod", x);
        axis = x.Shape.Axis(axis, "prod");
        int[] axes = x.Rank == 0 ? [] : [axis];
        var y = Tape.Record(ReduceOp.Run<ProductReducer>("prod", x, axes), new ProdGrad(x, axis), x);
        return keepDim ? y : Drop(y, axes);
    }

    // dx_i = dy_i + … + dy_last.
    private sealed class CumSumGrad(int axis) : GradFn
    {
        public override string Name => "cumsum";

        protected internal override Tensor?[] Backward(Tensor dy) => [ScanOp.Run<SumFromHere>(dy, axis)];
    }

    // dx_i = dy·∏_{j ≠ i} x_j, by products from both ends: no division, so zeros do no harm.
    private sealed class ProdGrad : GradFn
    {
        private readonly SavedTensor _x;
        private readonly int _axis;

        public ProdGrad(Tensor x, int axis)
        {
            _x = Save(x);
            _axis = axis;
        }

        public override string Name => "prod";

        protected internal override Tensor?[] Backward(Tensor dy) => [ScanOp.Run<ProductOfOthers>(_x.Value, _axis) * dy];
    }
}

/// <summary>One column of a scan: element i is at start + i·step.</summary>
internal interface IScan
{
    static abstract void Column<R, TArray>(TArray x, TArray y, int start, int step, int length) where R : struct, IReal<R> where TArray : struct, IColumn<R>;
}

/// <summary>Memory of one element type, host or device.</summary>
internal interface IColumn<R>
{
    R Read(int index);

    void Write(int index, R value);
}

internal readonly struct RunningSum : IScan
{
    public static void Column<R, TArray>(TArray x, TArray y, int start, int step, int length) where R : struct, IReal<R> where TArray : struct, IColumn<R>
    {
        var sum = R.Of(0);
        for (var i = 0; i < length; i++)
        {
            sum += x.Read(start + i * step);
            y.Write(start + i * step, sum);
        }
    }
}

internal readonly struct SumFromHere : IScan
{
    public static void Column<R, TArray>(TArray x, TArray y, int start, int step, int length) where R : struct, IReal<R> where TArray : struct, IColumn<R>
    {
        var sum = R.Of(0);
        for (var i = length - 1; i >= 0; i--)
        {
            sum += x.Read(start + i * step);
            y.Write(start + i * step, sum);
        }
    }
}

internal readonly struct ProductOfOthers : IScan
{
    public static void Column<R, TArray>(TArray x, TArray y, int start, int step, int length) where R : struct, IReal<R> where TArray : struct, IColumn<R>
    {
        var before = R.Of(1);
        for (var i = 0; i < length; i++)
        {
            y.Write(start + i * step, before);
            before *= x.Read(start + i * step);
        }

        var after = R.Of(1);
        for (var i = length - 1; i >= 0; i--)
        {
            y.Write(start + i * step, y.Read(start + i * step) * after);
            after *= x.Read(start + i * step);
        }
    }
}

/// <summary>Scans along an axis of a dense [outer, length, inner], ColumnInOrder: one thread per column, in the order of the axis, so the bits
/// repeat. Traffic: each element once in, once out (products twice).</summary>
internal static class ScanOp
{
    public static Tensor Run<TScan>(Tensor x, int axis) where TScan : struct, IScan
    {
        var y = Tensor.EmptyLike(x);
        if (y.Count == 0) { return y; }
        using var noGrad = GradMode.NoGrad();
        long inner = 1;
        for (var i = axis + 1; i < x.Rank; i++) { inner *= x.Shape[i]; }
        var length = x.Rank == 0 ? 1 : x.Shape[axis];
        Kernel.Run(x, new Launch<TScan>(x.Contiguous(), y, checked((int)(x.Count / length)), length, checked((int)inner)));
        return y;
    }

    private readonly struct Launch<TScan>(Tensor x, Tensor y, int columns, int length, int inner) : IOpKernel where TScan : struct, IScan
    {
        public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
            ScanCpu.Run<TScan, T>(x.Pointer<T>(), y.Pointer<T>(), columns, length, inner);

        public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R> => device.LaunchElements(ScanGpu.ColumnPerThread<TScan, R>, columns,
            new ScanGpu.Args<R> { X = x.View<R>(), Y = y.View<R>(), Columns = columns, Length = length, Inner = inner });
    }
}
