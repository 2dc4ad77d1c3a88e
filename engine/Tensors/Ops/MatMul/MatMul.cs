using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

public static partial class F
{
    /// <summary>Matrix product over the last two axes with NumPy broadcasting of the leading ones: [..., M, K]·[..., K, N] → [..., M, N].
    /// A one-axis operand is a row (left) or column (right) whose axis disappears. Transposed views are read in place. Two BF16 tensors give a
    /// BF16 tensor: sums are f32 and rounded once. How f32 is computed on matrix units says <see cref="GpuDevice.Float32MatMulPrecision"/>.</summary>
    /// <exception cref="ShapeException">The inner sizes differ, or the leading axes do not broadcast.</exception>
    public static Tensor MatMul(Tensor a, Tensor b)
    {
        if (a.DType == DType.BF16 && b.DType == DType.BF16) { Check.OnDevice("matmul", a, b); }
        else { Check.SameFloat("matmul", a, b); }

        Check.That(a.Rank > 0 && b.Rank > 0, $"matmul: operands are {a.Shape} and {b.Shape}; a scalar multiplies with *");
        if (a.Rank == 1) { return b.Rank == 1 ? MatMul(a.Unsqueeze(0), b).Reshape() : MatMul(a.Unsqueeze(0), b).Squeeze(-2); }
        if (b.Rank == 1) { return MatMul(a, b.Unsqueeze(1)).Squeeze(-1); }
        Check.That(a.Shape[^1] == b.Shape[^2],
            $"matmul: inner sizes differ: a is {a.Shape} (last axis {a.Shape[^1]}), b is {b.Shape} (axis -2 is {b.Shape[^2]})");
        return a.DType == DType.BF16 ? MatMul16.Run(a, b) : Tape.Record(Product(a, b), new MatMulGrad(a, b), a, b);
    }

    /// <summary>The product itself, not recorded. One plain matrix on the right makes one big product of all rows on the left.</summary>
    internal static Tensor Product(Tensor a, Tensor b)
    {
        using var noGrad = GradMode.NoGrad();
        if (b.Rank == 2 && a.Rank > 2 && a.IsContiguous)
        {
            return Product(a.Reshape(-1, a.Shape[^1]), b).Reshape(a.Shape.With(a.Rank - 1, b.Shape[^1]));
        }

        var batch = Shape.Broadcast(a.Shape[..^2], b.Shape[..^2], "matmul");
        var y = Tensor.EmptyLike(a, batch.Append(a.Shape[^2], b.Shape[^1]));
        if (y.Count > 0) { Kernel.Run(y, new GemmLaunch(y, a, b)); }
        return y;
    }

    private sealed class MatMulGrad : GradFn
    {
        private readonly SavedTensor _a, _b;

        public MatMulGrad(Tensor a, Tensor b) => (_a, _b) = (Save(a), Save(b));

        public override string Name => "matmul";

        protected internal override Tensor?[] Backward(Tensor dy)
        {
            Tensor a = _a, b = _b;
            return
            [
                Needs(0) ? SumTo(Product(dy, b.T()), a.Shape) : null,
                Needs(1) ? RightGradient(a, dy, b.Shape) : null,
            ];
        }

        // aᵀ·dy; when one matrix served all batches, their sum is one product with a long inner axis.
        private static Tensor RightGradient(Tensor a, Tensor dy, Shape shape)
        {
            if (shape.Length == 2 && dy.Rank > 2)
            {
                (a, dy) = (a.Expand([.. dy.Shape.AsSpan()[..^2], a.Shape[^2], a.Shape[^1]]).Reshape(-1, a.Shape[^1]), dy.Reshape(-1, dy.Shape[^1]));
            }

            return SumTo(Product(a.T(), dy), shape);
        }
    }
}

