using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

// The launches of DeformSort.Gpu.cs.
internal static partial class DeformSortGpu
{
    /// <summary>The places in the order of their cells; cells of later maps count as greater.</summary>
    public static Tensor Run(GpuDevice gpu, Tensor cells, int samplesPerMap, int cellsPerMap)
    {
        var threads = int.Min(gpu.GroupSize, MaxThreads);
        var count = checked((int)cells.Count);
        var groups = (count + threads * Strip - 1) / (threads * Strip);
        var args = new Args
        {
            Cells = cells.View<int>(),
            From = cells.View<int>(),
            Until = Tensor.Empty([checked(groups * Digits)], DType.I32, gpu).View<int>(),
            Count = count,
            Groups = groups,
            Samples = samplesPerMap,
            MapCells = cellsPerMap,
            IsFirst = 1,
        };
        var (order, spare) = (Tensor.EmptyLike(cells, [count]), Tensor.EmptyLike(cells, [count]));
        for (long shift = 0, all = (long)count / samplesPerMap * cellsPerMap; shift == 0 || all > 1L << (int)shift; shift += Bits)
        {
            (args.To, args.Shift) = (order.View<int>(), (int)shift);
            gpu.Launch(CountPerGroup, int.Min(gpu.MaxGroups, groups), threads, args);
            gpu.Launch(AddInOneGroup, 1, threads, args);
            gpu.Launch(MovePerGroup, int.Min(gpu.MaxGroups, groups), threads, args);
            (args.From, args.IsFirst) = (args.To, 0);
            (order, spare) = (spare, order);
        }

        return spare;
    }
}
