using System;
using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>Operands of the CPU window kernels. Row lengths padded to 64 bytes: <see cref="Line"/> of the scores,
/// <see cref="Width"/> of a head.</summary>
internal readonly unsafe struct WindowOperands<T>(WindowLayout layout, T* qkv, T* pad, T* lse) where T : unmanaged
{
    public readonly WindowLayout Layout = layout;
    public readonly T* Qkv = qkv;  // [B·D·H·W, 3C]
    public readonly T* Pad = pad;  // [3C], what a padded token reads
    public readonly T* Lse = lse;  // [windows, heads, N], or null

    public int Tokens => Layout.Tokens;

    /// <summary>Rows of a scratch tile: whole register blocks.</summary>
    public int Rows => AttentionTiles.RoundUp(Layout.Tokens, AttentionTiles.BlockRows);

    public int Line => AttentionTiles.RoundUp(Layout.Tokens, AttentionTiles.Line<T>());

    public int Width => AttentionTiles.RoundUp(Layout.Dim, AttentionTiles.Line<T>());

    /// <summary>q (0), k (1) or v (2) of one token and head.</summary>
    public T* Row(int token, int part, int head) =>
        (token >= 0 ? Qkv + (long)token * 3 * Layout.Channels : Pad) + part * Layout.Channels + head * Layout.Dim;

    /// <summary>k (1) or v (2) of the window's tokens as columns of a [d, Line] tile.</summary>
    public void Transpose(int* tokens, int part, int head, T* tile)
    {
        var rows = stackalloc T*[4];
        for (var j = 0; j < Tokens; j += 4)
        {
            var count = Math.Min(4, Tokens - j);
            for (var i = 0; i < count; i++) { rows[i] = Row(tokens[j + i], part, head); }
            AttentionTiles.Columns(rows, count, tile + j, Layout.Dim, Line);
        }
    }

    /// <summary>Asks for what the next head, or head 0 of the next window of a task, reads of tokens i0 …, while this one is
    /// computed.</summary>
    public void Prefetch(int* tokens, int window, int windowEnd, int head, int i0, T* dy)
    {
        var isNextWindow = ++head == Layout.Heads;
        if (isNextWindow && ++window == windowEnd) { return; }
        for (var i = i0; i < Math.Min(i0 + AttentionTiles.BlockRows, Tokens); i++)
        {
            var token = isNextWindow ? Layout.Token(window, i) : tokens[i];
            if (token < 0) { continue; }
            var at = isNextWindow ? 0 : head;
            for (var part = 0; part < 3; part++) { AttentionTiles.Prefetch(Row(token, part, at), Layout.Dim); }
            if (dy != null) { AttentionTiles.Prefetch(dy + (long)token * Layout.Channels + at * Layout.Dim, Layout.Dim); }
        }
    }

    /// <summary>Places of the window's tokens, and their parts when the window is masked (else false).</summary>
    public bool Locate(int window, int* tokens, T* parts)
    {
        for (var i = 0; i < Tokens; i++) { tokens[i] = Layout.Token(window, i); }
        if (!Layout.IsMasked(window)) { return false; }
        new Span<T>(parts, Line).Clear();
        for (var i = 0; i < Tokens; i++) { parts[i] = Part(Layout.Part(window, i)); }
        return true;
    }

    private static T Part(int part) => typeof(T) == typeof(float) ? (T)(object)(float)part : (T)(object)(double)part;
}

// Bias table [(2P−1)(2Mh−1)(2Mw−1), heads] to dense rows [heads, Rows, Line]; −∞ beyond the last key, so that padding columns get
// weight 0.
internal static unsafe class WindowBias
{
    public static void Expand<T>(WindowLayout layout, T* table, T* dense, int rows, int line)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        CpuThreads.For(table == null ? 1 : layout.Heads, head =>
        {
            var to = dense + (long)head * rows * line;
            for (var i = 0; i < rows; i++, to += line)
            {
                new Span<T>(to, layout.Tokens).Clear();
                new Span<T>(to + layout.Tokens, line - layout.Tokens).Fill(T.NegativeInfinity);
                for (var j = 0; table != null && i < layout.Tokens && j < layout.Tokens; j += layout.OrderW)
                {
                    // Along a row of keys the distance falls by one.
                    var from = table + (long)layout.TableRow(i, j) * layout.Heads + head;
                    var keys = Math.Min(layout.OrderW, layout.Tokens - j);
                    for (var kx = 0; kx < keys; kx++) { to[j + kx] = from[-(long)kx * layout.Heads]; }
                }
            }
        });

