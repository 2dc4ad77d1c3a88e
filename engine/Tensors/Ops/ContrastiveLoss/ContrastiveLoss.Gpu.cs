using FlorenceKernels.Runtime;
using ILGPU;

namespace FlorenceKernels.Tensors;

// a, b [B, D] unit rows; s = τabᵀ, one group per row of a, one thread per column of b and turn; nothing of size B×B.
// LogSumExp: each thread keeps (max, sum) of its columns, then a shared-memory tree in fixed order.
// Gradient: the group makes the weights of Group.DimX columns in shared memory, then each thread adds them up for its share of the D
// output elements. Traffic: b once per row of a (caches permitting). Ladder: RowPerGroup (this) → tensor-core tiles with the GEMM family.
internal static class ContrastiveGpu
{
    private const int MaxThreads = 256;

    public static void LogSumExp<R>(GpuDevice gpu, ArrayView<R> a, ArrayView<R> b, ArrayView<R> lse, ArrayView<R> own,
        Positives positives, int batch, int width, R tau) where R : unmanaged, IReal<R>
    {
        gpu.LaunchGroups(LogSumExpRows, batch, new Args<R> { A = a, B = b, LseA = lse, LseB = lse, Da = a, Sums = lse, Batch = batch, Width = width, Tau = tau });
        gpu.LaunchElements(PositiveScores, batch, new PositiveArgs<R>
        {
            Scores = new Args<R> { A = a, B = b, LseA = lse, LseB = lse, Da = a, Sums = lse, Batch = batch, Width = width, Tau = tau },
            Own = own,
            Order = positives.Order.View<int>(),
            Start = positives.Start.View<int>(),
            End = positives.End.View<int>(),
        });
    }

    public static void Gradient<R>(GpuDevice gpu, ArrayView<R> a, ArrayView<R> b, ArrayView<R> lseA, ArrayView<R> lseB, ArrayView<R> da, ArrayView<R> sums,
        int batch, int width, R tau) where R : unmanaged, IReal<R> =>
        gpu.LaunchGroups(GradientRows, batch, new Args<R> { A = a, B = b, LseA = lseA, LseB = lseB, Da = da, Sums = sums, Batch = batch, Width = width, Tau = tau });

    internal static void LogSumExpRows<R>(Args<R> k) where R : unmanaged, IReal<R>
    {
        var maxima = SharedMemory.Allocate<R>(MaxThreads);
        var sums = SharedMemory.Allocate<R>(MaxThreads);
        for (var row = Grid.IdxX; row < k.Batch; row += Grid.DimX)
        {
            // Scores are at least −τ; a thread without columns contributes nothing.
            R max = -k.Tau - k.Tau, sum = R.Of(0);
            for (var j = Group.IdxX; j < k.Batch; j += Group.DimX)
            {
                var s = Score(k, row, j);
                var top = R.Max(max, s);
                sum = sum * R.Exp(max - top) + R.Exp(s - top);
                max = top;
            }

            maxima[Group.IdxX] = max;
            sums[Group.IdxX] = sum;
            Group.Barrier();
            for (var half = Group.DimX >> 1; half > 0; half >>= 1)
            {
                if (Group.IdxX < half)
                {
                    R m1 = maxima[Group.IdxX], m2 = maxima[Group.IdxX + half], top = R.Max(m1, m2);
                    sums[Group.IdxX] = sums[Group.IdxX] * R.Exp(m1 - top) + sums[Group.IdxX + half] * R.Exp(m2 - top);
                    maxima[Group.IdxX] = top;
                }

                Group.Barrier();
            }

            if (Group.IdxX == 0) { k.LseA[row] = maxima[0] + R.Log(sums[0]); }
            Group.Barrier();
        }
    }

    internal static void GradientRows<R>(Args<R> k) where R : unmanaged, IReal<R>
    {
        var weights = SharedMemory.Allocate<R>(MaxThreads);
        for (var row = Grid.IdxX; row < k.Batch; row += Grid.DimX)
        {
            var weighted = R.Of(0);
            for (var d = Group.IdxX; d < k.Width; d += Group.DimX) { k.Da[row * k.Width + d] = R.Of(0); }
            for (var from = 0; from < k.Batch; from += Group.DimX)
            {
                var j = from + Group.IdxX;
                var e = R.Of(0);
                if (j < k.Batch)
                {
                    var s = Score(k, row, j);
                    e = R.Exp(s - k.LseA[row]) + R.Exp(s - k.LseB[j]);
                    weighted += e * s;
                }

                weights[Group.IdxX] = e;
                Group.Barrier();
                var columns = k.Batch - from < Group.DimX ? k.Batch - from : Group.DimX;
                for (var d = Group.IdxX; d < k.Width; d += Group.DimX)
                {
                    var sum = k.Da[row * k.Width + d];
                    for (var c = 0; c < columns; c++) { sum = R.MultiplyAdd(weights[c], k.B[(from + c) * k.Width + d], sum); }
                    k.Da[row * k.Width + d] = sum;
                }

                Group.Barrier();
            }

            weights[Group.IdxX] = weighted;
            Group.Barrier();
            for (var half = Group.DimX >> 1; half > 0; half >>= 1)
            {
                if (Group.IdxX < half) { weights[Group.IdxX] = weights[Group.IdxX] + weights[Group.IdxX + half]; }
                Group.Barrier();
            }

            if (Group.IdxX == 0) { k.Sums[row] = weights[0]; }
            Group.Barrier();
        }
    }

    internal static void PositiveScores<R>(PositiveArgs<R> k) where R : unmanaged, IReal<R>
    {
        for (var row = Grid.IdxX * Group.DimX + Group.IdxX; row < k.Scores.Batch; row += Grid.DimX * Group.DimX)
        {
            R sum = R.Of(0), count = R.Of(0);
            for (var p = k.Start[row]; p < k.End[row]; p++)
            {
                sum += Score(k.Scores, row, k.Order[p]);
                count += R.Of(1);
            }

            k.Own[row] = sum / count;
        }
    }

    internal static void PositivesMean<R>(MeanArgs<R> k) where R : unmanaged, IReal<R>
    {
        for (var i = Grid.IdxX * Group.DimX + Group.IdxX; i < k.Rows * k.Width; i += Grid.DimX * Group.DimX)
        {
            var row = i / k.Width;
            var d = i - row * k.Width;
            R sum = R.Of(0), count = R.Of(0);
            for (var p = k.Start[row]; p < k.End[row]; p++)
            {
                sum += k.X[k.Order[p] * k.Width + d];
                count += R.Of(1);
            }

            k.Y[i] = sum / count;
        }
    }

    private static R Score<R>(Args<R> k, int row, int column) where R : unmanaged, IReal<R>
    {
        var dot = R.Of(0);
        for (var d = 0; d < k.Width; d++) { dot = R.MultiplyAdd(k.A[row * k.Width + d], k.B[column * k.Width + d], dot); }
        return dot * k.Tau;
    }

    internal struct Args<R> where R : unmanaged
    {
        public ArrayView<R> A, B, LseA, LseB, Da, Sums;
        public int Batch, Width;
        public R Tau;
    }

    internal struct PositiveArgs<R> where R : unmanaged
    {
        public Args<R> Scores;
        public ArrayView<R> Own;
        public ArrayView<int> Order, Start, End;
    }

    internal struct MeanArgs<R> where R : unmanaged
    {
        public ArrayView<R> X, Y;
        public ArrayView<int> Order, Start, End;
        public int Rows, Width;
    }
}
