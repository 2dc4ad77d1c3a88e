using System;
using System.Numerics;
using System.Runtime.InteropServices;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

// u, v [B, D] unit rows; s = τuvᵀ in tiles of 256 × 512 (half an L2) made by the shared GEMM, one task per block of 256 rows.
// Forward: online log-sum-exp along rows; columns as partial (max, sum) per row block, combined in block order, so the bits do not depend
// on the thread count. Backward: the same tiles again, turned into e = exp(s − row lse) + exp(s − column lse), then dU += eV per row block,
// and dV += eᵀU per column block (a second pass over tiles, so that no two tasks add to the same rows).
// Work: 2B²D multiply-adds forward, 8B²D backward; extra memory B²/128 + tiles. Ladder: whole B×B matrix (3 B² floats) → tiles (this).
internal static unsafe class ContrastiveTiles
{
    public const int Rows = 256, Columns = 512;

    public static int Blocks(int n, int size) => (n + size - 1) / size;

    /// <summary>tile[rows, columns] ← τ·a[from a, rows]·b[from b, columns]ᵀ.</summary>
    public static void Scores<T>(T* a, T* b, T* tile, int rows, int columns, int width, double tau) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Gemm.Run(new GemmArgs<T>
        {
            M = rows,
            N = columns,
            K = width,
            Batch = 1,
            Alpha = T.CreateChecked(tau),
            Beta = T.Zero,
            A = a,
            ARow = width,
            ACol = 1,
            B = b,
            BRow = 1,
            BCol = width,
            C = tile,
            CRow = columns,
        });

    /// <summary>out[rows, width] += tile[rows, columns]·b[columns, width].</summary>
    public static void Accumulate<T>(T* tile, T* b, T* output, int rows, int columns, int width, bool isFirst) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Gemm.Run(new GemmArgs<T>
        {
            M = rows,
            N = width,
            K = columns,
            Batch = 1,
            Alpha = T.One,
            Beta = isFirst ? T.Zero : T.One,
            A = tile,
            ARow = columns,
            ACol = 1,
            B = b,
            BRow = width,
            BCol = 1,
            C = output,
            CRow = width,
        });

    public static T* Scratch<T>(long count) where T : unmanaged => (T*)NativeMemory.AlignedAlloc((nuint)(count * sizeof(T)), 64);

    public static void Free(void* scratch) => NativeMemory.AlignedFree(scratch);
}

