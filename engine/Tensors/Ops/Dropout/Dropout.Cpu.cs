using System;
using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

// dropout, BlockOfFour: one Philox block gives the words of four neighbouring runs. Traffic: x in, y out; bound by the ten rounds per block.
internal static unsafe class DropCpu
{
    private const int Grain = 1 << 14;

    public static void Run<T>(T* x, T* y, long count, long run, uint threshold, T scale, ulong seed, ulong stream)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var runs = count / run;
        CpuThreads.ForRange((runs + 3) / 4, Math.Max(1, Grain / (4 * run)), (from, to) =>
        {
            for (var block = from; block < to; block++)
            {
                var words = Philox.At(seed, stream, (ulong)block);
                One(x, y, 4 * block, runs, run, words.X, threshold, scale);
                One(x, y, 4 * block + 1, runs, run, words.Y, threshold, scale);
                One(x, y, 4 * block + 2, runs, run, words.Z, threshold, scale);
                One(x, y, 4 * block + 3, runs, run, words.W, threshold, scale);
            }
        });
    }

    private static void One<T>(T* x, T* y, long index, long runs, long run, uint word, uint threshold, T scale)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (index >= runs) { return; }
        var isDropped = word >> 8 < threshold;
        for (var i = index * run; i < (index + 1) * run; i++) { y[i] = isDropped ? T.Zero : x[i] * scale; }
    }
}
