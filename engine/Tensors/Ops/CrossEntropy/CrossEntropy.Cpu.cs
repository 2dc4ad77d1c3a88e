using System;
using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

// cross_entropy of x [N, C], RowInCache: maximum, then sum of exponentials; nothing of the row's length is written.
// Traffic: x in = N·C elements and as many exponentials.
internal readonly unsafe struct CrossEntropyForwardCpu<T>(T* x, long* targets, T* loss, T* counts, T* lse, int n, int c, int ignoreIndex,
    double smoothing) : ISimdKernel<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int Grain = 1 << 14;

    public void Run<R>() where R : struct, ISimd<R, T>
    {
        var self = this;
        CpuThreads.ForRange(n, Math.Max(1, Grain / Math.Max(1, c)), (from, to) =>
        {
            var k = self;
            for (var row = from; row < to; row++) { k.Row<R>(row); }
        });
    }

    private void Row<R>(long row) where R : struct, ISimd<R, T>
    {
        var px = x + row * c;
        if (targets[row] == ignoreIndex)
        {
            loss[row] = counts[row] = lse[row] = T.Zero;
            return;
        }

        var shift = RowMath<R, T>.Shift(px, c);
        var logSum = T.Log(RowMath<R, T>.SumExp(px, c, shift, null));
        var value = logSum - (px[targets[row]] - shift);
        if (smoothing > 0)
        {
            var s = T.CreateTruncating(smoothing);
            var mean = RowMath<R, T>.Sum(px, c) / T.CreateTruncating(c);
            value = (T.One - s) * value + s * (logSum - (mean - shift));
        }

        loss[row] = value;
        counts[row] = T.One;
        lse[row] = logSum + shift;
    }
}

// Backward, OnePass: dx = g·(e^{x − lse} − s/C), then the target's element. Traffic: x in, dx out = 2·N·C elements.
internal readonly unsafe struct CrossEntropyBackwardCpu<T>(T* x, long* targets, T* lse, T* g, int gStep, T* dx, int n, int c, int ignoreIndex,
    double smoothing) : ISimdKernel<T>
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
        T* px = x + row * c, pdx = dx + row * c;
        if (targets[row] == ignoreIndex)
        {
            new Span<T>(pdx, c).Clear();
            return;
        }

        T scale = g[row * gStep];
        R m = R.Broadcast(lse[row]), v = R.Broadcast(scale), soft = R.Broadcast(T.CreateTruncating(smoothing / c));
        long i = 0;
        for (; i + R.Count <= c; i += R.Count) { ((R.Exp(R.Load(px + i) - m) - soft) * v).Store(pdx + i); }
        if (i < c) { RowMath<R, T>.StorePart(pdx + i, c - i, (R.Exp(RowMath<R, T>.LoadPart(px + i, c - i, m) - m) - soft) * v); }
        pdx[targets[row]] -= scale * T.CreateTruncating(1 - smoothing);
    }
}
