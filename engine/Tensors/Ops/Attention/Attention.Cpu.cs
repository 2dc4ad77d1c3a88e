using System;
using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>Tile sizes of the CPU sequence kernels and what forward and backward share.</summary>
internal static unsafe class SequenceTiles
{
    /// <summary>Keys of a tile: one tile holds the 77 tokens of a text.</summary>
    public const int Keys = 128;

    /// <summary>Queries of a tile: whole register blocks.</summary>
    public const int Queries = 18 * AttentionTiles.BlockRows;

    /// <summary>0 for keys that may be attended, −∞ for excluded ones and for the padding columns.</summary>
    public static void KeyBias<T>(in SequenceOperands<T> x, long batch, int k0, int keys, T* bias)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (var j = 0; j < Keys; j++) { bias[j] = j < keys && x.IsKey(batch, k0 + j) ? T.Zero : T.NegativeInfinity; }
    }

    /// <summary>The operand's rows from k0 as columns of a [d, Keys] tile.</summary>
    public static void Transpose<T>(in CpuRows<T> x, long batch, int head, int k0, int keys, T* tile, int d) where T : unmanaged
    {
        var rows = stackalloc T*[4];
        for (var j = 0; j < keys; j += 4)
        {
            var count = Math.Min(4, keys - j);
            for (var i = 0; i < count; i++) { rows[i] = x.At(batch, head, k0 + j + i); }
            AttentionTiles.Columns(rows, count, tile + j, d, Keys);
        }
    }

    /// <summary>Adds key bias, additive mask and causal mask to columns [0, cols) of a score row.</summary>
    public static void Mask<R, T>(in SequenceOperands<T> x, T* s, T* keyBias, T* mask, int query, int k0, int keys, int cols)
        where R : struct, ISimd<R, T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (var j = 0; j < cols; j += R.Count) { (R.Load(s + j) + R.Load(keyBias + j)).Store(s + j); }
        if (mask != null)
        {
            var from = mask + k0 * x.Mask.Step;
            for (var j = 0; j < Math.Min(keys, cols); j++) { s[j] += from[j * x.Mask.Step]; }
        }

        if (!x.Shape.IsCausal) { return; }
        for (var j = Math.Max(0, query + 1 - k0); j < cols; j++) { s[j] = T.NegativeInfinity; }
    }

    /// <summary>Keys of the tile that a block of rows from <paramref name="query"/> may see.</summary>
    public static int Visible(SequenceShape shape, int query, int k0, int keys) =>
        shape.IsCausal ? Math.Clamp(query + AttentionTiles.BlockRows - k0, 0, keys) : keys;
}

