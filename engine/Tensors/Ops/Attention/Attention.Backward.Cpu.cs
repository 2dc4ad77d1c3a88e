using System;
using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

// Attention over sequences, backward: RecomputeTiles (FlashAttention-2, arXiv 2307.08691, algorithm 2). A task is one head: Δ =
// Σ dy∘y per row, then for each tile of 128 keys and 126 queries the weights again from the saved log-sum-exp, dV += Pᵀ·dO, dS
// = P∘(dO·Vᵀ − Δ), dQ += dS·K, dK += dSᵀ·Q. One writer per gradient, fixed order. Traffic: k, v once; q, dy once per 128 keys;
// dQ accumulates in the task's scratch.
internal readonly unsafe struct SequenceBackwardCpu<T>(SequenceOperands<T> x, SequenceGradients<T> g) : ISimdKernel<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int Keys = SequenceTiles.Keys, Queries = SequenceTiles.Queries, Block = AttentionTiles.BlockRows;

    private int Width => AttentionTiles.RoundUp(x.Shape.Dim, AttentionTiles.Line<T>());

    public void Run<R>() where R : struct, ISimd<R, T>
    {
        var self = this;
        var heads = x.Shape.Heads;
        CpuThreads.ForRange((long)x.Shape.Batch * heads, 1, (from, to) =>
        {
            for (var task = from; task < to; task++) { self.Head<R>(task / heads, (int)(task % heads)); }
        });
    }

    private void Head<R>(long batch, int head) where R : struct, ISimd<R, T>
    {
        int d = x.Shape.Dim, queries = x.Shape.Queries, keyRows = AttentionTiles.RoundUp(Keys, Block);
        var dqRows = AttentionTiles.RoundUp(queries, Block);
        var count = (long)(dqRows + 2 * Queries + Keys + 2 * keyRows) * Width + (2L * d + 2 * Queries + 1) * Keys + queries;
        var scratch = new CpuScratch(count * sizeof(T), 12);
        var tile = new Tile
        {
            Dq = scratch.Take<T>((long)dqRows * Width), Q = scratch.Take<T>(Queries * Width),
            Dy = scratch.Take<T>(Queries * Width),
            K = scratch.Take<T>(Keys * Width), Dk = scratch.Take<T>(keyRows * Width), Dv = scratch.Take<T>(keyRows * Width),
            Kt = scratch.Take<T>(d * Keys), Vt = scratch.Take<T>(d * Keys), P = scratch.Take<T>(Queries * Keys),
            Ds = scratch.Take<T>(Queries * Keys),
            KeyBias = scratch.Take<T>(Keys), Delta = scratch.Take<T>(queries),
        };
        for (var i = 0; i < queries; i++)
        {
            tile.Delta[i] = AttentionTiles.Dot<R, T>(g.Dy.At(batch, head, i), g.Y.At(batch, head, i), d);
        }
        for (var k0 = 0; k0 < x.Shape.Keys; k0 += Keys) { KeyTile<R>(tile, batch, head, k0); }
        var scale = T.One / T.Sqrt(T.CreateChecked(d));
        for (var i = 0; i < queries; i++)
        {
            AttentionTiles.Scale<R, T>(tile.Dq + (long)i * Width, g.Dq.At(batch, head, i), d, scale);
        }
    }

    private void KeyTile<R>(in Tile tile, long batch, int head, int k0) where R : struct, ISimd<R, T>
    {
        int d = x.Shape.Dim, keys = Math.Min(Keys, x.Shape.Keys - k0);
        var padded = AttentionTiles.RoundUp(keys, AttentionTiles.Line<T>());
        for (var j = 0; j < keys; j++) { AttentionTiles.Scale<R, T>(x.K.At(batch, head, k0 + j), tile.K + j * Width, d, T.One); }
        SequenceTiles.Transpose(x.K, batch, head, k0, keys, tile.Kt, d);
        SequenceTiles.Transpose(x.V, batch, head, k0, keys, tile.Vt, d);

        AttentionTiles.FillColumns(tile.Kt, d, Keys, keys, padded, T.Zero);
        AttentionTiles.FillColumns(tile.Vt, d, Keys, keys, padded, T.Zero);
        SequenceTiles.KeyBias(x, batch, k0, keys, tile.KeyBias);
        new Span<T>(tile.Dk, AttentionTiles.RoundUp(keys, Block) * Width).Clear();
        new Span<T>(tile.Dv, AttentionTiles.RoundUp(keys, Block) * Width).Clear();
        for (var q0 = 0; q0 < x.Shape.Queries; q0 += Queries)
        {
            var rows = Math.Min(Queries, x.Shape.Queries - q0);
            if (x.Shape.IsCausal && q0 + rows <= k0) { continue; }
            QueryTile<R>(tile, batch, head, k0, keys, q0, rows, padded);
        }

        for (var j = 0; j < keys; j++)
        {
            AttentionTiles.Scale<R, T>(tile.Dk + j * Width, g.Dk.At(batch, head, k0 + j), d, T.One);
            AttentionTiles.Scale<R, T>(tile.Dv + j * Width, g.Dv.At(batch, head, k0 + j), d, T.One);
        }
    }

    private void QueryTile<R>(in Tile tile, long batch, int head, int k0, int keys, int q0, int rows, int padded)
        where R : struct, ISimd<R, T>
    {
        var d = x.Shape.Dim;
        var scale = T.One / T.Sqrt(T.CreateChecked(d));
        for (var i = 0; i < rows; i++)
        {
            AttentionTiles.Scale<R, T>(x.Q.At(batch, head, q0 + i), tile.Q + i * Width, d, scale);
            AttentionTiles.Scale<R, T>(g.Dy.At(batch, head, q0 + i), tile.Dy + i * Width, d, T.One);
        }

        for (var i0 = 0; i0 < rows; i0 += Block)
        {
            var visible = SequenceTiles.Visible(x.Shape, q0 + i0, k0, keys);
            if (visible == 0) { continue; }
            var cols = AttentionTiles.RoundUp(visible, R.Count);
            T* p = tile.P + i0 * Keys, ds = tile.Ds + i0 * Keys, dq = tile.Dq + (long)(q0 + i0) * Width;
            AttentionTiles.Rows<R, T>(tile.Q + i0 * Width, Width, 1, tile.Kt, Keys, p, Keys, null, cols, d);
            AttentionTiles.Rows<R, T>(tile.Dy + i0 * Width, Width, 1, tile.Vt, Keys, ds, Keys, null, cols, d);
            for (var i = 0; i < Math.Min(Block, rows - i0); i++)
            {
                Row<R>(tile, batch, head, q0 + i0 + i, i0 + i, k0, keys, cols, padded);
            }
            AttentionTiles.Rows<R, T>(ds, Keys, 1, tile.K, Width, dq, Width, k0 == 0 ? null : dq, Width, visible);
        }

        for (var j0 = 0; j0 < keys; j0 += Block)
        {
            // Rows before this one see none of the block's keys.
            var from = x.Shape.IsCausal ? Math.Max(0, (k0 + j0 - q0) / Block * Block) : 0;
            if (from >= rows) { continue; }
            T* dk = tile.Dk + j0 * Width, dv = tile.Dv + j0 * Width;
            AttentionTiles.Rows<R, T>(tile.Ds + from * Keys + j0, 1, Keys, tile.Q + from * Width, Width, dk, Width, dk, Width,
                rows - from);
            AttentionTiles.Rows<R, T>(tile.P + from * Keys + j0, 1, Keys, tile.Dy + from * Width, Width, dv, Width, dv, Width,
                rows - from);
        }
    }

    // s → P, dP → dS in columns [0, cols); zeros up to the padded width, which the transposed products read.
    private void Row<R>(in Tile tile, long batch, int head, int query, int row, int k0, int keys, int cols, int padded)
        where R : struct, ISimd<R, T>
    {
        T* s = tile.P + row * Keys, ds = tile.Ds + row * Keys;
        var index = (batch * x.Shape.Heads + head) * x.Shape.Queries + query;
        SequenceTiles.Mask<R, T>(x, s, tile.KeyBias, x.Mask.Row(batch, head, query), query, k0, keys, cols);
        R shift = R.Broadcast(g.Lse[index]), delta = R.Broadcast(tile.Delta[query]);
        for (var j = 0; j < cols; j += R.Count)
        {
            var p = R.Exp(R.Load(s + j) - shift);
            p.Store(s + j);
            (p * (R.Load(ds + j) - delta)).Store(ds + j);
        }

        if (cols < padded)
        {
            new Span<T>(s + cols, padded - cols).Clear();
            new Span<T>(ds + cols, padded - cols).Clear();
        }

        if (g.DScores != null)
        {
            new Span<T>(ds, Math.Min(keys, cols)).CopyTo(new Span<T>(g.DScores + index * x.Shape.Keys + k0, keys));
        }
    }

    private struct Tile
    {
        public T* Dq, Q, Dy, K, Dk, Dv, Kt, Vt, P, Ds, KeyBias, Delta;
    }
}
