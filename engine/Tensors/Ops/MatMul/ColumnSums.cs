using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>y[n] = Σ_m x[m, n] on a GPU, for gradients of biases: many rows, few columns.</summary>
internal static class ColumnSums
{
    private const int PartRows = 512;

    /// <summary>Sums of a contiguous matrix.</summary>
    public static Tensor Of(Tensor x)
    {
        var y = Tensor.EmptyLike(x, [x.Shape[1]]);
        if (x.Count == 0) { CopyOp.Fill(y, 0); }
        else { Kernel.Run(y, new Launch(x, y)); }
        return y;
    }

    private readonly struct Launch(Tensor x, Tensor y) : IOpKernel
    {
        public void Cpu<T>() where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T> =>
            throw new DeviceException("linear: column sums are a GPU kernel; the CPU sums in LinearBackward");

        public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R>
        {
            int rows = x.Shape[0], columns = x.Shape[1], parts = (rows + PartRows - 1) / PartRows;
            if (parts == 1)
            {
                ColumnSumsGpu.Run(device, x.View<R>(), y.View<R>(), rows, columns, PartRows);
                return;
            }

            using var sums = Tensor.EmptyLike(y, [parts, columns]);
            ColumnSumsGpu.Run(device, x.View<R>(), sums.View<R>(), rows, columns, PartRows);
            ColumnSumsGpu.Run(device, sums.View<R>(), y.View<R>(), parts, columns, parts);
        }
    }
}
