using System;
using System.Numerics;

namespace FlorenceKernels.Tensors;

/// <summary>
/// Few rows of A against a B whose columns are contiguous (y = W·x): dot products that read B once, where it lies. Packing B
/// would cost
/// more than the product. B's bytes are the floor.
/// </summary>
internal static unsafe class GemmDot<TL, TV, T>
    where TL : struct, ILanes<TV, T>
    where TV : unmanaged
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public const int ColumnsPerTask = 64;
    private const int MostRows = 4;

    public static bool Suits(in GemmArgs<T> g) =>
        g.Batch == 1 && g.M <= MostRows && g.ACol == 1 && g.BRow == 1 && g.K >= 2 * TL.Count;

    /// <summary>Computes up to ColumnsPerTask columns of C from column n on.</summary>
    public static void Run(in GemmArgs<T> g, int n)
    {
        var columns = Math.Min(ColumnsPerTask, g.N - n);
        var sums = (T*)GemmScratch.Blocks((nuint)(ColumnsPerTask * sizeof(T)));
        for (var m = 0; m < g.M; m++)
        {
            var a = g.A + m * g.ARow;
            var j = 0;
            for (; j + 4 <= columns; j += 4)
            {
                FourColumns(g.K, a, g.B + (n + j) * g.BCol, (nint)g.BCol, sums + j);
            }
            for (; j < columns; j++)
            {
                sums[j] = OneColumn(g.K, a, g.B + (n + j) * g.BCol);
            }
            GemmFinish<TL, TV, T>.Tile(g, sums, ColumnsPerTask, m, 1, n, columns, true, true);
        }
    }

    private static void FourColumns(int k, T* a, T* b, nint bColumn, T* sums)
    {
        TV s0 = TL.Zero, s1 = s0, s2 = s0, s3 = s0, t0 = s0, t1 = s0, t2 = s0, t3 = s0;
        T* b1 = b + bColumn, b2 = b1 + bColumn, b3 = b2 + bColumn;
        var i = 0;
        for (; i + 2 * TL.Count <= k; i += 2 * TL.Count)
        {
            TV x = TL.Load(a + i), y = TL.Load(a + i + TL.Count);
            s0 = TL.MulAdd(x, TL.Load(b + i), s0);
            s1 = TL.MulAdd(x, TL.Load(b1 + i), s1);
            s2 = TL.MulAdd(x, TL.Load(b2 + i), s2);
            s3 = TL.MulAdd(x, TL.Load(b3 + i), s3);
            t0 = TL.MulAdd(y, TL.Load(b + i + TL.Count), t0);
            t1 = TL.MulAdd(y, TL.Load(b1 + i + TL.Count), t1);
            t2 = TL.MulAdd(y, TL.Load(b2 + i + TL.Count), t2);
            t3 = TL.MulAdd(y, TL.Load(b3 + i + TL.Count), t3);
        }
        sums[0] = TL.Sum(TL.Add(s0, t0)) + Rest(i, k, a, b);
        sums[1] = TL.Sum(TL.Add(s1, t1)) + Rest(i, k, a, b1);
        sums[2] = TL.Sum(TL.Add(s2, t2)) + Rest(i, k, a, b2);
        sums[3] = TL.Sum(TL.Add(s3, t3)) + Rest(i, k, a, b3);
    }

    private static T OneColumn(int k, T* a, T* b)
    {
        TV s = TL.Zero, t = s;
        var i = 0;
        for (; i + 2 * TL.Count <= k; i += 2 * TL.Count)
        {
            s = TL.MulAdd(TL.Load(a + i), TL.Load(b + i), s);
            t = TL.MulAdd(TL.Load(a + i + TL.Count), TL.Load(b + i + TL.Count), t);
        }
        return TL.Sum(TL.Add(s, t)) + Rest(i, k, a, b);
    }

    private static T Rest(int from, int k, T* a, T* b)
    {
        var sum = T.Zero;
        for (var i = from; i < k; i++)
        {
            sum += a[i] * b[i];
        }
        return sum;
    }
}
