using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

// nms of sorted boxes, RowsOfCorners: each class's boxes laid out as rows of x1, y1, x2, y2, area and "is suppressed", so that
// one kept box is compared with a vector of later ones. Classes in parallel. Traffic: 6 elements per comparison, from cache.
internal readonly unsafe struct NmsCpu<T>(T* boxes, int[] order, int[] starts, double threshold, bool[] kept) : ISimdKernel<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int Rows = 6;

    public void Run<R>() where R : struct, ISimd<R, T>
    {
        var (self, ends) = (this, starts);
        CpuThreads.ForRange(starts.Length - 1, 1, (from, to) =>
        {
            for (var segment = from; segment < to; segment++) { self.Segment<R>(ends[segment], ends[segment + 1]); }
        });
    }

    private void Segment<R>(int from, int to) where R : struct, ISimd<R, T>
    {
        var n = to - from;
        fixed (T* rows = new T[Rows * n])
        {
            Lay(rows, from, n);
            for (var i = 0; i < n; i++)
            {
                if (rows[5 * n + i] > T.Zero) { continue; }
                kept[order[from + i]] = true;
                Suppress<R>(rows, n, i);
            }
        }
    }

    private void Lay(T* rows, int from, int n)
    {
        for (var i = 0; i < n; i++)
        {
            var box = boxes + 4L * order[from + i];
            for (var k = 0; k < 4; k++) { rows[k * n + i] = box[k]; }
            rows[4 * n + i] = (box[2] - box[0]) * (box[3] - box[1]);
        }
    }

    private void Suppress<R>(T* rows, int n, int i) where R : struct, ISimd<R, T>
    {
        var j = i + 1;
        for (; j + R.Count <= n; j += R.Count) { Compare<R>(rows, n, i, j); }
        for (; j < n; j++) { Compare<Scalar<T>>(rows, n, i, j); }
    }

    private void Compare<R>(T* rows, int n, int i, int j) where R : struct, ISimd<R, T>
    {
        Box<R> one = new(R.Broadcast(rows[i]), R.Broadcast(rows[n + i]), R.Broadcast(rows[2 * n + i]),
            R.Broadcast(rows[3 * n + i]));
        Box<R> others = new(R.Load(rows + j), R.Load(rows + n + j), R.Load(rows + 2 * n + j), R.Load(rows + 3 * n + j));
        var meet = BoxFormula.Intersection(one, others);
        var iou = meet / (R.Broadcast(rows[4 * n + i]) + R.Load(rows + 4 * n + j) - meet);
        R.IfGreater(iou, R.Of(threshold), R.Of(1), R.Load(rows + 5 * n + j)).Store(rows + 5 * n + j);
    }
}
