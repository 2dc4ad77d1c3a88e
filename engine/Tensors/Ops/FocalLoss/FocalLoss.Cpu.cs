using System;
using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

// sigmoid_focal_loss of x [N, C], VectorRows: a row as if no class were present, then the one that is. Traffic: x in, y out.
internal readonly unsafe struct FocalForwardCpu<T>(T* x, long* targets, T* y, int n, int c, double alpha,
    double gamma) : ISimdKernel<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    internal const int Grain = 1 << 12;

    public void Run<R>() where R : struct, ISimd<R, T>
    {
        var self = this;
        CpuThreads.ForRange(n, Math.Max(1, Grain / c), (from, to) =>
        {
            for (var row = from; row < to; row++) { self.Row<R>(row); }
        });
    }

    private void Row<R>(long row) where R : struct, ISimd<R, T>
    {
        T* px = x + row * c, py = y + row * c;
        var target = targets[row];
        if (target < 0)
        {
            new Span<T>(py, c).Clear();
            return;
        }

        R absent = R.Of(1 - alpha), power = R.Of(gamma);
        long i = 0;
        for (; i + R.Count <= c; i += R.Count) { FocalFormula.Loss(-R.Load(px + i), absent, power).Store(py + i); }
        if (i < c) { RowMath<R, T>.StorePart(py + i, c - i, FocalFormula.Loss(-RowMath<R, T>.LoadPart(px + i, c - i, absent), absent, power)); }
        if (target == 0) { return; }
        FocalFormula.Loss(new Scalar<T>(px[target - 1]), Scalar<T>.Of(alpha), Scalar<T>.Of(gamma)).Store(py + target - 1);
    }
}

// Backward, VectorRows: dx = g·scale·slope; g is one value per element or (step 0) one for all. Traffic: x in, dx out.
internal readonly unsafe struct FocalBackwardCpu<T>(T* x, long* targets, T* g, int gStep, T* dx, int n, int c, double alpha,
    double gamma,
    double scale) : ISimdKernel<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public void Run<R>() where R : struct, ISimd<R, T>
    {
        var self = this;
        CpuThreads.ForRange(n, Math.Max(1, FocalForwardCpu<T>.Grain / c), (from, to) =>
        {
            for (var row = from; row < to; row++) { self.Row<R>(row); }
        });
    }

    private void Row<R>(long row) where R : struct, ISimd<R, T>
    {
        T* px = x + row * c, pdx = dx + row * c, pg = g + row * c * gStep;
        var target = targets[row];
        if (target < 0)
        {
            new Span<T>(pdx, c).Clear();
            return;
        }

        R absent = R.Of(scale * (1 - alpha)), power = R.Of(gamma), v = R.Broadcast(*pg);
        long i = 0;
        for (; i + R.Count <= c; i += R.Count)
        {
            if (gStep > 0) { v = R.Load(pg + i); }
            (-(v * FocalFormula.Slope(-R.Load(px + i), absent, power))).Store(pdx + i);
        }

        if (i < c)
        {
            if (gStep > 0) { v = RowMath<R, T>.LoadPart(pg + i, c - i, absent); }
            var slope = FocalFormula.Slope(-RowMath<R, T>.LoadPart(px + i, c - i, absent), absent, power);
            RowMath<R, T>.StorePart(pdx + i, c - i, -(v * slope));
        }

        if (target == 0) { return; }
        var present = FocalFormula.Slope(new Scalar<T>(px[target - 1]), Scalar<T>.Of(scale * alpha), Scalar<T>.Of(gamma));
        (new Scalar<T>(pg[(target - 1) * gStep]) * present).Store(pdx + target - 1);
    }
}