internal readonly unsafe struct ContrastiveForwardCpu<T>(T* u, T* v, T* rowLse, T* columnLse, T* own, int* order, int* start, int* end, int batch,
    int width, double tau) : ISimdKernel<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public void Run<R>() where R : struct, ISimd<R, T>
    {
        var self = this;
        var blocks = ContrastiveTiles.Blocks(batch, ContrastiveTiles.Rows);
        var partial = ContrastiveTiles.Scratch<T>(2L * blocks * batch);   // [blocks, 2, B]: column max, column sum
        CpuThreads.For(blocks, block => self.RowBlock<R>(block, partial + 2L * block * self.Batch));
        for (var j = 0; j < batch; j++) { columnLse[j] = self.Combine(partial, blocks, j); }
        ContrastiveTiles.Free(partial);
    }

    private int Batch => batch;

    private void RowBlock<R>(int block, T* partial) where R : struct, ISimd<R, T>
    {
        var tile = ContrastiveTiles.Scratch<T>(ContrastiveTiles.Rows * ContrastiveTiles.Columns);
        int first = block * ContrastiveTiles.Rows, rows = Math.Min(ContrastiveTiles.Rows, batch - first);
        T* max = stackalloc T[ContrastiveTiles.Rows], sum = stackalloc T[ContrastiveTiles.Rows];
        for (var i = 0; i < rows; i++) { (max[i], sum[i]) = (T.NegativeInfinity, T.Zero); }
        for (var from = 0; from < batch; from += ContrastiveTiles.Columns)
        {
            var columns = Math.Min(ContrastiveTiles.Columns, batch - from);
            ContrastiveTiles.Scores(u + (long)first * width, v + (long)from * width, tile, rows, columns, width, tau);
            for (var i = 0; i < rows; i++)
            {
                OnlineRow<R>(tile + (long)i * columns, columns, ref max[i], ref sum[i]);
                AddPositives(first + i, tile + (long)i * columns, from, columns);
            }

            TileColumns<R>(tile, rows, columns, partial + from, partial + batch + from);
        }

        for (var i = 0; i < rows; i++) { rowLse[first + i] = max[i] + T.Log(sum[i]); }
        ContrastiveTiles.Free(tile);
    }

    // Scores of positives are taken from the tile, the very numbers the log-sum-exp saw: a lone pair then has loss exactly 0.
    private void AddPositives(int row, T* scores, int from, int columns)
    {
        if (from == 0) { own[row] = T.Zero; }
        var sorted = new ReadOnlySpan<int>(order + start[row], end[row] - start[row]);
        var at = sorted.BinarySearch(from);
        for (at = at < 0 ? ~at : at; at < sorted.Length && sorted[at] < from + columns; at++)
        {
            own[row] += scores[sorted[at] - from] / T.CreateChecked(sorted.Length);
        }
    }

    private static void OnlineRow<R>(T* row, int n, ref T max, ref T sum) where R : struct, ISimd<R, T>
    {
        var i = 0;
        var m = R.Broadcast(max);
        for (; i + R.Count <= n; i += R.Count) { m = R.Max(m, R.Load(row + i)); }
        var top = m.MaxLane();
        for (; i < n; i++) { top = T.Max(top, row[i]); }
        R shift = R.Broadcast(top), s = R.Of(0);
        for (i = 0; i + R.Count <= n; i += R.Count) { s += R.Exp(R.Load(row + i) - shift); }
        var total = s.SumLanes();
        for (; i < n; i++) { total += ExpOf(row[i] - top); }
        sum = sum * ExpOf(max - top) + total;
        max = top;
    }

    private static void TileColumns<R>(T* tile, int rows, int columns, T* max, T* sum) where R : struct, ISimd<R, T>
    {
        var j = 0;
        for (; j + R.Count <= columns; j += R.Count)
        {
            R m = R.Load(tile + j), s = R.Of(0);
            for (var i = 1; i < rows; i++) { m = R.Max(m, R.Load(tile + (long)i * columns + j)); }
            for (var i = 0; i < rows; i++) { s += R.Exp(R.Load(tile + (long)i * columns + j) - m); }
            m.Store(max + j);
            s.Store(sum + j);
        }

        for (; j < columns; j++)
        {
            var (m, s) = (tile[j], T.Zero);
            for (var i = 1; i < rows; i++) { m = T.Max(m, tile[(long)i * columns + j]); }
            for (var i = 0; i < rows; i++) { s += ExpOf(tile[(long)i * columns + j] - m); }
            (max[j], sum[j]) = (m, s);
        }
    }

    private T Combine(T* partial, int blocks, int j)
    {
        var top = T.NegativeInfinity;
        for (var b = 0; b < blocks; b++) { top = T.Max(top, partial[2L * b * batch + j]); }
        var sum = T.Zero;
        for (var b = 0; b < blocks; b++) { sum += partial[2L * b * batch + batch + j] * ExpOf(partial[2L * b * batch + j] - top); }
        return top + T.Log(sum);
    }

    private static T ExpOf(T x)
    {
        T result;
        Scalar<T>.Exp(new Scalar<T>(x)).Store(&result);
        return result;
    }
}

