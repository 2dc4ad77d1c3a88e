using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

public static partial class F
{
    /// <summary>y = softmax(q·kᵀ/√d + mask)·v per batch and head, without storing the scores. q [B, heads, Nq, d], k and v [B,
    /// heads, Nk, d] → [B, heads, Nq, d]. Views whose last axis is dense are read in place.</summary>
    /// <param name="q">Queries.</param> <param name="k">Keys.</param> <param name="v">Values.</param>
    /// <param name="mask">Added to the scores, broadcast to [B, heads, Nq, Nk]. Gets a gradient if it requires one (that stores
    /// the scores' gradient). Entries at or below −1e30 exclude a key.</param>
    /// <param name="isCausal">Query i sees keys 0 … i, counted from the first key also when Nq ≠ Nk (torch's is_causal).</param>
    /// <remarks>A query that no key is left for gives zeros and passes no gradient. Source: Vaswani et al., arXiv 1706.03762,
    /// eq. 1; tiling: Dao, arXiv 2307.08691.</remarks>
    /// <exception cref="ShapeException">The shapes differ from those above, or there is no key.</exception>
    public static Tensor ScaledDotProductAttention(Tensor q, Tensor k, Tensor v, Tensor? mask = null, bool isCausal = false)
    {
        const string Op = "scaled_dot_product_attention";
        Check.SameFloat(Op, q, k, v);
        Check.HasRank(Op, "q", q, 4, "[B, heads, Nq, d]");
        Check.HasRank(Op, "k", k, 4, "[B, heads, Nk, d]");
        Check.HasShape(Op, "k", k, q.Shape.With(2, k.Shape[2]));
        Check.HasShape(Op, "v", v, k.Shape);
        Check.That(k.Shape[2] > 0 && q.Shape[3] > 0, $"{Op}: k is {k.Shape}, expected at least one key and one channel");
        var shape = new SequenceShape(q.Shape[0], q.Shape[1], q.Shape[2], k.Shape[2], q.Shape[3], isCausal);
        if (mask is not null) { Check.SameFloat(Op, q, mask); }
        var scores = mask?.Expand(shape.Batch, shape.Heads, shape.Queries, shape.Keys);
        (q, k, v) = (AttentionViews.DenseRows(q), AttentionViews.DenseRows(k), AttentionViews.DenseRows(v));
        var y = Tensor.EmptyLike(q, q.Shape);
        var lse = Tape.Records(q, k, v, scores) ? Tensor.EmptyLike(q, q.Shape[..3]) : null;
        if (y.Count == 0) { CopyOp.Fill(y, 0); }
        else { Kernel.Run(q, new SequenceForward(shape, q, k, v, scores, null, y, lse)); }
        return lse is null ? y : Tape.Record(y, new SequenceGrad(shape, q, k, v, scores, y, lse), q, k, v, scores);
    }

