using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>Products of BF16 tensors with f32 sums, rounded once: by matrix units where the device has them and groups of 8
/// elements lie in 16
/// aligned bytes, else as f32 (products of BF16 are exact there).</summary>
internal static class MatMul16
{
    /// <summary>a·b of at least two axes each, differentiable.</summary>
    public static Tensor Run(Tensor a, Tensor b)
    {
        if (Fast(a, b) is { } y) { return Tape.Record(y, new Grad(a, b), a, b); }
        return F.MatMul(a.To(DType.F32), b.To(DType.F32)).To(DType.BF16);
    }

    private static Tensor? Fast(Tensor a, Tensor b)
    {
        using var noGrad = GradMode.NoGrad();
        if (a.Device is not GpuDevice { HasMatrixUnits: true } device) { return null; }
        if (b.Rank == 2 && a.Rank > 2 && a.IsContiguous)
        {
            return Fast(a.Reshape(-1, a.Shape[^1]), b)?.Reshape(a.Shape.With(a.Rank - 1, b.Shape[^1]));
        }

        var batch = Shape.Broadcast(a.Shape[..^2], b.Shape[..^2], "matmul");
        var y = Tensor.Empty(batch.Append(a.Shape[^2], b.Shape[^1]), DType.BF16, device);
        var launch = new Gemm16Launch(y, a, b);
        if (y.Count > 0 && launch.IsPossible)
        {
            launch.Run(device);
            System.GC.KeepAlive((a, b));
            return y;
        }

        y.Dispose();
        return null;
    }

    private sealed class Grad : GradFn
    {
        private readonly SavedTensor _a, _b;

        public Grad(Tensor a, Tensor b) => (_a, _b) = (Save(a), Save(b));

        public override string Name => "matmul";

        protected internal override Tensor?[] Backward(Tensor dy)
        {
            Tensor a = _a, b = _b;
            return [Needs(0) ? SumTo(Run(dy, b.T()), a.Shape) : null, Needs(1) ? Right(a, dy, b.Shape) : null];
        }

        // When one matrix served all batches, their sum is one product with a long inner axis.
        private static Tensor Right(Tensor a, Tensor dy, Shape shape)
        {
            if (shape.Length == 2 && dy.Rank > 2)
            {
                a = a.Expand([.. dy.Shape.AsSpan()[..^2], a.Shape[^2], a.Shape[^1]]).Reshape(-1, a.Shape[^1]);
                dy = dy.Reshape(-1, dy.Shape[^1]);
            }

            return SumTo(Run(a.T(), dy), shape);
        }

        private static Tensor SumTo(Tensor x, Shape shape) =>
            x.Shape == shape ? x : F.SumTo(x.To(DType.F32), shape).To(DType.BF16);
    }
}
