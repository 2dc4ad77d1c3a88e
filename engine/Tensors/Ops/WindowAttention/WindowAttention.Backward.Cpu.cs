using System;
using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>Where the window backward writes: gradients in qkv's own layout, and sums per chunk of windows that are added up in
/// order.</summary>
internal readonly unsafe struct WindowGradients<T>(T* qkv, T* bias, T* pad, int chunk) where T : unmanaged
{
    public readonly T* Qkv = qkv;    // [B·D·H·W, 3C]
    public readonly T* Bias = bias;  // [chunks, heads, Rows, Line], zeroed, or null
    public readonly T* Pad = pad;    // [chunks, 3C], zeroed, or null
    public readonly int Chunk = chunk; // windows per chunk
}

// Window attention, backward: RecomputeInScratch. Per window and head: weights again from q, k and the saved log-sum-exp, then
// dV = Pᵀ·dO, dP = dO·Vᵀ, Δ = Σ P∘dP over the full row, dS = P∘(dP − Δ), dQ = dS·K·d^−½, dK = dSᵀ·Q·d^−½ (FlashAttention-2,
// arXiv 2307.08691, §3.1.2, with Δ from the row itself). dS of all windows of a chunk is summed in place: the gradient of the
// bias table needs no atomics. Traffic: qkv and dy once in, dqkv once out.
internal readonly unsafe struct WindowBackwardCpu<T>(WindowOperands<T> x, T* table, T* bias, T* dy, WindowGradients<T> to)
    : ISimdKernel<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public void Run<R>() where R : struct, ISimd<R, T>
    {
        WindowBias.Expand(x.Layout, table, bias, x.Rows, x.Line);
        var self = this;
        var chunk = to.Chunk;
        CpuThreads.ForRange(x.Layout.Windows, chunk, (from, end) =>
        {
            for (var window = from; window < end; window++) { self.Window<R>((int)window, (int)end, from / chunk); }
        });
    }

    private void Window<R>(int window, int windowEnd, long chunk) where R : struct, ISimd<R, T>
    {
        int n = x.Tokens, line = x.Line, rows = x.Rows, width = x.Width, d = x.Layout.Dim;
        var head = (long)rows * width;
        var count = head * 3 + 2L * d * line + 2L * rows * line + line + AttentionTiles.BlockRows * width;
        var scratch = new CpuScratch(count * sizeof(T) + n * sizeof(int), 10);
        var tokens = scratch.Take<int>(n);
        var parts = scratch.Take<T>(line);
        var tile = new Tile
        {
            Q = scratch.Take<T>(head),
            K = scratch.Take<T>(head),
            Dy = scratch.Take<T>(head),
            Out = scratch.Take<T>(AttentionTiles.BlockRows * width),
            Kt = scratch.Take<T>((long)d * line),
            Vt = scratch.Take<T>((long)d * line),
            P = scratch.Take<T>((long)rows * line),
            Ds = scratch.Take<T>((long)rows * line),
        };
        if (!x.Locate(window, tokens, parts)) { parts = null; }
        AttentionTiles.FillColumns(tile.Kt, d, line, n, line, T.Zero);
        AttentionTiles.FillColumns(tile.Vt, d, line, n, line, T.Zero);
        for (var h = 0; h < x.Layout.Heads; h++)
        {
            Gather<R>(tile, tokens, h);
            Weights<R>(tile, tokens, parts, window, windowEnd, h, chunk);
            Transposed<R>(tile, tile.Ds, tile.Q, tokens, 1, h, chunk);
            Transposed<R>(tile, tile.P, tile.Dy, tokens, 2, h, chunk);
        }
    }

    private void Gather<R>(in Tile tile, int* tokens, int head) where R : struct, ISimd<R, T>
    {
        int width = x.Width, d = x.Layout.Dim;
        var scale = T.One / T.Sqrt(T.CreateChecked(d));
        x.Transpose(tokens, 1, head, tile.Kt);
        x.Transpose(tokens, 2, head, tile.Vt);
        for (var i = 0; i < x.Tokens; i++)
        {
            AttentionTiles.Scale<R, T>(x.Row(tokens[i], 0, head), tile.Q + i * width, d, scale);
            AttentionTiles.Scale<R, T>(x.Row(tokens[i], 1, head), tile.K + i * width, d, T.One);
            if (tokens[i] < 0) { new Span<T>(tile.Dy + i * width, d).Clear(); }
            else
            {
                AttentionTiles.Scale<R, T>(dy + (long)tokens[i] * x.Layout.Channels + head * d, tile.Dy + i * width, d,
                T.One);
            }
        }
    }

    // P, dS and dQ, seven query rows at a time.
    private void Weights<R>(in Tile tile, int* tokens, T* parts, int window, int windowEnd, int head, long chunk)
        where R : struct, ISimd<R, T>
    {
        int n = x.Tokens, line = x.Line, width = x.Width, d = x.Layout.Dim;
        var scale = T.One / T.Sqrt(T.CreateChecked(d));
        var lse = x.Lse + ((long)window * x.Layout.Heads + head) * n;
        var rows = bias + (table == null ? 0 : (long)head * x.Rows * line);
        var sums = to.Bias == null ? null : to.Bias + (chunk * x.Layout.Heads + head) * x.Rows * line;
        for (var i0 = 0; i0 < n; i0 += AttentionTiles.BlockRows)
        {
            T* p = tile.P + (long)i0 * line, ds = tile.Ds + (long)i0 * line;
            AttentionTiles.Rows<R, T>(tile.Q + i0 * width, width, 1, tile.Kt, line, p, line, rows + (long)i0 * line, line, d);
            AttentionTiles.Rows<R, T>(tile.Dy + i0 * width, width, 1, tile.Vt, line, ds, line, null, line, d);
            x.Prefetch(tokens, window, windowEnd, head, i0, dy);
            var end = Math.Min(AttentionTiles.BlockRows, n - i0);
            for (var i = 0; i < end; i++)
            {
                for (var part = 0; part < 3 && tokens[i0 + i] >= 0; part++)
                {
                    AttentionTiles.Prefetch(to.Qkv + ((long)tokens[i0 + i] * 3 + part) * x.Layout.Channels + head * d, d);
                }

                if (parts != null) { WindowMask.Add<R, T>(p + i * line, parts, i0 + i, line); }
                Row<R>(p + i * line, ds + i * line, lse[i0 + i], sums == null ? null : sums + (long)(i0 + i) * line, line);
            }

            AttentionTiles.Rows<R, T>(ds, line, 1, tile.K, width, tile.Out, width, null, width, n);
            for (var i = 0; i < end; i++) { Scatter<R>(tile.Out + i * width, tokens[i0 + i], 0, head, chunk, scale); }
        }
    }

    // s → P, dP → dS, and the running sum of dS.
    private static void Row<R>(T* s, T* ds, T lse, T* sums, int line) where R : struct, ISimd<R, T>
    {
        R shift = R.Broadcast(lse), total = R.Of(0);
        for (var j = 0; j < line; j += R.Count)
        {
            var p = R.Exp(R.Load(s + j) - shift);
            p.Store(s + j);
            total = R.MultiplyAdd(p, R.Load(ds + j), total);
        }

        var delta = R.Broadcast(total.SumLanes());
        for (var j = 0; j < line; j += R.Count)
        {
            var g = R.Load(s + j) * (R.Load(ds + j) - delta);
            g.Store(ds + j);
            if (sums != null) { (R.Load(sums + j) + g).Store(sums + j); }
        }
    }

    // dK (part 1) or dV (part 2): the transposed weights times q or dy.
    private void Transposed<R>(in Tile tile, T* weights, T* right, int* tokens, int part, int head, long chunk)
        where R : struct, ISimd<R, T>
    {
        int n = x.Tokens, line = x.Line, width = x.Width;
        for (var j0 = 0; j0 < n; j0 += AttentionTiles.BlockRows)
        {
            AttentionTiles.Rows<R, T>(weights + j0, 1, line, right, width, tile.Out, width, null, width, n);
            var end = Math.Min(AttentionTiles.BlockRows, n - j0);
            for (var j = 0; j < end; j++) { Scatter<R>(tile.Out + j * width, tokens[j0 + j], part, head, chunk, T.One); }
        }
    }

    private void Scatter<R>(T* row, int token, int part, int head, long chunk, T scale) where R : struct, ISimd<R, T>
    {
        var d = x.Layout.Dim;
        var at = part * x.Layout.Channels + head * d;
        if (token >= 0) { AttentionTiles.Scale<R, T>(row, to.Qkv + (long)token * 3 * x.Layout.Channels + at, d, scale); }
        else if (to.Pad != null && part > 0)
        {
            var sum = to.Pad + chunk * 3 * x.Layout.Channels + at;
            for (var c = 0; c < d; c++) { sum[c] += row[c] * scale; }
        }
    }

    private struct Tile
    {
        public T* Q, K, Dy, Out, Kt, Vt, P, Ds;
    }
}

/// <summary>The second stage of the bias gradient.</summary>
internal readonly unsafe struct WindowFoldCpu<T>(WindowLayout layout, T* partial, int chunks, int rows, int line, T* dTable)
    : ISimdKernel<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public void Run<R>() where R : struct, ISimd<R, T> => WindowBias.Fold<R, T>(layout, partial, chunks, rows, line, dTable);
}