    /// <summary>Self-attention on a packed projection, read and differentiated in place: qkv [B, N, 3C] holds q, k and v of all
    /// heads, each [heads, d], d = C/heads → [B, N, C] = softmax(q·kᵀ/√d)·v, heads side by side.</summary>
    /// <param name="qkv">The packed projection.</param> <param name="heads">Number of heads.</param>
    /// <param name="isCausal">Token i sees tokens 0 … i.</param>
    /// <param name="keyPadding">Bool [B, N]: true = may be attended.</param>
    /// <remarks>A token that no key is left for gives zeros and passes no gradient. Source: Vaswani et al., arXiv 1706.03762,
    /// §3.2.</remarks>
    /// <exception cref="ShapeException">The shapes differ from those above.</exception>
    public static Tensor SelfAttention(Tensor qkv, int heads, bool isCausal = false, Tensor? keyPadding = null)
    {
        const string Op = "self_attention";
        Check.SameFloat(Op, qkv);
        Check.HasRank(Op, "qkv", qkv, 3, "[B, N, 3C]");
        var (batch, n) = (qkv.Shape[0], qkv.Shape[1]);
        Check.That(heads > 0 && qkv.Shape[2] > 0 && qkv.Shape[2] % (3 * heads) == 0,
            $"{Op}: qkv is {qkv.Shape}, expected a last axis of 3·C with C a multiple of {heads} heads");
        if (keyPadding is not null)
        {
            Check.OnDevice(Op, qkv, keyPadding);
            Check.HasShape(Op, "keyPadding", keyPadding, [batch, n]);
            if (keyPadding.DType != DType.Bool)
            {
                throw new DTypeException($"{Op}: keyPadding is {keyPadding.DType.Name()}, expected bool");
            }
            keyPadding = keyPadding.Contiguous();
        }

        qkv = qkv.Contiguous();
        var shape = new SequenceShape(batch, heads, n, n, qkv.Shape[2] / 3 / heads, isCausal);
        var y = Tensor.EmptyLike(qkv, [batch, n, qkv.Shape[2] / 3]);
        var lse = Tape.Records(qkv) ? Tensor.EmptyLike(qkv, [batch, heads, n]) : null;
        if (y.Count > 0)
        {
            var (q, k, v) = (AttentionViews.Heads(qkv, 0, 3, heads), AttentionViews.Heads(qkv, 1, 3, heads),
                AttentionViews.Heads(qkv, 2, 3, heads));
            Kernel.Run(qkv, new SequenceForward(shape, q, k, v, null, keyPadding, AttentionViews.Heads(y, 0, 1, heads), lse));
        }

        return lse is null ? y : Tape.Record(y, new SelfGrad(shape, qkv, keyPadding, y, lse), qkv);
    }

    private sealed class SequenceGrad : GradFn
    {
        private readonly SequenceShape _shape;
        private readonly SavedTensor _q, _k, _v, _mask, _y, _lse;

        public SequenceGrad(SequenceShape shape, Tensor q, Tensor k, Tensor v, Tensor? mask, Tensor y, Tensor lse)
        {
            _shape = shape;
            (_q, _k, _v, _mask, _y, _lse) = (Save(q), Save(k), Save(v), Save(mask), Save(y), Save(lse));
        }

        public override string Name => "scaled_dot_product_attention";

        protected internal override Tensor?[] Backward(Tensor dy)
        {
            Tensor q = _q, k = _k;
            Tensor dq = Tensor.EmptyLike(q, q.Shape), dk = Tensor.ZerosLike(k), dv = Tensor.ZerosLike(k);
            var dScores = Needs(3) ? Tensor.Zeros([_shape.Batch, _shape.Heads, _shape.Queries, _shape.Keys], q.DType, q.Device)
                : null;
            if (q.Count > 0)
            {
                Kernel.Run(q, new SequenceBackward(_shape, (q, k, _v), _mask.OrNull, null,
                    (_y, AttentionViews.DenseRows(dy), _lse), (dq, dk, dv), dScores));
            }

            return [dq, dk, dv, dScores];
        }
    }

    private sealed class SelfGrad : GradFn
    {
        private readonly SequenceShape _shape;
        private readonly SavedTensor _qkv, _keyPadding, _y, _lse;

        public SelfGrad(SequenceShape shape, Tensor qkv, Tensor? keyPadding, Tensor y, Tensor lse)
        {
            _shape = shape;
            (_qkv, _keyPadding, _y, _lse) = (Save(qkv), Save(keyPadding), Save(y), Save(lse));
        }

        public override string Name => "self_attention";

        protected internal override Tensor?[] Backward(Tensor dy)
        {
            Tensor qkv = _qkv;
            var d = Tensor.EmptyLike(qkv);
            if (qkv.Count == 0) { return [d]; }
            Tensor Part(Tensor t, int part) => AttentionViews.Heads(t, part, 3, _shape.Heads);
            Tensor Out(Tensor t) => AttentionViews.Heads(t, 0, 1, _shape.Heads);
            Kernel.Run(qkv, new SequenceBackward(_shape, (Part(qkv, 0), Part(qkv, 1), Part(qkv, 2)), null, _keyPadding.OrNull,
                (Out(_y), Out(dy.Contiguous()), _lse), (Part(d, 0), Part(d, 1), Part(d, 2)), null));
            return [d];
        }
    }
}

