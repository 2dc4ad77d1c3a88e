using System;
using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

// softmax of x [N, C], RowInCache: maximum, exponentials with their sum, scaling; the row stays in L1. One exponential per element.
// Traffic: x in, y out = 2·N·C elements. Floor = bytes / copy bandwidth, or N·C exponentials where those cost more.
internal readonly unsafe struct SoftmaxForwardCpu<T>(T* x, T* y, int n, int c, SoftmaxForm form) : ISimdKernel<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int Grain = 1 << 14;

    public void Run<R>() where R : struct, ISimd<R, T>
    {
        var self = this;
        CpuThreads.ForRange(n, Math.Max(1, Grain / c), (from, to) =>
        {
            var k = self;
            for (var row = from; row < to; row++) { k.Row<R>(row); }
        });
    }

    private void Row<R>(long row) where R : struct, ISimd<R, T>
    {
        var px = x + row * c;
        var shift = RowMath<R, T>.Shift(px, c);
        if (form == SoftmaxForm.Probability)
        {
            var py = y + row * c;
            var sum = RowMath<R, T>.SumExp(px, c, shift, py);
            // A row of −∞ alone has sum 0 and terms 0.
            Affine<R>(py, py, T.Zero, sum == T.Zero ? T.Zero : T.One / sum);
            return;
        }

        var logSum = T.Log(RowMath<R, T>.SumExp(px, c, shift, null)) + shift;
        if (form == SoftmaxForm.LogSum) { y[row] = logSum; }
        else { Affine<R>(px, y + row * c, T.IsNegativeInfinity(logSum) ? T.Zero : logSum, T.One); }
    }

    // to = (from − minus)·times
    private void Affine<R>(T* from, T* to, T minus, T times) where R : struct, ISimd<R, T>
    {
        R m = R.Broadcast(minus), t = R.Broadcast(times);
        long i = 0;
        for (; i + R.Count <= c; i += R.Count) { ((R.Load(from + i) - m) * t).Store(to + i); }
        for (; i < c; i++) { to[i] = (from[i] - minus) * times; }
    }
}

// Backward, RowInCache: the row's sum, then dx. Traffic: dy and y in, dx out = 3·N·C elements.
internal readonly unsafe struct SoftmaxBackwardCpu<T>(T* dy, T* y, T* dx, int n, int c, SoftmaxForm form) : ISimdKernel<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int Grain = 1 << 14;

    public void Run<R>() where R : struct, ISimd<R, T>
    {
        var self = this;
        CpuThreads.ForRange(n, Math.Max(1, Grain / c), (from, to) =>
        {
            var k = self;
            for (var row = from; row < to; row++)
            {
                if (k.IsLog) { k.LogRow<R>(row); } else { k.Row<R>(row); }
            }
        });
    }

    private bool IsLog => form == SoftmaxForm.Logarithm;

    private void Row<R>(long row) where R : struct, ISimd<R, T>
    {
        T* pdy = dy + row * c, py = y + row * c, pdx = dx + row * c;
        var dot = RowMath<R, T>.Dot(pdy, py, c);
        var d = R.Broadcast(dot);
        long i = 0;
        for (; i + R.Count <= c; i += R.Count) { (R.Load(py + i) * (R.Load(pdy + i) - d)).Store(pdx + i); }
        for (; i < c; i++) { pdx[i] = py[i] * (pdy[i] - dot); }
    }

    private void LogRow<R>(long row) where R : struct, ISimd<R, T>
    {
        T* pdy = dy + row * c, py = y + row * c, pdx = dx + row * c;
        var sum = R.Broadcast(RowMath<R, T>.Sum(pdy, c));
        long i = 0;
        for (; i + R.Count <= c; i += R.Count) { (R.Load(pdy + i) - R.Exp(R.Load(py + i)) * sum).Store(pdx + i); }
        if (i == c) { return; }
        if (c < R.Count)
        {
            R d = RowMath<R, T>.LoadPart(pdy, c, sum), e = R.Exp(RowMath<R, T>.LoadPart(py, c, sum));
            RowMath<R, T>.StorePart(pdx, c, d - e * sum);
            return;
        }

        // The last vector overlaps the one before: the same values are written twice.
        (R.Load(pdy + c - R.Count) - R.Exp(R.Load(py + c - R.Count)) * sum).Store(pdx + c - R.Count);
    }
}