    // dTable[t, h] = Σ over the pairs (i, j) at distance t of Σ over chunks of dS. Chunks are summed in order into the first one.
    public static void Fold<R, T>(WindowLayout layout, T* partial, int chunks, int rows, int line, T* dTable)
        where R : struct, ISimd<R, T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var size = (long)layout.Heads * rows * line;
        CpuThreads.For(layout.Heads, head =>
        {
            var sum = partial + (long)head * rows * line;
            for (var i = 0; i < layout.Tokens; i++, sum += line)
            {
                for (var j = 0; j < line; j += R.Count)
                {
                    var s = R.Load(sum + j);
                    for (var c = 1; c < chunks; c++) { s += R.Load(sum + c * size + j); }
                    s.Store(sum + j);
                }
            }

            sum = partial + (long)head * rows * line;
            for (var t = 0; t < layout.TableRows; t++) { dTable[(long)t * layout.Heads + head] = T.Zero; }
            for (var i = 0; i < layout.Tokens; i++)
            {
                for (var j = 0; j < layout.Tokens; j += layout.OrderW)
                {
                    T* to = dTable + (long)layout.TableRow(i, j) * layout.Heads + head, from = sum + (long)i * line + j;
                    var keys = Math.Min(layout.OrderW, layout.Tokens - j);
                    for (var kx = 0; kx < keys; kx++) { to[-(long)kx * layout.Heads] += from[kx]; }
                }
            }
        });
    }
}