internal readonly unsafe struct ContrastiveBackwardCpu<T>(T* u, T* v, T* rowLse, T* columnLse, T* du, T* dv, T* weighted, int batch, int width, double tau)
    : ISimdKernel<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public void Run<R>() where R : struct, ISimd<R, T>
    {
        var self = this;
        var blocks = ContrastiveTiles.Blocks(batch, ContrastiveTiles.Rows);
        CpuThreads.For(blocks, block => self.Side<R>(block, self.U, self.V, self.RowLse, self.ColumnLse, self.Du, self.Weighted));
        CpuThreads.For(blocks, block => self.Side<R>(block, self.V, self.U, self.ColumnLse, self.RowLse, self.Dv, null));
    }

    private T* U => u;

    private T* V => v;

    private T* RowLse => rowLse;

    private T* ColumnLse => columnLse;

    private T* Du => du;

    private T* Dv => dv;

    private T* Weighted => weighted;

    // Gradient of the rows of one block of a: Σⱼ eᵢⱼ bⱼ, and Σⱼ eᵢⱼ sᵢⱼ when asked for.
    private void Side<R>(int block, T* a, T* b, T* lseA, T* lseB, T* da, T* sums) where R : struct, ISimd<R, T>
    {
        var tile = ContrastiveTiles.Scratch<T>(ContrastiveTiles.Rows * ContrastiveTiles.Columns);
        int first = block * ContrastiveTiles.Rows, rows = Math.Min(ContrastiveTiles.Rows, batch - first);
        for (var from = 0; from < batch; from += ContrastiveTiles.Columns)
        {
            var columns = Math.Min(ContrastiveTiles.Columns, batch - from);
            ContrastiveTiles.Scores(a + (long)first * width, b + (long)from * width, tile, rows, columns, width, tau);
            for (var i = 0; i < rows; i++)
            {
                var sum = ToWeights<R>(tile + (long)i * columns, columns, lseA[first + i], lseB + from);
                if (sums is not null) { sums[first + i] = from == 0 ? sum : sums[first + i] + sum; }
            }

            ContrastiveTiles.Accumulate(tile, b + (long)from * width, da + (long)first * width, rows, columns, width, from == 0);
        }

        ContrastiveTiles.Free(tile);
    }

    // s → e = exp(s − lseA) + exp(s − lseB[j]) in place; returns Σ e·s.
    private static T ToWeights<R>(T* row, int n, T lseA, T* lseB) where R : struct, ISimd<R, T>
    {
        var j = 0;
        R own = R.Broadcast(lseA), sum = R.Of(0);
        for (; j + R.Count <= n; j += R.Count)
        {
            var s = R.Load(row + j);
            var e = R.Exp(s - own) + R.Exp(s - R.Load(lseB + j));
            sum = R.MultiplyAdd(e, s, sum);
            e.Store(row + j);
        }

        var total = sum.SumLanes();
        for (; j < n; j++)
        {
            Scalar<T> s = new(row[j]), e = Scalar<T>.Exp(s - new Scalar<T>(lseA)) + Scalar<T>.Exp(s - new Scalar<T>(lseB[j]));
            T product;
            (e * s).Store(&product);
            e.Store(row + j);
            total += product;
        }

        return total;
    }
}

internal readonly unsafe struct PositivesMeanCpu<T>(T* x, T* y, int* order, int* start, int* end, int rows, int width) : ISimdKernel<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public void Run<R>() where R : struct, ISimd<R, T>
    {
        var self = this;
        CpuThreads.ForRange(rows, 64, (from, to) =>
        {
            for (var i = from; i < to; i++) { self.Row<R>(i); }
        });
    }

    private void Row<R>(long i) where R : struct, ISimd<R, T>
    {
        var d = 0;
        var scale = T.One / T.CreateChecked(end[i] - start[i]);
        for (; d + R.Count <= width; d += R.Count)
        {
            var sum = R.Of(0);
            for (var k = start[i]; k < end[i]; k++) { sum += R.Load(x + (long)order[k] * width + d); }
            (sum * R.Broadcast(scale)).Store(y + i * width + d);
        }

        for (; d < width; d++)
        {
            var sum = T.Zero;
            for (var k = start[i]; k < end[i]; k++) { sum += x[(long)order[k] * width + d]; }
            y[i * width + d] = sum * scale;
        }
    }
}
