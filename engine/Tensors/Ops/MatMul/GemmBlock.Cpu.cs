using System;
using System.Numerics;

namespace FlorenceKernels.Tensors;

/// <summary>
/// One thread's product. A block of B (≤ 512 KiB, half an L2) stays packed while row panels of A pass over it: per k a 12x32
/// tile takes
/// 128 bytes of B from L2 and 48 of A from L1 for 24 fused multiply-adds of 16 lanes.
/// </summary>
internal static unsafe class GemmBlock<TL, TV, T>
    where TL : struct, ILanes<TV, T>
    where TV : unmanaged
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int InnerBytes = 1536;           // K per block: 384 floats; a 12-row panel of A is 18 KiB, over half an L1
    private const int BlockBytes = 512 * 1024;
    private const int ColumnsReadInPlace = 128;    // below, one pass over A is too short to repay copying it
    private const int RowsReadingInPlace = 96;     // below, too few passes over B to repay copying it
    private const int SmallBytes = 24 * 1024;      // an A that stays in L1 is read where it lies, whatever its strides
    private const int ABlockBytes = 320 * 1024;    // tiles of A packed at once where A is transposed: long runs of its rows

    /// <summary>Columns of a tile.</summary>
    public static int TileColumns => 2 * TL.Count;

    /// <summary>Whether the rows of one task are enough to repay copying B.</summary>
    public static bool ShouldPack(in GemmArgs<T> g) => g.BCol != 1 || g.M > RowsReadingInPlace;

    /// <summary>Packs TileColumns columns of B from column n on into their place in g.PackedB: [K
    /// block][panel][k][TileColumns].</summary>
    public static void PackShared(in GemmArgs<T> g, int n)
    {
        var inner = InnerFor(g);
        for (var k = 0; k < g.K; k += inner)
        {
            var depth = Math.Min(inner, g.K - k);
            GemmPack<TL, TV, T>.BPanel(g.B + k * g.BRow + n * g.BCol, (nint)g.BRow, (nint)g.BCol, depth,
                Math.Min(TileColumns, g.N - n), g.PackedB + (long)k * g.PackedN + (long)n * depth, TileColumns);
        }
    }

    /// <summary>Computes one matrix (Batch is ignored) on the calling thread.</summary>
    public static void Run(in GemmArgs<T> g)
    {
        var inner = InnerFor(g);
        var columns = ColumnsPerBlock(inner * sizeof(T));
        columns = Math.Min(columns, (g.N + TileColumns - 1) / TileColumns * TileColumns);
        var tileBytes = (nuint)(TL.TileRows * TileColumns * sizeof(T));
        var aBytes = (nuint)(ABlockBytes + TileBytes(inner));
        var bBytes = g.PackedB is null ? (nuint)((long)columns * inner * sizeof(T)) : 0;
        var scratch = GemmScratch.Blocks(tileBytes + aBytes + bBytes);
        var work = new Work { Tile = (T*)scratch, A = (T*)(scratch + tileBytes), B = (T*)(scratch + tileBytes + aBytes) };
        for (var n = 0; n < g.N; n += columns)
        {
            for (var k = 0; k == 0 || k < g.K; k += inner)
            {
                work.IsFirst = k == 0;
                work.IsLast = k + inner >= g.K;
                var depth = Math.Min(inner, g.K - k);
                if (g.PackedB is not null)
                {
                    work.B = g.PackedB + (long)k * g.PackedN + (long)(g.PackedColumn + n) * depth;
                }
                Pass(g.Part(0, 0, g.M, n, Math.Min(columns, g.N - n), k, depth), ref work);
            }
        }
    }

    /// <summary>Bytes of a K block, from the whole problem: a transposed A is packed over all its rows, and for all columns of B at once,
    /// where that fits.</summary>
    public static int InnerBytesFor(in GemmArgs<T> g) => g.ACol == 1
        ? InnerBytes
        : Math.Clamp(Math.Min(ABlockBytes / g.M, BlockBytes / g.N), InnerBytes / 2, InnerBytes);

    /// <summary>Columns of B that stay packed while A passes.</summary>
    public static int ColumnsPerBlock(int innerBytes) => Math.Max(1, BlockBytes / innerBytes / TileColumns) * TileColumns;

    // The same for every task of a problem: each element sums in the same order however C is divided.
    private static int InnerFor(in GemmArgs<T> g)
    {
        var blocks = ((long)g.K * sizeof(T) + g.InnerBytes - 1) / g.InnerBytes;
        return blocks <= 1 ? Math.Max(1, g.K) : (int)((g.K + blocks - 1) / blocks + 15) / 16 * 16;
    }

    private static int TileBytes(int inner) => (int)GemmPack<TL, TV, T>.TileStride(inner, TL.TileRows) * sizeof(T);

    private struct Work
    {
        public T* Tile;             // [TileRows, TileColumns]
        public T* A;                // one tile, or the tiles of ABlockBytes, of a K block
        public T* B;                // [columns / TileColumns, K block, TileColumns]
        public bool IsFirst;
        public bool IsLast;
        public bool IsBInPlace;
        public bool OverlapsEdge;   // the last, ragged panel starts early and is whole: it repeats columns, to the same bits
    }

    private static void Pass(in GemmArgs<T> g, ref Work work)
    {
        if (g.PackedB is null)
        {
            PackB(g, ref work);
        }
        // Equal tiles instead of full ones and a remnant: 49 rows are 10 + 10 + 10 + 10 + 9, all of them enough to hide latency.
        var tiles = (g.M + TL.TileRows - 1) / TL.TileRows;
        var tileRows = (g.M + tiles - 1) / tiles;
        if ((g.M * g.ARow + g.K * g.ACol) * sizeof(T) <= SmallBytes)
        {
            for (var m = 0; m < g.M; m += tileRows)
            {
                RowOfTiles(g, ref work, m, Math.Min(tileRows, g.M - m), g.A + m * g.ARow, (nint)g.ARow, (nint)g.ACol);
            }
        }
        else if (g.ACol == 1)
        {
            RowMajorPasses(g, ref work, tileRows);
        }
        else
        {
            ColumnMajorPasses(g, ref work, tileRows);
        }
    }

    private static void PackB(in GemmArgs<T> g, ref Work work)
    {
        var stridesCollide = g.BRow * sizeof(T) % 2048 == 0 && g.K > 16 && g.M > TL.TileRows;
        work.IsBInPlace = g.BCol == 1 && g.M <= RowsReadingInPlace && !stridesCollide;
        // Where C is not read, writing a part of it twice is harmless.
        work.OverlapsEdge = work.IsFirst && g.Beta == T.Zero && g.N >= TileColumns;
        var whole = work.IsBInPlace || g.BCol != 1 ? 0 : g.N / TileColumns;
        GemmPack<TL, TV, T>.BPanels(g.B, (nint)g.BRow, g.K, whole, work.B, TileColumns);
        for (var n = whole * TileColumns; n < g.N; n += TileColumns)
        {
            var (start, columns, width) = Panel(g, work, n);
            if (!work.IsBInPlace || columns < width)
            {
                GemmPack<TL, TV, T>.BPanel(
                    g.B + start * g.BCol, (nint)g.BRow, (nint)g.BCol, g.K, columns, work.B + (long)n * g.K, width);
            }
        }
    }

    // Where the panel that covers column n begins, how many columns of C it has and how many it computes.
    private static (int Start, int Columns, int Width) Panel(in GemmArgs<T> g, in Work work, int n)
    {
        var columns = Math.Min(TileColumns, g.N - n);
        var width = columns > TL.Count || g.PackedB is not null ? TileColumns : TL.Count;
        return work.OverlapsEdge && columns < width ? (g.N - width, width, width) : (n, columns, width);
    }

    private static void RowMajorPasses(in GemmArgs<T> g, ref Work work, int tileRows)
    {
        var inPlace = g.ARow == g.K || (g.N <= ColumnsReadInPlace && (g.ARow * sizeof(T) % 1024 != 0 || g.K <= 64));
        for (var m = 0; m < g.M; m += tileRows)
        {
            var rows = Math.Min(tileRows, g.M - m);
            var a = g.A + m * g.ARow;
            if (inPlace)
            {
                RowOfTiles(g, ref work, m, rows, a, (nint)g.ARow, 1);
                continue;
            }
            GemmPack<TL, TV, T>.ARows(a, (nint)g.ARow, rows, g.K, work.A);
            RowOfTiles(g, ref work, m, rows, work.A, g.K, 1);
        }
    }

    private static void ColumnMajorPasses(in GemmArgs<T> g, ref Work work, int tileRows)
    {
        var blockRows = Math.Max(1, ABlockBytes / TileBytes(g.K)) * tileRows;
        var stride = GemmPack<TL, TV, T>.TileStride(g.K, tileRows);
        for (var block = 0; block < g.M; block += blockRows)
        {
            var end = Math.Min(g.M, block + blockRows);
            GemmPack<TL, TV, T>.ATiles(
                g.A + block * g.ARow, (nint)g.ARow, (nint)g.ACol, end - block, g.K, work.A, tileRows);
            var a = work.A;
            for (var m = block; m < end; m += tileRows, a += stride)
            {
                RowOfTiles(g, ref work, m, Math.Min(tileRows, end - m), a, 1, tileRows);
            }
        }
    }

    private static void RowOfTiles(in GemmArgs<T> g, ref Work work, int m, int rows, T* a, nint aRow, nint aStep)
    {
        var isPlain = g.Alpha == T.One && !(work.IsLast && !g.Epilogue.IsEmpty);
        var overwrites = work.IsFirst && g.Beta == T.Zero;
        var adds = !work.IsFirst || g.Beta == T.One;
        var write = !overwrites ? TileWrite.Add : g.StreamsC && work.IsLast ? TileWrite.Stream : TileWrite.Store;
        for (var n = 0; n < g.N; n += TileColumns)
        {
            var (start, columns, width) = Panel(g, work, n);
            var isWide = width > TL.Count;
            var c = g.C + m * g.CRow + start;
            var isInPlace = work.IsBInPlace && columns == width;
            var b = isInPlace ? g.B + start : work.B + (long)n * g.K;
            var bStep = isInPlace ? (nint)g.BRow : width;
            if (isPlain && (overwrites || adds) && columns == width)
            {
                // An overlapping panel may start anywhere, a streamed vector only on its own boundary.
                var how = write == TileWrite.Stream && start % TL.Count != 0 ? TileWrite.Store : write;
                GemmTile<TL, TV, T>.Run(rows, isWide, g.K, a, aRow, aStep, b, bStep, c, (nint)g.CRow, how);
                continue;
            }
            GemmTile<TL, TV, T>.Run(rows, isWide, g.K, a, aRow, aStep, b, bStep, work.Tile, TileColumns, TileWrite.Store);
            GemmFinish<TL, TV, T>.Tile(g, work.Tile, TileColumns, m, rows, start, columns, work.IsFirst, work.IsLast);
        }
    }
}