// Window attention, forward: WindowInScratch. qkv [B·D·H·W, 3C] → y [B·D·H·W, C].
// One task takes whole windows; per head it gathers q·d^−½, kᵀ and v into L1/L2 scratch, then seven query rows at a time:
// scores in registers from bias + q·kᵀ, softmax over the full row, weights times v, scatter. No roll, partition or [N, N]
// tensor exists. Traffic: qkv once in, y once out. Arithmetic per window and head: 4·N²·d; the products run at 110 of the
// core's 115 GFLOP/s (Zen 4).
// Ladder, B 8, 56x56x96, 3 heads, window 7, shift 3, f32, one thread, forward | forward+backward:
// kᵀ gathered by element 15.8 | 50.5 ms; four tokens transposed at a time, next head's rows and outputs prefetched,
// logarithms by vector 11.8 | 40.8 ms (two threads 6.2 | 20.4 ms).
// Against libtorch 2.10 eager (roll, partition, matmul, bias, mask, softmax, matmul, reverse, roll), calls interleaved on a
// machine that others used too, medians: 2.9-3.3x | 2.3-2.5x.
internal readonly unsafe struct WindowForwardCpu<T>(WindowOperands<T> x, T* table, T* bias, T* y) : ISimdKernel<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public void Run<R>() where R : struct, ISimd<R, T>
    {
        WindowBias.Expand(x.Layout, table, bias, x.Rows, x.Line);
        var self = this;
        CpuThreads.ForRange(x.Layout.Windows, Math.Max(1, 65536 / (x.Tokens * x.Tokens * x.Layout.Heads)), (from, to) =>
        {
            for (var window = from; window < to; window++) { self.Window<R>((int)window, (int)to); }
        });
    }

    private void Window<R>(int window, int windowEnd) where R : struct, ISimd<R, T>
    {
        int n = x.Tokens, line = x.Line, rows = x.Rows, width = x.Width, d = x.Layout.Dim;
        var tiles = (long)rows * width * 2 + (long)d * line + (line + width) * AttentionTiles.BlockRows + 3 * line;
        var scratch = new CpuScratch(tiles * sizeof(T) + n * sizeof(int), 9);
        var tokens = scratch.Take<int>(n);
        var parts = scratch.Take<T>(line);
        var tile = new Tile
        {
            Q = scratch.Take<T>((long)rows * width),
            Kt = scratch.Take<T>((long)d * line),
            V = scratch.Take<T>((long)rows * width),
            S = scratch.Take<T>(line * AttentionTiles.BlockRows),
            O = scratch.Take<T>(width * AttentionTiles.BlockRows),
            Max = scratch.Take<T>(line),
            Sum = scratch.Take<T>(line),
        };
        if (!x.Locate(window, tokens, parts)) { parts = null; }
        AttentionTiles.FillColumns(tile.Kt, d, line, n, line, T.Zero);
        for (var head = 0; head < x.Layout.Heads; head++) { Head<R>(tile, tokens, parts, window, windowEnd, head); }
    }

    private void Head<R>(in Tile tile, int* tokens, T* parts, int window, int windowEnd, int head) where R : struct, ISimd<R, T>
    {
        int n = x.Tokens, line = x.Line, width = x.Width, d = x.Layout.Dim;
        var scale = T.One / T.Sqrt(T.CreateChecked(d));
        for (var i = 0; i < n; i++)
        {
            AttentionTiles.Scale<R, T>(x.Row(tokens[i], 0, head), tile.Q + i * width, d, scale);
            AttentionTiles.Scale<R, T>(x.Row(tokens[i], 2, head), tile.V + i * width, d, T.One);
        }

        x.Transpose(tokens, 1, head, tile.Kt);
        var rows = bias + (table == null ? 0 : (long)head * x.Rows * line);
        var inverse = stackalloc T[AttentionTiles.BlockRows];
        for (var i0 = 0; i0 < n; i0 += AttentionTiles.BlockRows)
        {
            AttentionTiles.Rows<R, T>(tile.Q + i0 * width, width, 1, tile.Kt, line, tile.S, line, rows + (long)i0 * line, line,
                d);
            x.Prefetch(tokens, window, windowEnd, head, i0, null);
            var end = Math.Min(AttentionTiles.BlockRows, n - i0);
            for (var i = 0; i < end; i++)
            {
                if (tokens[i0 + i] >= 0) { AttentionTiles.Prefetch(y + (long)tokens[i0 + i] * x.Layout.Channels + head * d, d); }
                tile.Max[i0 + i] = Softmax<R>(tile.S + i * line, parts, i0 + i, line, tile.Sum + i0 + i);
                inverse[i] = T.One / tile.Sum[i0 + i];
            }

            AttentionTiles.Rows<R, T>(tile.S, line, 1, tile.V, width, tile.O, width, null, width, n);
            for (var i = 0; i < end; i++)
            {
                var to = tokens[i0 + i];
                if (to >= 0)
                {
                    AttentionTiles.Scale<R, T>(tile.O + i * width, y + (long)to * x.Layout.Channels + head * d, d, inverse[i]);
                }
            }
        }

        if (x.Lse == null) { return; }
        for (var i = 0; i < line; i += R.Count) { (R.Load(tile.Max + i) + R.Log(R.Load(tile.Sum + i))).Store(tile.Max + i); }
        new Span<T>(tile.Max, n).CopyTo(new Span<T>(x.Lse + ((long)window * x.Layout.Heads + head) * n, n));
    }

    // The row becomes e^{s − max}; returns max and gives Σ.
    private static T Softmax<R>(T* s, T* parts, int i, int line, T* total) where R : struct, ISimd<R, T>
    {
        if (parts != null) { WindowMask.Add<R, T>(s, parts, i, line); }
        var max = R.Load(s);
        for (var j = R.Count; j < line; j += R.Count) { max = R.Max(max, R.Load(s + j)); }
        var top = max.MaxLane();
        R shift = R.Broadcast(top), sum = R.Of(0);
        for (var j = 0; j < line; j += R.Count)
        {
            var e = R.Exp(R.Load(s + j) - shift);
            e.Store(s + j);
            sum += e;
        }

        *total = sum.SumLanes();
        return top;
    }

    private struct Tile
    {
        public T* Q, Kt, V, S, O, Max, Sum;
    }
}

/// <summary>The shift mask: −100 between tokens of different parts, finite as in the released models.</summary>
internal static unsafe class WindowMask
{
    public const double Value = -100;

    public static void Add<R, T>(T* s, T* parts, int i, int line) where R : struct, ISimd<R, T> where T : unmanaged
    {
        R own = R.Broadcast(parts[i]), zero = R.Of(0), mask = R.Of(Value);
        for (var j = 0; j < line; j += R.Count) { (R.Load(s + j) + R.IfEqual(own, R.Load(parts + j), zero, mask)).Store(s + j); }
    }
}
