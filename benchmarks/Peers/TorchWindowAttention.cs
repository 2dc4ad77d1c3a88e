using System;
using System.Collections.Concurrent;
using static TorchSharp.torch;

namespace FlorenceKernels.Benchmarks;

/// <summary>Windows of <paramref name="Depth"/> frames × <paramref name="Side"/>², and what their grid is shifted by.</summary>
internal readonly record struct TorchWindow(int Depth, int Side, int ShiftDepth, int Shift)
{
    public int Tokens => Depth * Side * Side;

    public bool IsShifted => ShiftDepth > 0 || Shift > 0;
}

/// <summary>Shifted-window attention as eager programs do it: roll, cut into windows, product, bias, mask, softmax, product, join, roll.
/// Liu et al. 2021, §3.2, and for clips Liu et al. 2022, §3.2. Map sides are multiples of the window.</summary>
internal static class TorchWindowAttention
{
    private const float Masked = -100;
    private static readonly ConcurrentDictionary<TorchWindow, Tensor> Indices = new();
    private static readonly ConcurrentDictionary<(int, int, int, TorchWindow, ScalarType), Tensor> Masks = new();

    /// <summary>x [B, H, W, C] → [B, H, W, C] with both projections.</summary>
    public static Tensor Of(Tensor x, Tensor qkvWeight, Tensor? qkvBias, Tensor table, Tensor projWeight, Tensor projBias, int heads, int window, int shift)
    {
        var (w, map) = (new TorchWindow(1, window, 0, shift), x.unsqueeze(1));
        var windows = nn.functional.linear(Cut(Roll(map, w, -1), w), qkvWeight, qkvBias);
        var y = nn.functional.linear(Attend(windows, table, heads, w, map, isFused: false), projWeight, projBias);
        return Roll(Join(y, map, w), w, 1).squeeze(1);
    }

    /// <summary>qkv [B, H, W, 3C] → [B, H, W, C].</summary>
    public static Tensor OfProjected(Tensor qkv, Tensor table, int heads, int window, int shift, bool isFused = false) =>
        OfClip(qkv.unsqueeze(1), table, heads, new TorchWindow(1, window, 0, shift), isFused).squeeze(1);

    /// <summary>qkv [B, D, H, W, 3C] → [B, D, H, W, C]; where <paramref name="isFused"/>, products and softmax are libtorch's one kernel.</summary>
    public static Tensor OfClip(Tensor qkv, Tensor table, int heads, TorchWindow w, bool isFused = false) =>
        Roll(Join(Attend(Cut(Roll(qkv, w, -1), w), table, heads, w, qkv, isFused), qkv, w), w, 1);

    private static Tensor Roll(Tensor x, TorchWindow w, int sign) =>
        w.IsShifted ? x.roll([sign * w.ShiftDepth, sign * w.Shift, sign * w.Shift], [1L, 2L, 3L]) : x;

    // [B, D, H, W, C] → [B·windows, N, C]
    private static Tensor Cut(Tensor x, TorchWindow w) =>
        x.view(x.shape[0], x.shape[1] / w.Depth, w.Depth, x.shape[2] / w.Side, w.Side, x.shape[3] / w.Side, w.Side, x.shape[4])
            .permute(0, 1, 3, 5, 2, 4, 6, 7).reshape(-1, w.Tokens, x.shape[4]);

    // [B·windows, N, C] → [B, D, H, W, C] of a map
    private static Tensor Join(Tensor y, Tensor map, TorchWindow w) =>
        y.view(map.shape[0], map.shape[1] / w.Depth, map.shape[2] / w.Side, map.shape[3] / w.Side, w.Depth, w.Side, w.Side, y.shape[2])
            .permute(0, 1, 4, 2, 5, 3, 6, 7).reshape(map.shape[0], map.shape[1], map.shape[2], map.shape[3], y.shape[2]);

    // qkv [B·windows, N, 3C] → [B·windows, N, C]
    private static Tensor Attend(Tensor qkv, Tensor table, int heads, TorchWindow w, Tensor map, bool isFused)
    {
        long n = w.Tokens, c = qkv.shape[2] / 3, d = c / heads;
        var parts = qkv.reshape(-1, n, 3, heads, d).permute(2, 0, 3, 1, 4);
        var (q, k, v) = (parts[0], parts[1], parts[2]);
        var bias = table.index_select(0, Indices.GetOrAdd(w, Index)).view(n, n, heads).permute(2, 0, 1).unsqueeze(0);
        var mask = w.IsShifted ? Masks.GetOrAdd(((int)map.shape[1], (int)map.shape[2], (int)map.shape[3], w, qkv.dtype), Mask).unsqueeze(1) : null;
        return (isFused ? Fused(q, k, v, bias, mask) : Eager(q * (1 / Math.Sqrt(d)), k, v, bias, mask)).transpose(1, 2).reshape(-1, n, c);
    }

    private static Tensor Eager(Tensor q, Tensor k, Tensor v, Tensor bias, Tensor? mask)
    {
        var scores = q.matmul(k.transpose(-2, -1)) + bias;
        if (mask is not null)
        {
            long count = mask.shape[0], heads = q.shape[1], n = q.shape[2];
            scores = (scores.view(-1, count, heads, n, n) + mask.unsqueeze(0)).view(-1, heads, n, n);
        }

        return nn.functional.softmax(scores, -1).matmul(v);
    }

    private static Tensor Fused(Tensor q, Tensor k, Tensor v, Tensor bias, Tensor? mask)
    {
        var added = mask is null ? bias : (bias + mask).repeat(q.shape[0] / mask.shape[0], 1, 1, 1);
        return nn.functional.scaled_dot_product_attention(q, k, v, added);
    }

    private static Tensor Index(TorchWindow w)
    {
        int n = w.Tokens, area = w.Side * w.Side, across = 2 * w.Side - 1;
        var index = new long[n * n];
        for (var i = 0; i < n; i++)
        {
            for (var j = 0; j < n; j++)
            {
                int frames = i / area - j / area + w.Depth - 1, rows = i % area / w.Side - j % area / w.Side + w.Side - 1;
                index[i * n + j] = (frames * across + rows) * across + i % w.Side - j % w.Side + w.Side - 1;
            }
        }

        return tensor(index).DetachFromDisposeScope();
    }

    // −100 between tokens of different regions of the rolled map.
    private static Tensor Mask((int D, int H, int W, TorchWindow Window, ScalarType Type) key)
    {
        var (depth, height, width, w, type) = key;
        int n = w.Tokens, area = w.Side * w.Side, across = width / w.Side, perFrame = height / w.Side * across;
        var mask = new float[depth / w.Depth * perFrame * n * n];
        static int Region(int at, int size, int window, int shift) => at < size - window ? 0 : at < size - shift ? 1 : 2;
        int At(int number, int token) =>
            9 * Region(number / perFrame * w.Depth + token / area, depth, w.Depth, w.ShiftDepth)
            + 3 * Region(number % perFrame / across * w.Side + token % area / w.Side, height, w.Side, w.Shift)
            + Region(number % across * w.Side + token % w.Side, width, w.Side, w.Shift);
        for (var i = 0; i < mask.Length; i++) { mask[i] = At(i / (n * n), i / n % n) == At(i / (n * n), i % n) ? 0 : Masked; }
        return tensor(mask, [mask.Length / (n * n), n, n]).to_type(type).DetachFromDisposeScope();
    }
}
