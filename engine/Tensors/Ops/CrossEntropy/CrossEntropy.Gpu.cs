using FlorenceKernels.Runtime;
using ILGPU;

namespace FlorenceKernels.Tensors;

// cross_entropy of x [N, C], RowPerGroup: maximum and sum of a row by fixed trees; only the loss and lse of a row are written.
// Backward, GridStride: one element per thread, softmax from lse. Traffic: forward x in (again from cache); backward x in, dx out.
internal static class CrossEntropyGpu
{
    internal static void ForwardRow<R>(Args<R> a) where R : unmanaged, IReal<R>
    {
        var shared = SharedMemory.Allocate<R>(GroupTree.Size);
        for (var row = Grid.IdxX; row < a.N; row += Grid.DimX)
        {
            var start = row * a.C;
            var logSum = R.Log(SoftmaxGpu.RowSum(shared, a.X, start, a.C, a.Low, out var shift)); // of x − shift, which does not cancel
            var sum = R.Of(0);
            if (a.IsSmooth != 0)
            {
                for (var i = Group.IdxX; i < a.C; i += Group.DimX) { sum += logSum - (a.X[start + i] - shift); }
                sum = GroupTree.Sum(shared, 2, sum);
            }

            if (Group.IdxX == 0)
            {
                var target = a.Targets[row];
                R loss = a.NotANumber, count = R.Of(1);
                if (target >= 0 && target < a.C) { loss = a.Hard * (logSum - (a.X[start + (int)target] - shift)) + a.Soft * sum; }
                if (target == a.Ignored)
                {
                    loss = R.Of(0);
                    count = R.Of(0);
                }

                a.Y[row] = loss;
                a.Counts[row] = count;
                a.Lse[row] = logSum + shift;
            }
        }
    }

    // Counts holds g, one value per row or (GStep 0) one for all.
    internal static void Backward<R>(Args<R> a) where R : unmanaged, IReal<R>
    {
        for (var i = Grid.IdxX * Group.DimX + Group.IdxX; i < a.N * a.C; i += Grid.DimX * Group.DimX)
        {
            var row = i / a.C;
            var target = a.Targets[row];
            var dx = R.Of(0);
            if (target != a.Ignored)
            {
                dx = R.Exp(a.X[i] - a.Lse[row]) - a.Soft;
                if (target == i - row * a.C) { dx -= a.Hard; }
                dx *= a.Counts[row * a.GStep];
            }

            a.Y[i] = dx;
        }
    }

    internal struct Args<R> where R : unmanaged
    {
        public ArrayView<R> X, Y, Counts, Lse;  // X [N, C]; Y [N], backward [N, C]; Counts, Lse [N]
        public ArrayView<long> Targets;         // [N]
        public R Low, NotANumber, Hard, Soft;
        public long Ignored;
        public int N, C, IsSmooth, GStep;
    }
}
