using System;
using System.Runtime.CompilerServices;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>
/// How a product is cut into tasks. K is cut by its own size only (each part sums into its own buffer, added in order), so
/// results have the
/// same bits for any thread count; rows and columns are cut to suit the threads, which cannot change any element's sum.
/// </summary>
internal readonly record struct GemmPlan(
    int Rows, int Columns, int Inner, int RowParts, int ColumnParts, int InnerParts, int Matrices)
{
    private const long InlineWork = 1 << 15;        // multiply-adds that take less than waking a thread
    private const long TaskWork = 1 << 18;
    private const int TasksPerThread = 16;
    private const long PartialBytes = 8 << 20;      // of all partial C of a split K: they stay in L3

    public static GemmPlan For<T>(in GemmArgs<T> g, int tileRows, int tileColumns, int columnsPerBlock)
        where T : unmanaged
    {
        var work = (long)g.M * g.N * g.K;
        var threads = CpuThreads.Count;
        if (g.Batch > 1 && (work < TaskWork || g.Batch >= 4 * threads))
        {
            // Small matrices whole: the fewest per task that make a task worth claiming, at most a quarter of a thread's share.
            var share = Math.Max(1, g.Batch / (4 * threads));
            var matrices = (int)Math.Clamp(TaskWork / Math.Max(1, work), 1, share);
            return Whole(g, work * g.Batch < InlineWork ? g.Batch : matrices);
        }
        var innerParts = g.Batch == 1 ? InnerPartsFor(g.M, g.N, g.K, Unsafe.SizeOf<T>()) : 1;
        if (innerParts == 1 && work * g.Batch < InlineWork)
        {
            return Whole(g, g.Batch);
        }
        return Grid(g, tileRows, tileColumns, columnsPerBlock, innerParts, threads);
    }

    public int TasksFor(int batch) => RowParts * ColumnParts * InnerParts * ((batch + Matrices - 1) / Matrices);

    private static GemmPlan Whole<T>(in GemmArgs<T> g, int matrices)
        where T : unmanaged => new(g.M, g.N, g.K, 1, 1, 1, matrices);

    private static int InnerPartsFor(int m, int n, int k, int elementBytes)
    {
        if (k < 2048 || k < 4L * Math.Max(m, n))
        {
            return 1;
        }
        var fit = PartialBytes / Math.Max(1, (long)m * n * elementBytes);
        return (int)Math.Clamp(Math.Min(k / 1024, fit), 1, 16);
    }

    private static GemmPlan Grid<T>(in GemmArgs<T> g, int tileRows, int tileColumns, int columnsPerBlock, int innerParts, int threads)
        where T : unmanaged
    {
        int rowTiles = (g.M + tileRows - 1) / tileRows, columnTiles = (g.N + tileColumns - 1) / tileColumns;
        var fixedTasks = (long)innerParts * g.Batch;
        var (best, bestRows, bestColumns) = (double.MaxValue, rowTiles, columnTiles);
        for (var rowParts = 1; rowParts <= rowTiles; rowParts = Next(rowParts))
        {
            var rows = (rowTiles + rowParts - 1) / rowParts;
            for (var columnParts = 1; columnParts <= columnTiles; columnParts = Next(columnParts))
            {
                var columns = (columnTiles + columnParts - 1) / columnParts;
                var tasks = fixedTasks * rowParts * columnParts;
                if (tasks > TasksPerThread * threads && rowParts * columnParts > 1)
                {
                    break;
                }
                var passes = (columns * tileColumns + columnsPerBlock - 1) / columnsPerBlock;
                var cost = Cost(g, rows * tileRows, columns * tileColumns, passes, innerParts) * ((tasks + threads - 1) / threads + 0.2);
                if (cost < best)
                {
                    (best, bestRows, bestColumns) = (cost, rows, columns);
                }
            }
        }
        var inner = (g.K + innerParts - 1) / innerParts;
        return new(bestRows * tileRows, bestColumns * tileColumns, inner,
            Math.Max(1, (rowTiles + bestRows - 1) / bestRows), Math.Max(1, (columnTiles + bestColumns - 1) / bestColumns),
            g.K == 0 ? 1 : (g.K + inner - 1) / inner, 1);
    }

    private static int Next(int parts) => parts < 4 ? parts + 1 : parts + parts / 2 - parts / 2 % 2;

    // Cycles of one task, 16 multiply-adds a cycle; B is copied once per task, A once per pass (both slower where transposed), C passes by.
    // The 0.2 task added to the rounds stands for a thread that starts late or loses its core: it favours small tasks.
    private static double Cost<T>(in GemmArgs<T> g, double rows, double columns, double passes, int innerParts)
        where T : unmanaged
    {
        var k = (double)g.K / innerParts;
        double a = rows * k * passes * (g.ACol == 1 ? 0.15 : 1.5), b = columns * k * (g.BCol == 1 ? 0.15 : 0.5);
        return rows * columns * k / 16 + a + b + rows * columns * 0.3 + 4000;
    }
}
