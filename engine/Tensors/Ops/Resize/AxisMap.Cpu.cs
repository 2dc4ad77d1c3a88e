using System;
using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

// AxisMap of x [outer, inputs, inner] to y [outer, outputs, inner], GatherRows: inner > 1 sums vectors of neighbouring columns in
// registers, inner = 1 sums the run of each output. Traffic: x read run length times from cache, y written once; memory-bound.
internal readonly unsafe struct AxisMapCpu<T>(T* x, T* y, int* starts, int* offsets, T* weights, long outer, int inputs,
    int outputs, long inner)
    : ISimdKernel<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int Grain = 1 << 14;

    public void Run<R>() where R : struct, ISimd<R, T>
    {
        var self = this;
        CpuThreads.ForRange(outer * outputs, Math.Max(1, Grain / inner), (from, to) =>
        {
            for (var row = from; row < to; row++) { self.Row<R>(row); }
        });
    }

    private void Row<R>(long row) where R : struct, ISimd<R, T>
    {
        var (o, j) = Math.DivRem(row, outputs);
        var w = weights + offsets[j];
        var count = offsets[j + 1] - offsets[j];
        T* from = x + (o * inputs + starts[j]) * inner, to = y + row * inner;
        long c = 0;
        for (; c + R.Count <= inner; c += R.Count)
        {
            var sum = R.Of(0);
            for (var k = 0; k < count; k++) { sum = R.MultiplyAdd(R.Broadcast(w[k]), R.Load(from + k * inner + c), sum); }
            sum.Store(to + c);
        }

        for (; c < inner; c++)
        {
            var sum = T.Zero;
            for (var k = 0; k < count; k++) { sum = T.MultiplyAddEstimate(w[k], from[k * inner + c], sum); }
            to[c] = sum;
        }
    }
}