/// <summary>The forward kernels over sequences; all operands are [B, heads, tokens, d] views with dense channels.</summary>
internal readonly struct SequenceForward(SequenceShape shape, Tensor q, Tensor k, Tensor v, Tensor? mask, Tensor? keyPadding,
    Tensor y, Tensor? lse) : IOpKernel
{
    public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Simd.Run<T, SequenceForwardCpu<T>>(new(new(shape, q, k, v, mask, keyPadding), new(y),
            lse is null ? null : lse.Pointer<T>()));

    public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R>
    {
        using var own = lse is null ? TensorScope.Release(Tensor.EmptyLike(q, q.Shape[..3])) : null;
        var args = new AttentionForwardGpu.Args<R, SequencePlan<R>>
        {
            Q = AttentionViews.Rows<R>(q),
            K = AttentionViews.Rows<R>(k),
            V = AttentionViews.Rows<R>(v),
            Y = AttentionViews.Rows<R>(y),
            Pad = q.View<R>(),
            Lse = (lse ?? own!).View<R>(),
            Plan = SequencePlan<R>.Create(shape, q, mask, keyPadding),
            Scale = R.Of(1 / System.Math.Sqrt(shape.Dim)),
            Instances = shape.Batch,
            Heads = shape.Heads,
            Queries = shape.Queries,
            Keys = shape.Keys,
            Dim = shape.Dim,
        };
        var items = (long)shape.Batch * shape.Heads * ((shape.Queries + GpuTile.Size - 1) / GpuTile.Size);
        device.LaunchGroups(AttentionForwardGpu.OnlineTiles<R, SequencePlan<R>>, items, args);
    }
}

/// <summary>The backward kernels over sequences.</summary>
internal readonly struct SequenceBackward(SequenceShape shape, (Tensor Q, Tensor K, Tensor V) x, Tensor? mask, Tensor? keyPadding,
    (Tensor Y, Tensor Dy, Tensor Lse) result, (Tensor Q, Tensor K, Tensor V) d, Tensor? dScores) : IOpKernel
{
    public void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T> => Simd.Run<T, SequenceBackwardCpu<T>>(
        new(new(shape, x.Q, x.K, x.V, mask, keyPadding), new(result.Y, result.Dy, result.Lse, d.Q, d.K, d.V, dScores)));

    public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R>
    {
        if (shape.IsCausal && shape.Keys > shape.Queries)
        {
            CopyOp.Fill(d.K, 0); // keys beyond the last query are visited by no tile
            CopyOp.Fill(d.V, 0);
        }

        var delta = Tensor.EmptyLike(result.Lse);
        var args = new AttentionBackwardGpu.Args<R, SequencePlan<R>>
        {
            Q = AttentionViews.Rows<R>(x.Q),
            K = AttentionViews.Rows<R>(x.K),
            V = AttentionViews.Rows<R>(x.V),
            Y = AttentionViews.Rows<R>(result.Y),
            Dy = AttentionViews.Rows<R>(result.Dy),
            Dq = AttentionViews.Rows<R>(d.Q),
            Dk = AttentionViews.Rows<R>(d.K),
            Dv = AttentionViews.Rows<R>(d.V),
            Pad = x.Q.View<R>(),
            PadGradient = x.Q.View<R>(),
            Lse = result.Lse.View<R>(),
            Delta = delta.View<R>(),
            Sink = dScores is null ? x.Q.View<R>() : dScores.View<R>(),
            HasSink = dScores is null ? 0 : 1,
            Members = 1,
            Plan = SequencePlan<R>.Create(shape, x.Q, mask, keyPadding),
            Scale = R.Of(1 / System.Math.Sqrt(shape.Dim)),
            Instances = shape.Batch,
            Heads = shape.Heads,
            Queries = shape.Queries,
            Keys = shape.Keys,
            Dim = shape.Dim,
        };
        AttentionBackwardGpu.Launch(device, args);
    }
}
