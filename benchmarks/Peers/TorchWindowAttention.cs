using System;
using System.Collections.Concurrent;
using static TorchSharp.torch;

namespace FlorenceKernels.Benchmarks;

/// <summary>Shifted-window attention as eager programs do it: roll, cut into windows, product, bias, mask, softmax, product, join, roll.
/// Liu et al. 2021, §3.2. Map sides are multiples of the window.</summary>
internal static class TorchWindowAttention
{
    private const float Masked = -100;
    private static readonly ConcurrentDictionary<int, Tensor> Indices = new();
    private static readonly ConcurrentDictionary<(int, int, int, int, ScalarType), Tensor> Masks = new();

    /// <summary>x [B, H, W, C] → [B, H, W, C] with both projections.</summary>
    public static Tensor Of(Tensor x, Tensor qkvWeight, Tensor? qkvBias, Tensor table, Tensor projWeight, Tensor projBias, int heads, int window, int shift)
    {
        var windows = nn.functional.linear(Cut(Roll(x, -shift), window), qkvWeight, qkvBias);
        var y = nn.functional.linear(Attend(windows, table, heads, window, shift, x), projWeight, projBias);
        return Roll(Join(y, x, window), shift);
    }

    /// <summary>qkv [B, H, W, 3C] → [B, H, W, C].</summary>
    public static Tensor OfProjected(Tensor qkv, Tensor table, int heads, int window, int shift) =>
        Roll(Join(Attend(Cut(Roll(qkv, -shift), window), table, heads, window, shift, qkv), qkv, window), shift);

    private static Tensor Roll(Tensor x, int by) => by == 0 ? x : x.roll([by, by], [1L, 2L]);

    // [B, H, W, C] → [B·windows, N, C]
    private static Tensor Cut(Tensor x, int w) =>
        x.view(x.shape[0], x.shape[1] / w, w, x.shape[2] / w, w, x.shape[3]).permute(0, 1, 3, 2, 4, 5).reshape(-1, w * w, x.shape[3]);

    // [B·windows, N, C] → [B, H, W, C] of a map
    private static Tensor Join(Tensor y, Tensor map, int w) =>
        y.view(map.shape[0], map.shape[1] / w, map.shape[2] / w, w, w, y.shape[2]).permute(0, 1, 3, 2, 4, 5)
            .reshape(map.shape[0], map.shape[1], map.shape[2], y.shape[2]);

    // qkv [B·windows, N, 3C] → [B·windows, N, C]
    private static Tensor Attend(Tensor qkv, Tensor table, int heads, int window, int shift, Tensor map)
    {
        long n = window * window, c = qkv.shape[2] / 3, d = c / heads;
        var parts = qkv.reshape(-1, n, 3, heads, d).permute(2, 0, 3, 1, 4);
        var (q, k, v) = (parts[0] * (1 / Math.Sqrt(d)), parts[1], parts[2]);
        var scores = q.matmul(k.transpose(-2, -1));
        scores = scores + table.index_select(0, Indices.GetOrAdd(window, Index)).view(n, n, heads).permute(2, 0, 1).unsqueeze(0);
        if (shift > 0)
        {
            var mask = Masks.GetOrAdd(((int)map.shape[1], (int)map.shape[2], window, shift, qkv.dtype), Mask);
            var count = mask.shape[0];
            scores = (scores.view(-1, count, heads, n, n) + mask.unsqueeze(1).unsqueeze(0)).view(-1, heads, n, n);
        }

        return nn.functional.softmax(scores, -1).matmul(v).transpose(1, 2).reshape(-1, n, c);
    }

    private static Tensor Index(int w)
    {
        var index = new long[w * w * w * w];
        for (var i = 0; i < w * w; i++)
        {
            for (var j = 0; j < w * w; j++) { index[i * w * w + j] = (i / w - j / w + w - 1) * (2 * w - 1) + (i % w - j % w + w - 1); }
        }

        return tensor(index).DetachFromDisposeScope();
    }

    // −100 between tokens of different regions of the rolled map.
    private static Tensor Mask((int H, int W, int Window, int Shift, ScalarType Type) key)
    {
        var (h, w, window, shift, type) = key;
        int n = window * window, across = w / window;
        var mask = new float[h / window * across * n * n];
        int Region(int at, int size) => at < size - window ? 0 : at < size - shift ? 1 : 2;
        int At(int number, int token) => 3 * Region(number / across * window + token / window, h) + Region(number % across * window + token % window, w);
        for (var i = 0; i < mask.Length; i++) { mask[i] = At(i / (n * n), i / n % n) == At(i / (n * n), i % n) ? 0 : Masked; }
        return tensor(mask, [mask.Length / (n * n), n, n]).to_type(type).DetachFromDisposeScope();
    }
}