// Attention over sequences, forward: OnlineTiles (FlashAttention-2, arXiv 2307.08691, algorithm 1). A task is 126 queries of
// one head; per tile of 128 keys, seven query rows at a time: scores in registers, running maximum and sum, weights times v
// onto the rows' accumulators. A causal block of rows touches only the keys it may see. Traffic: q and y once, k and v once per
// 126 queries.
// Against libtorch 2.10's fused attention, calls interleaved on a machine that others used too, medians, f32,
// forward | forward+backward: B 64, N 77, 8 heads of 64, causal 2.0-2.1x | 2.4-2.7x; B 8, N 577, 12 heads of 64 1.2x | 1.5x;
// B 2, N 1024, 8 heads of 64, causal 1.5x | 1.9x.
internal readonly unsafe struct SequenceForwardCpu<T>(SequenceOperands<T> x, CpuRows<T> y, T* lse) : ISimdKernel<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private int Width => AttentionTiles.RoundUp(x.Shape.Dim, AttentionTiles.Line<T>());

    public void Run<R>() where R : struct, ISimd<R, T>
    {
        var self = this;
        var blocks = (x.Shape.Queries + SequenceTiles.Queries - 1) / SequenceTiles.Queries;
        CpuThreads.ForRange((long)x.Shape.Batch * x.Shape.Heads * blocks, 1, (from, to) =>
        {
            for (var task = from; task < to; task++)
            {
                self.Block<R>(task / blocks, (int)(task % blocks) * SequenceTiles.Queries);
            }
        });
    }

    private void Block<R>(long batchHead, int q0) where R : struct, ISimd<R, T>
    {
        int d = x.Shape.Dim, rows = Math.Min(SequenceTiles.Queries, x.Shape.Queries - q0);
        var (batch, head) = (batchHead / x.Shape.Heads, (int)(batchHead % x.Shape.Heads));
        const int Keys = SequenceTiles.Keys, Queries = SequenceTiles.Queries;
        var count = 2L * Queries * Width + (long)Keys * (d + Width + AttentionTiles.BlockRows + 1) + 2 * Queries;
        var scratch = new CpuScratch(count * sizeof(T), 8);
        var tile = new Tile
        {
            Q = scratch.Take<T>(Queries * Width),
            O = scratch.Take<T>(Queries * Width),
            Kt = scratch.Take<T>(Keys * d),
            V = scratch.Take<T>(Keys * Width),
            S = scratch.Take<T>(Keys * AttentionTiles.BlockRows),
            KeyBias = scratch.Take<T>(Keys),
            Max = scratch.Take<T>(Queries),
            Sum = scratch.Take<T>(Queries),
        };
        var scale = T.One / T.Sqrt(T.CreateChecked(d));
        for (var i = 0; i < rows; i++) { AttentionTiles.Scale<R, T>(x.Q.At(batch, head, q0 + i), tile.Q + i * Width, d, scale); }
        new Span<T>(tile.Max, rows).Fill(T.CreateChecked(AttentionTiles.Masked));
        new Span<T>(tile.Sum, rows).Clear();
        for (var k0 = 0; k0 < x.Shape.Keys && !(x.Shape.IsCausal && k0 >= q0 + rows); k0 += Keys)
        {
            KeyTile<R>(tile, batch, head, q0, rows, k0);
        }
        for (var i = 0; i < rows; i++)
        {
            var isEmpty = tile.Sum[i] == T.Zero;
            AttentionTiles.Scale<R, T>(tile.O + i * Width, y.At(batch, head, q0 + i), d, isEmpty ? T.Zero : T.One / tile.Sum[i]);
            // A fully masked row: weights 0 now, and in backward through a log-sum-exp above every score.
            if (lse == null) { continue; }
            lse[batchHead * x.Shape.Queries + q0 + i] = isEmpty ? -T.CreateChecked(AttentionTiles.Masked)
                : tile.Max[i] + T.Log(tile.Sum[i]);
        }
    }

    private void KeyTile<R>(in Tile tile, long batch, int head, int q0, int rows, int k0) where R : struct, ISimd<R, T>
    {
        int d = x.Shape.Dim, keys = Math.Min(SequenceTiles.Keys, x.Shape.Keys - k0), line = SequenceTiles.Keys;
        var padded = AttentionTiles.RoundUp(keys, AttentionTiles.Line<T>());
        for (var j = 0; j < keys; j++) { AttentionTiles.Scale<R, T>(x.V.At(batch, head, k0 + j), tile.V + j * Width, d, T.One); }
        SequenceTiles.Transpose(x.K, batch, head, k0, keys, tile.Kt, d);
        AttentionTiles.FillColumns(tile.Kt, d, line, keys, padded, T.Zero);
        SequenceTiles.KeyBias(x, batch, k0, keys, tile.KeyBias);
        for (var i0 = 0; i0 < rows; i0 += AttentionTiles.BlockRows)
        {
            var visible = SequenceTiles.Visible(x.Shape, q0 + i0, k0, keys);
            if (visible == 0) { continue; }
            var cols = AttentionTiles.RoundUp(visible, R.Count);
            AttentionTiles.Rows<R, T>(tile.Q + i0 * Width, Width, 1, tile.Kt, line, tile.S, line, null, cols, d);
            for (var i = 0; i < Math.Min(AttentionTiles.BlockRows, rows - i0); i++)
            {
                var query = q0 + i0 + i;
                SequenceTiles.Mask<R, T>(x, tile.S + i * line, tile.KeyBias, x.Mask.Row(batch, head, query), query, k0, keys,
                    cols);
                OnlineRow<R>(tile.S + i * line, tile.Max + i0 + i, tile.Sum + i0 + i,
                    k0 == 0 ? null : tile.O + (i0 + i) * Width, cols);
            }

            var o = tile.O + i0 * Width;
            AttentionTiles.Rows<R, T>(tile.S, line, 1, tile.V, Width, o, Width, k0 == 0 ? null : o, Width, visible);
        }
    }

    // The score row becomes e^{s − max}; what the row accumulated so far shrinks by e^{old max − max}.
    private void OnlineRow<R>(T* s, T* max, T* sum, T* o, int cols) where R : struct, ISimd<R, T>
    {
        var top = R.Broadcast(*max);
        for (var j = 0; j < cols; j += R.Count) { top = R.Max(top, R.Load(s + j)); }
        var highest = top.MaxLane();
        R shift = R.Broadcast(highest), total = R.Of(0);
        for (var j = 0; j < cols; j += R.Count)
        {
            var p = R.Exp(R.Load(s + j) - shift);
            p.Store(s + j);
            total += p;
        }

        if (o != null)
        {
            var keep = T.Exp(*max - highest);
            if (keep != T.One) { AttentionTiles.Scale<R, T>(o, o, Width, keep); }
            *sum *= keep;
        }

        *max = highest;
        *sum += total.SumLanes();
    }

    private struct Tile
    {
        public T* Q, O, Kt, V, S, KeyBias, Max, Sum;
    }
}
