using FlorenceKernels.Runtime;
using ILGPU;

namespace FlorenceKernels.Tensors;

// softmax of x [N, C], RowPerGroup: one group per row, threads stride over C; maximum and sum by fixed trees in shared memory.
// Traffic: forward x in, y out (the row is read again from cache); backward dy and y in, dx out. Memory-bound; floor = bytes / bandwidth.
internal static class SoftmaxGpu
{
    public static void Forward<R>(GpuDevice gpu, SoftmaxForm form, Args<R> a) where R : unmanaged, IReal<R> =>
        gpu.LaunchGroups(ForwardRow, a.N, a with { IsProbability = form == SoftmaxForm.Probability ? 1 : 0, IsSum = form == SoftmaxForm.LogSum ? 1 : 0 });

    public static void Backward<R>(GpuDevice gpu, SoftmaxForm form, Args<R> a) where R : unmanaged, IReal<R> =>
        gpu.LaunchGroups(BackwardRow, a.N, a with { IsProbability = form == SoftmaxForm.Probability ? 1 : 0 });

    /// <summary>The shift and ln Σe^{x − shift} of one row; a row of −∞ alone has shift 0 and sum 0. Uses result slots 0 and 1.</summary>
    public static R RowSum<R>(ArrayView<R> shared, ArrayView<R> x, int start, int count, R low, out R shift) where R : unmanaged, IReal<R>
    {
        var max = low;
        for (var i = Group.IdxX; i < count; i += Group.DimX) { max = R.Max(max, x[start + i]); }
        max = GroupTree.Max(shared, 0, max);
        shift = R.IfEqual(max, low, R.Of(0), max);
        var sum = R.Of(0);
        for (var i = Group.IdxX; i < count; i += Group.DimX) { sum += R.Exp(x[start + i] - shift); }
        return GroupTree.Sum(shared, 1, sum);
    }

    internal static void ForwardRow<R>(Args<R> a) where R : unmanaged, IReal<R>
    {
        var shared = SharedMemory.Allocate<R>(GroupTree.Size);
        for (var row = Grid.IdxX; row < a.N; row += Grid.DimX)
        {
            var start = row * a.C;
            var sum = RowSum(shared, a.X, start, a.C, a.Low, out var shift);
            if (a.IsProbability != 0)
            {
                var scale = R.IfEqual(sum, R.Of(0), sum, R.Of(1) / sum);
                for (var i = Group.IdxX; i < a.C; i += Group.DimX) { a.Y[start + i] = R.Exp(a.X[start + i] - shift) * scale; }
            }
            else
            {
                var logSum = R.IfEqual(sum, R.Of(0), a.Low, R.Log(sum) + shift);
                if (a.IsSum != 0)
                {
                    if (Group.IdxX == 0) { a.Y[row] = logSum; }
                }
                else
                {
                    var minus = R.IfEqual(sum, R.Of(0), sum, logSum);
                    for (var i = Group.IdxX; i < a.C; i += Group.DimX) { a.Y[start + i] = a.X[start + i] - minus; }
                }
            }
        }
    }

    // X holds dy, Y receives dx.
    internal static void BackwardRow<R>(Args<R> a) where R : unmanaged, IReal<R>
    {
        var shared = SharedMemory.Allocate<R>(GroupTree.Size);
        for (var row = Grid.IdxX; row < a.N; row += Grid.DimX)
        {
            var start = row * a.C;
            var sum = R.Of(0);
            for (var i = Group.IdxX; i < a.C; i += Group.DimX)
            {
                var d = a.X[start + i];
                if (a.IsProbability != 0) { d *= a.Saved[start + i]; }
                sum += d;
            }

            sum = GroupTree.Sum(shared, 0, sum);
            for (var i = Group.IdxX; i < a.C; i += Group.DimX)
            {
                R d = a.X[start + i], y = a.Saved[start + i], dx;
                if (a.IsProbability != 0) { dx = y * (d - sum); } else { dx = d - R.Exp(y) * sum; }
                a.Y[start + i] = dx;
            }
        }
    }

    internal struct Args<R> where R : unmanaged
    {
        public ArrayView<R> X, Saved, Y; // [N, C]; Y [N] when IsSum
        public R Low;
        public int N, C, IsProbability, IsSum;
    }
}
