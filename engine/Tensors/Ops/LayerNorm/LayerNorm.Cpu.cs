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

        for (; i < c; i++)
        {
            var value = (px[i] - m) * r;
            if (gamma != null) { value *= gamma[i]; }
            py[i] = beta == null ? value : value + beta[i];
        }
    }
}

// Backward, FourRows: for four rows at a time ⟨g⟩ and ⟨g·x̂⟩ together with the piece's running dγ and dβ (C elements each, in L1), then their dx.
// Traffic: dy and x in, dx out = 3·N·C elements. A piece's rows are fixed by N alone, so the bits do not depend on the thread count.
// Ladder at [25088, 96]: one row at a time 1.0x → four rows, which touch dγ and dβ a quarter as often.
internal readonly unsafe struct LayerNormBackwardCpu<T>(T* dy, T* x, T* gamma, T* mean, T* rstd, T* dx, T* dGamma, T* dBeta, int n, int c,
    int rowsPerPiece) : ISimdKernel<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public void Run<R>() where R : struct, ISimd<R, T>
    {
        var self = this;
        CpuThreads.ForRange(n, rowsPerPiece, (from, to) => self.Piece<R>(from, to));
    }

    // Without parameter gradients the sums go to scratch that is thrown away: a second form of the loop would save little.
    private void Piece<R>(long from, long to) where R : struct, ISimd<R, T>
    {
        var k = this;
        var scratch = dGamma == null ? new T[2 * c] : [];
        fixed (T* free = scratch)
        {
            T* dg = dGamma == null ? free : dGamma + from / rowsPerPiece * c, db = dGamma == null ? free + c : dBeta + from / rowsPerPiece * c;
            new Span<T>(dg, c).Clear();
            new Span<T>(db, c).Clear();
            var row = from;
            for (; row + 4 <= to; row += 4) { k.Four<R>(row, dg, db); }
            for (; row < to; row++) { k.One<R>(row, dg, db); }
        }
    }

    private void Four<R>(long row, T* dg, T* db) where R : struct, ISimd<R, T>
    {
        T* y0 = dy + row * c, y1 = y0 + c, y2 = y1 + c, y3 = y2 + c, x0 = x + row * c, x1 = x0 + c, x2 = x1 + c, x3 = x2 + c;
        R m0 = R.Broadcast(mean[row]), m1 = R.Broadcast(mean[row + 1]), m2 = R.Broadcast(mean[row + 2]), m3 = R.Broadcast(mean[row + 3]);
        R r0 = R.Broadcast(rstd[row]), r1 = R.Broadcast(rstd[row + 1]), r2 = R.Broadcast(rstd[row + 2]), r3 = R.Broadcast(rstd[row + 3]);
        R s0 = R.Of(0), s1 = s0, s2 = s0, s3 = s0, t0 = s0, t1 = s0, t2 = s0, t3 = s0, one = R.Of(1);
        long i = 0;
        for (; i + R.Count <= c; i += R.Count)
        {
            var g = gamma == null ? one : R.Load(gamma + i);
            R d0 = R.Load(y0 + i), d1 = R.Load(y1 + i), d2 = R.Load(y2 + i), d3 = R.Load(y3 + i);
            R h0 = (R.Load(x0 + i) - m0) * r0, h1 = (R.Load(x1 + i) - m1) * r1, h2 = (R.Load(x2 + i) - m2) * r2, h3 = (R.Load(x3 + i) - m3) * r3;
            R.MultiplyAdd(d0, h0, R.MultiplyAdd(d1, h1, R.MultiplyAdd(d2, h2, R.MultiplyAdd(d3, h3, R.Load(dg + i))))).Store(dg + i);
            (((d0 + d1) + (d2 + d3)) + R.Load(db + i)).Store(db + i);
            (d0, d1, d2, d3) = (d0 * g, d1 * g, d2 * g, d3 * g);
            (s0, s1, s2, s3) = (s0 + d0, s1 + d1, s2 + d2, s3 + d3);
            t0 = R.MultiplyAdd(d0, h0, t0);
            t1 = R.MultiplyAdd(d1, h1, t1);
            t2 = R.MultiplyAdd(d2, h2, t2);
            t3 = R.MultiplyAdd(d3, h3, t3);
        }

        // All sums before the first call: vectors that live across a call are kept on the stack, in the loop too.
        T a0 = s0.SumLanes(), a1 = s1.SumLanes(), a2 = s2.SumLanes(), a3 = s3.SumLanes();
        T b0 = t0.SumLanes(), b1 = t1.SumLanes(), b2 = t2.SumLanes(), b3 = t3.SumLanes();
        Finish<R>(row, dg, db, i, a0, b0);
        Finish<R>(row + 1, dg, db, i, a1, b1);
        Finish<R>(row + 2, dg, db, i, a2, b2);
        Finish<R>(row + 3, dg, db, i, a3, b3);
    }

    private void One<R>(long row, T* dg, T* db) where R : struct, ISimd<R, T>
    {
        T* py = dy + row * c, px = x + row * c;
        R m = R.Broadcast(mean[row]), r = R.Broadcast(rstd[row]), s = R.Of(0), t = s;
        long i = 0;
        for (; i + R.Count <= c; i += R.Count)
        {
            R d = R.Load(py + i), h = (R.Load(px + i) - m) * r, g = gamma == null ? d : d * R.Load(gamma + i);
            R.MultiplyAdd(d, h, R.Load(dg + i)).Store(dg + i);
            (R.Load(db + i) + d).Store(db + i);
            s += g;
            t = R.MultiplyAdd(g, h, t);
        }

        Finish<R>(row, dg, db, i, s.SumLanes(), t.SumLanes());
    }

    // The columns past whole vectors one by one, then the row's dx = g·r + (x − m)·(−r²·⟨g·x̂⟩) − r·⟨g⟩.
    private void Finish<R>(long row, T* dg, T* db, long done, T sum, T dot) where R : struct, ISimd<R, T>
    {
        T* py = dy + row * c, px = x + row * c, pdx = dx + row * c;
        T rowMean = mean[row], scale = rstd[row];
        for (var i = done; i < c; i++)
        {
            T d = py[i], hat = (px[i] - rowMean) * scale, g = gamma == null ? d : d * gamma[i];
            dg[i] += d * hat;
            db[i] += d;
            sum += g;
            dot += g * hat;
        }

        if (dx == null) { return; }
        T slope = -scale * scale * dot / T.CreateTruncating(c), shift = -scale * sum / T.CreateTruncating(c);
        R m = R.Broadcast(rowMean), r = R.Broadcast(scale), vs = R.Broadcast(slope), vt = R.Broadcast(shift);
        for (long i = 0; i < done; i += R.Count)
        {
            var g = gamma == null ? R.Load(py + i) : R.Load(py + i) * R.Load(gamma + i);
            R.MultiplyAdd(g, r, R.MultiplyAdd(R.Load(px + i) - m, vs, vt)).Store(pdx + i);
        }

        for (var i = done; i < c; i++) { pdx[i] = (gamma == null ? py[i] : py[i] * gamma[i]) * scale + (px[i] - rowMean) * slope + shift; }
    }
}
