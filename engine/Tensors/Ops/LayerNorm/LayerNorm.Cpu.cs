using System;
using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

// layer_norm of x [N, C], RowInCache: three passes over a row that stays in L1: mean, variance of (x − mean), result.
// Traffic: x in, y out = 2·N·C elements; memory-bound. Floor = bytes / copy bandwidth.
internal readonly unsafe struct LayerNormForwardCpu<T>(T* x, T* gamma, T* beta, T* y, T* mean, T* rstd, int n, int c, double eps) : ISimdKernel<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int Grain = 1 << 15;

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
        T* px = x + row * c, py = y + row * c;
        var m = RowMath<R, T>.Sum(px, c) / T.CreateTruncating(c);
        var variance = RowMath<R, T>.SquaredDeviations(px, c, m) / T.CreateTruncating(c);
        var r = T.One / T.Sqrt(variance + T.CreateTruncating(eps));
        (mean[row], rstd[row]) = (m, r);
        R vm = R.Broadcast(m), vr = R.Broadcast(r), one = R.Of(1), zero = R.Of(0);
        long i = 0;
        for (; i + R.Count <= c; i += R.Count)
        {
            var g = gamma == null ? one : R.Load(gamma + i);
            var b = beta == null ? zero : R.Load(beta + i);
            R.MultiplyAdd((R.Load(px + i) - vm) * vr, g, b).Store(py + i);
        }

        if (i == c) { return; }
        var gLast = gamma == null ? one : RowMath<R, T>.LoadPart(gamma + i, c - i, one);
        var bLast = beta == null ? zero : RowMath<R, T>.LoadPart(beta + i, c - i, zero);
        RowMath<R, T>.StorePart(py + i, c - i, R.MultiplyAdd((RowMath<R, T>.LoadPart(px + i, c - i, vm) - vm) * vr, gLast, bLast));
    }
}

// Backward, TwoPass: per row ⟨g⟩ and ⟨g·x̂⟩ together with the piece's running dγ and dβ (C elements each, in L1), then dx.
// Traffic: dy and x in, dx out = 3·N·C elements. A piece's rows are fixed by N alone, so the bits do not depend on the thread count.
internal readonly unsafe struct LayerNormBackwardCpu<T>(T* dy, T* x, T* gamma, T* mean, T* rstd, T* dx, T* dGamma, T* dBeta, int n, int c,
    int rowsPerPiece) : ISimdKernel<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public void Run<R>() where R : struct, ISimd<R, T>
    {
        var self = this;
        CpuThreads.ForRange(n, rowsPerPiece, (from, to) => self.Piece<R>(from, to));
    }

    private void Piece<R>(long from, long to) where R : struct, ISimd<R, T>
    {
        T* dg = null, db = null;
        if (dGamma != null)
        {
            var piece = from / rowsPerPiece;
            dg = dGamma + piece * c;
            db = dBeta + piece * c;
            new Span<T>(dg, c).Clear();
            new Span<T>(db, c).Clear();
        }

        var k = this;
        for (var row = from; row < to; row++) { k.Row<R>(row, dg, db); }
    }

    private void Row<R>(long row, T* dg, T* db) where R : struct, ISimd<R, T>
    {
        T* pdy = dy + row * c, px = x + row * c;
        R m = R.Broadcast(mean[row]), r = R.Broadcast(rstd[row]), one = R.Of(1), zero = R.Of(0), sum = zero, dot = zero;
        long i = 0;
        for (; i + R.Count <= c; i += R.Count)
        {
            R d = R.Load(pdy + i), hat = (R.Load(px + i) - m) * r, g = gamma == null ? d : d * R.Load(gamma + i);
            sum += g;
            dot = R.MultiplyAdd(g, hat, dot);
            if (dg == null) { continue; }
            R.MultiplyAdd(d, hat, R.Load(dg + i)).Store(dg + i);
            (R.Load(db + i) + d).Store(db + i);
        }

        if (i < c)
        {
            R d = RowMath<R, T>.LoadPart(pdy + i, c - i, zero), hat = (RowMath<R, T>.LoadPart(px + i, c - i, m) - m) * r;
            var g = gamma == null ? d : d * RowMath<R, T>.LoadPart(gamma + i, c - i, one);
            sum += g;
            dot = R.MultiplyAdd(g, hat, dot);
            if (dg != null)
            {
                RowMath<R, T>.StorePart(dg + i, c - i, R.MultiplyAdd(d, hat, RowMath<R, T>.LoadPart(dg + i, c - i, zero)));
                RowMath<R, T>.StorePart(db + i, c - i, RowMath<R, T>.LoadPart(db + i, c - i, zero) + d);
            }
        }

        if (dx != null) { Input(pdy, px, dx + row * c, m, r, sum.SumLanes(), dot.SumLanes()); }
    }

    private void Input<R>(T* pdy, T* px, T* pdx, R m, R r, T sum, T dot) where R : struct, ISimd<R, T>
    {
        R s = R.Broadcast(sum / T.CreateTruncating(c)), t = R.Broadcast(dot / T.CreateTruncating(c)), one = R.Of(1);
        long i = 0;
        for (; i + R.Count <= c; i += R.Count)
        {
            R d = R.Load(pdy + i), hat = (R.Load(px + i) - m) * r, g = gamma == null ? d : d * R.Load(gamma + i);
            (r * (g - s - hat * t)).Store(pdx + i);
        }

        if (i == c) { return; }
        R dLast = RowMath<R, T>.LoadPart(pdy + i, c - i, one), hatLast = (RowMath<R, T>.LoadPart(px + i, c - i, m) - m) * r;
        var gLast = gamma == null ? dLast : dLast * RowMath<R, T>.LoadPart(gamma + i, c - i, one);
        RowMath<R, T>.StorePart(pdx + i, c - i, r * (gLast - s - hatLast * t));
    }
}
