using FlorenceKernels.Runtime;
using ILGPU;

namespace FlorenceKernels.Tensors;

// The contrastive loss around panels of cosines [rows, B] that the shared matrix product makes.
// RowPerGroup: maximum, sum and positives of a row by shared-memory trees. ColumnPerThread: one step of an online log-sum-exp,
// neighbouring threads read neighbouring columns. GradientPerThread: cosines to gradients in place. FinishInOneGroup: column
// log-sum-exps and the two sums. No atomics; same bits every time.
internal static class ContrastiveGpu
{
    internal static void RowPerGroup<R>(Args<R> a) where R : unmanaged, IReal<R>
    {
        var shared = SharedMemory.Allocate<R>(GroupTree.Size);
        var tau = R.Exp(a.LogScale[0]);
        for (var row = Grid.IdxX; row < a.Rows; row += Grid.DimX)
        {
            int at = row * a.Columns, pair = a.RowOffset + a.First + row, id = a.Ids[pair];
            R max = R.Of(ContrastivePairs.Lowest), sum = R.Of(0), positive = R.Of(0);
            for (var j = Group.IdxX; j < a.Columns; j += Group.DimX)
            {
                var c = a.Panel[at + j];
                max = R.Max(max, c);
                if (a.Ids[j] == id) { positive += c; }
            }

            max = GroupTree.Max(shared, 0, max);
            for (var j = Group.IdxX; j < a.Columns; j += Group.DimX) { sum += R.Exp(tau * (a.Panel[at + j] - max)); }
            sum = GroupTree.Sum(shared, 1, sum);
            positive = GroupTree.Sum(shared, 2, positive);
            if (Group.IdxX == 0)
            {
                a.RowLse[a.First + row] = tau * max + R.Log(sum);
                a.RowPositive[a.First + row] = positive / R.OfInt(a.Counts[pair]);
            }
        }
    }

    internal static void ColumnPerThread<R>(Args<R> a) where R : unmanaged, IReal<R>
    {
        var tau = R.Exp(a.LogScale[0]);
        for (var j = Grid.IdxX * Group.DimX + Group.IdxX; j < a.Columns; j += Grid.DimX * Group.DimX)
        {
            R old = a.ColumnMax[j], max = old;
            for (var i = 0; i < a.Rows; i++) { max = R.Max(max, a.Panel[i * a.Columns + j]); }
            var sum = a.ColumnSum[j] * R.Exp(tau * (old - max));
            for (var i = 0; i < a.Rows; i++) { sum += R.Exp(tau * (a.Panel[i * a.Columns + j] - max)); }
            a.ColumnMax[j] = max;
            a.ColumnSum[j] = sum;
        }
    }

    internal static void GradientPerThread<R>(Args<R> a) where R : unmanaged, IReal<R>
    {
        var tau = R.Exp(a.LogScale[0]);
        var scale = tau * a.Loss[0] / R.OfInt(2 * a.Columns);
        for (var e = Grid.IdxX * Group.DimX + Group.IdxX; e < a.Rows * a.Columns; e += Grid.DimX * Group.DimX)
        {
            int row = e / a.Columns, j = e - row * a.Columns, pair = a.RowOffset + a.First + row;
            var s = tau * a.Panel[e];
            var g = R.Exp(s - a.RowLse[a.First + row]) + R.Exp(s - a.ColumnLse[j]);
            if (a.Ids[j] == a.Ids[pair]) { g -= R.Of(2) / R.OfInt(a.Counts[pair]); }
            a.Panel[e] = g * scale;
        }
    }

    internal static void FinishInOneGroup<R>(Args<R> a) where R : unmanaged, IReal<R>
    {
        var shared = SharedMemory.Allocate<R>(GroupTree.Size);
        var tau = R.Exp(a.LogScale[0]);
        R rows = R.Of(0), columns = R.Of(0);
        for (var j = Group.IdxX; j < a.Columns; j += Group.DimX)
        {
            var lse = tau * a.ColumnMax[j] + R.Log(a.ColumnSum[j]);
            a.ColumnLse[j] = lse;
            if (j >= a.RowOffset && j < a.RowOffset + a.Rows) { columns += lse - tau * a.RowPositive[j - a.RowOffset]; }
        }

        for (var i = Group.IdxX; i < a.Rows; i += Group.DimX) { rows += a.RowLse[i] - tau * a.RowPositive[i]; }
        rows = GroupTree.Sum(shared, 0, rows);
        columns = GroupTree.Sum(shared, 1, columns);
        if (Group.IdxX == 0)
        {
            a.Sums[0] = rows;
            a.Sums[1] = columns;
            a.Loss[0] = (rows + columns) / R.OfInt(2 * a.Columns);
        }
    }

    internal struct Args<R> where R : unmanaged
    {
        public ArrayView<R> Panel, LogScale, RowLse, RowPositive, ColumnMax, ColumnSum, ColumnLse, Sums, Loss;
        public ArrayView<int> Ids, Counts;
        public int First, Rows, Columns, RowOffset;
    }
}
