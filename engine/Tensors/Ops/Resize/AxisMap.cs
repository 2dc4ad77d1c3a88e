using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>Applies one table per trailing axis, the last axis first.</summary>
internal static class AxisMap
{
    /// <summary>Tables for the trailing axes of x, in the order of the axes.</summary>
    public static Tensor Run(string op, Tensor x, params AxisTable[] tables) =>
        Tape.Record(Apply(x, tables), new Grad(op, tables), x);

    private static Tensor Apply(Tensor x, AxisTable[] tables)
    {
        using var noGrad = GradMode.NoGrad();
        using var scope = TensorScope.Begin();
        var y = x.Contiguous();
        for (var i = tables.Length - 1; i >= 0; i--) { y = Along(y, y.Rank - tables.Length + i, tables[i]); }
        return scope.Keep(ReferenceEquals(y, x) ? x.Clone() : y);
    }

    private static Tensor Along(Tensor x, int axis, AxisTable table)
    {
        long outer = 1, inner = 1;
        for (var i = 0; i < axis; i++) { outer *= x.Shape[i]; }
        for (var i = axis + 1; i < x.Rank; i++) { inner *= x.Shape[i]; }
        var y = Tensor.EmptyLike(x, x.Shape.With(axis, table.Outputs));
        if (y.Count == 0) { return y; }
        using var onDevice = new DeviceTable(table, x.DType, x.Device);
        Kernel.Run(y, new Launch(x, y, onDevice, outer, table.Inputs, table.Outputs, inner));
        return y;
    }

    private sealed class Grad(string op, AxisTable[] tables) : GradFn
    {
        public override string Name => op;

        protected internal override Tensor?[] Backward(Tensor dy) =>
            [Apply(dy, System.Array.ConvertAll(tables, t => t.Transposed))];
    }

    private readonly struct Launch(Tensor x, Tensor y, DeviceTable table, long outer, int inputs, int outputs,
        long inner) : IOpKernel
    {
        public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
            Simd.Run<T, AxisMapCpu<T>>(new AxisMapCpu<T>(
            x.Pointer<T>(), y.Pointer<T>(), table.Starts.Pointer<int>(), table.Offsets.Pointer<int>(), table.Weights.Pointer<T>(),
            outer, inputs, outputs, inner));

        public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R> => AxisMapGpu.Run(device, new AxisMapGpu.Args<R>
        {
            X = x.View<R>(),
            Y = y.View<R>(),
            Starts = table.Starts.View<int>(),
            Offsets = table.Offsets.View<int>(),
            Weights = table.Weights.View<R>(),
            Count = checked((int)y.Count),
            Inputs = inputs,
            Outputs = outputs,
            Inner = checked((int)inner),
        });
    }
}
