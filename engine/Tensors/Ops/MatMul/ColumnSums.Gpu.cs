using System;
using FlorenceKernels.Runtime;
using ILGPU;

namespace FlorenceKernels.Tensors;

// y[part, n] = Σ x[m, n] over the rows m of a part: a group sums 32 columns of a part, its warps every eighth row each, then
// adds the warps' sums in a fixed tree. A warp reads 32 neighbours. Adding the parts is the same kernel on their sums: two
// launches for any number of rows. Ladder: ReduceGpu.ColumnPerThread (one thread walks a column: 96 threads of the whole GPU
// for a bias of 96) → this.
internal static class ColumnSumsGpu
{
    private const int Across = 32;
    private const int MaxThreads = 256;

    public static void Run<R>(GpuDevice gpu, ArrayView<R> x, ArrayView<R> y, int rows, int columns, int partRows)
        where R : unmanaged, IReal<R>
    {
        var threads = Math.Min(MaxThreads, gpu.MaxGroupSize);
        var blocks = (columns + Across - 1) / Across;
        var g = new Args<R>
        {
            X = x,
            Y = y,
            Rows = rows,
            Columns = columns,
            PartRows = partRows,
            Blocks = blocks,
            Items = checked(blocks * ((rows + partRows - 1) / partRows)),
            Width = Math.Min(Across, threads),
        };
        gpu.Launch(Sum<R>, Math.Min(gpu.MaxGroups, g.Items), threads, g);
    }

    internal static void Sum<R>(Args<R> g) where R : unmanaged, IReal<R>
    {
        var shared = SharedMemory.Allocate<R>(MaxThreads);
        int lane = Group.IdxX & (g.Width - 1), first = Group.IdxX / g.Width, step = Group.DimX / g.Width;
        for (var item = Grid.IdxX; item < g.Items; item += Grid.DimX)
        {
            int part = item / g.Blocks, from = part * g.PartRows, to = from + g.PartRows < g.Rows ? from + g.PartRows : g.Rows;
            for (int n = (item - part * g.Blocks) * Across, end = n + Across; n < end; n += g.Width)
            {
                var column = n + lane < g.Columns ? n + lane : g.Columns - 1;
                var sum = R.Of(0);
                for (var m = from + first; m < to; m += step) { sum += g.X[m * g.Columns + column]; }
                shared[Group.IdxX] = sum;
                Group.Barrier();
                for (var half = Group.DimX >> 1; half >= g.Width; half >>= 1)
                {
                    if (Group.IdxX < half) { shared[Group.IdxX] = shared[Group.IdxX] + shared[Group.IdxX + half]; }
                    Group.Barrier();
                }

                if (Group.IdxX < g.Width && n + lane < g.Columns) { g.Y[part * g.Columns + n + lane] = shared[Group.IdxX]; }
                Group.Barrier();
            }
        }
    }

    internal struct Args<R> where R : unmanaged, IReal<R>
    {
        public ArrayView<R> X, Y;
        public int Rows, Columns, PartRows, Blocks, Items, Width;
    }
}
