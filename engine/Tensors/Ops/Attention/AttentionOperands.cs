using FlorenceKernels.Runtime;
using ILGPU;

namespace FlorenceKernels.Tensors;

/// <summary>Sizes of an attention over sequences.</summary>
internal readonly record struct SequenceShape(int Batch, int Heads, int Queries, int Keys, int Dim, bool IsCausal);

/// <summary>CPU rows of a [B, heads, tokens, d] operand with any strides whose channels are neighbours.</summary>
internal readonly unsafe struct CpuRows<T>(Tensor t) where T : unmanaged
{
    private readonly T* _data = t.Pointer<T>();
    private readonly long _batch = t.Strides[0], _head = t.Strides[1], _token = t.Strides[2];

    public T* At(long batch, int head, int token) => _data + batch * _batch + head * _head + token * _token;
}

/// <summary>An additive mask with any strides, broadcast ones included; none when the tensor is null.</summary>
internal readonly unsafe struct CpuMask<T> where T : unmanaged
{
    private readonly T* _data;
    private readonly long _batch, _head, _query;

    public CpuMask(Tensor? mask)
    {
        if (mask is null) { return; }
        _data = mask.Pointer<T>();
        (_batch, _head, _query, Step) = (mask.Strides[0], mask.Strides[1], mask.Strides[2], mask.Strides[3]);
    }

    /// <summary>Elements from one key to the next.</summary>
    public long Step { get; }

    /// <summary>The row of a query, or null.</summary>
    public T* Row(long batch, int head, int query) =>
        _data == null ? null : _data + batch * _batch + head * _head + query * _query;
}

/// <summary>Everything the CPU sequence kernels read.</summary>
internal readonly unsafe struct SequenceOperands<T>(SequenceShape shape, Tensor q, Tensor k, Tensor v, Tensor? mask,
    Tensor? keyPadding) where T : unmanaged
{
    public readonly SequenceShape Shape = shape;
    public readonly CpuRows<T> Q = new(q), K = new(k), V = new(v);
    public readonly CpuMask<T> Mask = new(mask);
    private readonly bool* _keyPadding = keyPadding is null ? null : keyPadding.Pointer<bool>();

    /// <summary>False for a key that padding excludes.</summary>
    public bool IsKey(long batch, int key) => _keyPadding == null || _keyPadding[batch * Shape.Keys + key];
}

/// <summary>The GPU form of causal mask, key padding and additive mask.</summary>
internal struct SequencePlan<R> : IAttentionPlan<R> where R : unmanaged, IReal<R>
{
    public ArrayView<R> Mask;
    public ArrayView<byte> KeyPadding; // [B, keys], 0 = excluded
    public int HasMask, HasKeyPadding, IsCausal, Keys, MaskBatch, MaskHead, MaskQuery, MaskKey;

    public readonly int Token(int instance, int row) => row;

    public readonly int Tag(int instance, int row) => row;

    public readonly R Adjust(int instance, int head, int query, int key)
    {
        var add = R.Of(0);
        if (HasMask != 0) { add = Mask[instance * MaskBatch + head * MaskHead + query * MaskQuery + key * MaskKey]; }
        if (IsCausal != 0 && key > query) { add = R.Of(double.NegativeInfinity); }
        if (HasKeyPadding != 0 && KeyPadding[instance * Keys + key] == 0) { add = R.Of(double.NegativeInfinity); }
        return add;
    }

    public readonly int KeyEnd(int queryEnd, int keys) => IsCausal != 0 && queryEnd < keys ? queryEnd : keys;

    public readonly int QueryStart(int key) => IsCausal != 0 ? key : 0;

    public static SequencePlan<R> Create(SequenceShape shape, Tensor q, Tensor? mask, Tensor? keyPadding) => new()
    {
        Mask = mask is null ? q.View<R>() : mask.View<R>(),
        HasMask = mask is null ? 0 : 1,
        IsCausal = shape.IsCausal ? 1 : 0,
        Keys = shape.Keys,
        KeyPadding = keyPadding is null ? default : keyPadding.View<byte>(),
        HasKeyPadding = keyPadding is null ? 0 : 1,
        MaskBatch = Stride(mask, 0),
        MaskHead = Stride(mask, 1),
        MaskQuery = Stride(mask, 2),
        MaskKey = Stride(mask, 3),
    };

    private static int Stride(Tensor? mask, int axis) => mask is null ? 0 : checked((int)mask.Strides[axis]);
}

/// <summary>Views that both kernels of an attention are given.</summary>
internal static class AttentionViews
{
    /// <summary>A [B, heads, tokens, d] operand as GPU rows.</summary>
    public static GpuRows<R> Rows<R>(Tensor t) where R : unmanaged
    {
        var data = t.View<R>();
        _ = checked((int)data.Length); // kernels index with 32 bits
        return new() { Data = data, Batch = (int)t.Strides[0], Head = (int)t.Strides[1], Token = (int)t.Strides[2] };
    }

    /// <summary>[B, N, parts·C] read as [B, heads, N, d]: part <paramref name="part"/> of each token, in place.</summary>
    public static Tensor Heads(Tensor packed, int part, int parts, int heads)
    {
        using var noGrad = GradMode.NoGrad();
        int batch = packed.Shape[0], n = packed.Shape[1], c = packed.Shape[2] / parts;
        return packed.Slice(2, part * c, c).Reshape(batch, n, heads, c / heads).Permute(0, 2, 1, 3);
    }

    /// <summary>The tensor itself if its last axis is dense, else a copy.</summary>
    public static Tensor DenseRows(Tensor t) => t.Strides[^1] == 1 || t.Shape[^1] == 1 ? t : t.Contiguous();
}

/// <summary>What the CPU sequence backward reads beside the operands, and where it writes.</summary>
internal readonly unsafe struct SequenceGradients<T>(Tensor y, Tensor dy, Tensor lse, Tensor dq, Tensor dk, Tensor dv,
    Tensor? dScores) where T : unmanaged
{
    public readonly CpuRows<T> Y = new(y), Dy = new(dy), Dq = new(dq), Dk = new(dk), Dv = new(dv);
    public readonly T* Lse = lse.Pointer<T>();                                  // [B, heads, queries]
    public readonly T* DScores = dScores is null ? null : dScores.Pointer<T>(); // [B, heads, queries, keys], zeroed, or null
}
