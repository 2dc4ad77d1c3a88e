using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.OpCases;

/// <summary>Attention over sequences: masks of every broadcast form, causal squares and rectangles, rows without keys, several
/// tiles.</summary>
public sealed class AttentionCases : IOpCases
{
    /// <inheritdoc/>
    public IEnumerable<OpCase> Cases =>
    [
        Row("plain", 2, 3, 5, 5, 4), Row("cross", 2, 3, 5, 7, 6), Row("causal", 2, 2, 7, 7, 5, true),
        Row("causal, more keys", 1, 2, 3, 7, 4, true),
        Row("causal, more queries", 1, 2, 7, 3, 4, true), ZeroGradient(Row("one key", 2, 1, 3, 1, 4)),
        Row("one channel", 1, 2, 3, 4, 1),
        Row("mask", 2, 3, 5, 7, 4, mask: [2, 3, 5, 7]), Row("mask of keys", 2, 3, 5, 7, 4, mask: [2, 1, 1, 7]),
        ZeroGradient(Row("mask of queries", 2, 3, 5, 7, 4, mask: [5, 1])),
        Row("mask and causal", 2, 2, 6, 6, 4, true, mask: [6, 6]), NoKeys,
        Row("several tiles", 1, 2, 130, 257, 9) with { IsForSimulator = false },
        Row("several causal tiles", 1, 1, 261, 261, 33, true) with { IsForSimulator = false },
        Row("several causal tiles, cross", 1, 1, 20, 150, 8, true) with { IsForSimulator = false },
        Row("text", 1, 2, 77, 77, 64, true) with { IsForSimulator = false },
        Row("masked tiles", 1, 1, 140, 140, 16, mask: [140, 140]) with { IsForSimulator = false },
        Row("empty batch", 0, 2, 3, 4, 5), Row("no queries", 1, 2, 0, 4, 5),
        Self("plain", 2, 5, 2, 6, false, false), Self("causal", 2, 7, 3, 4, true, false),
        Self("padding", 3, 6, 2, 3, false, true), Self("causal padding", 3, 6, 1, 5, true, true),
        Self("text", 2, 77, 2, 64, true, false) with { IsForSimulator = false },
        Self("several tiles", 1, 145, 2, 40, false, true) with { IsForSimulator = false },
        Self("empty", 0, 4, 2, 3, false, false),
    ];

    /// <inheritdoc/>
    public IEnumerable<ErrorCase> Errors =>
    [
        new("ScaledDotProductAttention", "rank", d =>
            Sdpa(Tensor.Ones([2, 3, 4], DType.F32, d), null), "expected [B, heads, Nq, d]"),
        new("ScaledDotProductAttention", "channels", d =>
            F.ScaledDotProductAttention(Tensor.Ones([1, 1, 3, 4], DType.F32, d), Tensor.Ones([1, 1, 3, 5], DType.F32, d),
            Tensor.Ones([1, 1, 3, 5], DType.F32, d)), "k is [1, 1, 3, 5], expected [1, 1, 3, 4]"),
        new("ScaledDotProductAttention", "no keys", d => Sdpa(Tensor.Ones([1, 1, 0, 4], DType.F32, d), null), "at least one key"),
        new("ScaledDotProductAttention", "mask", d =>
            Sdpa(Tensor.Ones([1, 1, 3, 4], DType.F32, d), Tensor.Ones([2, 3], DType.F32, d)), "does not broadcast"),
        new("SelfAttention", "heads", d => F.SelfAttention(Tensor.Ones([1, 2, 12], DType.F32, d), 3), "multiple of 3 heads"),
        new("SelfAttention", "padding", d =>
            F.SelfAttention(Tensor.Ones([1, 2, 12], DType.F32, d), 2, false, Tensor.Ones([1, 2], DType.F32, d)), "expected bool"),
    ];

    // Rows 0 and 2 are masked out entirely: zeros, and no gradient.
    private static OpCase NoKeys => Row("rows without keys", 1, 2, 3, 4, 5, mask: [3, 4]) with
    {
        Inputs =
        [
            new([1, 2, 3, 5]), new([1, 2, 4, 5]), new([1, 2, 4, 5]),
            new([3, 4], 0, 0, InKind.Constant,
                [.. Enumerable.Repeat(double.NegativeInfinity, 4), 0.5, -1, double.NegativeInfinity, 0,
                    .. Enumerable.Repeat(-1e35, 4)]),
        ],
    };

    // A gradient of the row is zero in exact arithmetic, so that only the absolute part of the tolerance is left.
    private static OpCase ZeroGradient(OpCase row) => row with { Tolerance32 = 5e-5 };

    private static Tensor Sdpa(Tensor x, Tensor? mask) => F.ScaledDotProductAttention(x, x, x, mask);

    private static OpCase Row(string label, int batch, int heads, int queries, int keys, int d, bool isCausal = false,
        int[]? mask = null)
    {
        In[] inputs = [new([batch, heads, queries, d], -2, 2), new([batch, heads, keys, d], -2, 2), new([batch, heads, keys, d])];
        if (mask is not null) { inputs = [.. inputs, new In(mask)]; }
        return new("ScaledDotProductAttention", label, x =>
            F.ScaledDotProductAttention(x[0], x[1], x[2], mask is null ? null : x[3], isCausal),
            x => AttentionOracle.Sequence(x[0], x[1], x[2], mask is null ? null : x[3], isCausal), inputs)
        { Tolerance32 = 4e-6 };
    }

    private static OpCase Self(string label, int batch, int n, int heads, int d, bool isCausal, bool hasPadding)
    {
        var qkv = new In([batch, n, 3 * heads * d], -2, 2);
        return new("SelfAttention", label, x => F.SelfAttention(x[0], heads, isCausal, hasPadding ? x[1] : null),
            x => AttentionOracle.Self(x[0], heads, isCausal, hasPadding ? x[1] : null),
                hasPadding ? [qkv, In.Mask([batch, n])] : [qkv])
        { Tolerance32 = 4e-6 };
    }
}