/// <summary>y ← act(a·b + bias), all strided; keeps the value before the activation when asked. The batch axes that the operands can merge
/// become one batched product, the others a loop.</summary>
internal readonly struct GemmLaunch(Tensor y, Tensor a, Tensor b, Tensor? bias = null, Activation activation = Activation.None,
    Tensor? preActivation = null) : IOpKernel
{
    public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var loop = Batches();
        var g = new GemmArgs<T>
        {
            M = y.Shape[^2],
            N = y.Shape[^1],
            K = a.Shape[^1],
            Alpha = T.One,
            Beta = T.Zero,
            Batch = loop.Inner,
            ARow = a.Strides[^2],
            ACol = a.Strides[^1],
            ABatch = loop.InnerStride(1),
            BRow = b.Strides[^2],
            BCol = b.Strides[^1],
            BBatch = loop.InnerStride(2),
            CRow = y.Shape[^1],
            CBatch = loop.InnerStride(0),
        };
        for (long row = 0; row < loop.Rows; row++)
        {
            var offset = loop.RowOffset(0, row);
            g.A = a.Pointer<T>() + loop.RowOffset(1, row);
            g.B = b.Pointer<T>() + loop.RowOffset(2, row);
            g.C = y.Pointer<T>() + offset;
            g.Epilogue = new GemmEpilogue<T>
            {
                Bias = bias is null ? null : bias.Pointer<T>(),
                Activation = (GemmActivation)activation,
                PreActivation = preActivation is null ? null : preActivation.Pointer<T>() + offset,
            };
            Gemm.Run(g);
        }
    }

    public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R>
    {
        var loop = Batches();
        var g = new GemmGpu.Args<R>
        {
            M = y.Shape[^2],
            N = y.Shape[^1],
            K = a.Shape[^1],
            Batch = loop.Inner,
            HasBias = bias is null ? 0 : 1,
            HasPre = preActivation is null ? 0 : 1,
            ARow = checked((int)a.Strides[^2]),
            ACol = checked((int)a.Strides[^1]),
            ABatch = checked((int)loop.InnerStride(1)),
            BRow = checked((int)b.Strides[^2]),
            BCol = checked((int)b.Strides[^1]),
            BBatch = checked((int)loop.InnerStride(2)),
            CBatch = checked((int)loop.InnerStride(0)),
        };
        for (long row = 0; row < loop.Rows; row++)
        {
            g.A = From(a.View<R>(), loop.RowOffset(1, row));
            g.B = From(b.View<R>(), loop.RowOffset(2, row));
            g.C = From(y.View<R>(), loop.RowOffset(0, row));
            g.Bias = bias is null ? g.C : bias.View<R>();
            g.Pre = preActivation is null ? g.C : From(preActivation.View<R>(), loop.RowOffset(0, row));
            var isAligned = (a.Offset + loop.RowOffset(1, row)) % 4 == 0 && (b.Offset + loop.RowOffset(2, row)) % 4 == 0;
            GemmGpu.Launch(device, g, activation, isAligned);
        }
    }

    private static ILGPU.ArrayView<R> From<R>(ILGPU.ArrayView<R> view, long offset) where R : unmanaged =>
        view.Length == 0 ? view : view.SubView(offset, view.Length - offset);

    private StridedLoop Batches() => Batches(y, a, b);

    /// <summary>The batch axes of a product of these tensors: merged where their strides allow.</summary>
    internal static StridedLoop Batches(Tensor y, Tensor a, Tensor b)
    {
        var batch = y.Shape[..^2];
        return new StridedLoop(batch, y.Strides[..^2].ToArray(), BatchStrides(a, batch), BatchStrides(b, batch));
    }

    private static long[] BatchStrides(Tensor t, Shape batch)
    {
        var lead = batch.Length - (t.Rank - 2);
        var strides = new long[batch.Length];
        for (var i = 0; i < t.Rank - 2; i++) { strides[lead + i] = t.Shape[i] == 1 ? 0 : t.Strides[i]; }
        return strides;
    }
}
