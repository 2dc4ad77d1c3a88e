using FlorenceKernels.Runtime;
using ILGPU;

namespace FlorenceKernels.Tensors;

// MaxPool, OutputPerThread; backward InputPerThread: each input gathers the windows that cover it, in order, from those it won.
// Traffic: kernel area times through the caches.
internal static class MaxPoolGpu
{
    public static void Forward<R>(GpuDevice gpu, in Args<R> args) where R : unmanaged, IReal<R> =>
        gpu.LaunchElements(OutputPerThread, args.Count, args);

    public static void Backward<R>(GpuDevice gpu, in Args<R> args) where R : unmanaged, IReal<R> =>
        gpu.LaunchElements(InputPerThread, args.Count, args);

    internal static void OutputPerThread<R>(Args<R> a) where R : unmanaged, IReal<R>
    {
        for (var i = Grid.IdxX * Group.DimX + Group.IdxX; i < a.Count; i += Grid.DimX * Group.DimX)
        {
            var line = i / a.W.Out;
            var plane = line / a.H.Out;
            var (oh, ow) = (line - plane * a.H.Out, i - line * a.W.Out);
            R best = a.Lowest, winner = R.Of(-1), tap = R.Of(-1);
            for (var kh = 0; kh < a.H.Kernel; kh++)
            {
                var h = a.H.At(oh, kh);
                for (var kw = 0; kw < a.W.Kernel; kw++)
                {
                    var w = a.W.At(ow, kw);
                    tap += R.Of(1);
                    if (h < 0 || h >= a.H.Size || w < 0 || w >= a.W.Size) { continue; }
                    var v = a.X[(plane * a.H.Size + h) * a.W.Size + w];

                    // Larger, or the first inside, or NaN (which differs from itself).
                    var larger = R.IfGreater(v, best, tap, R.IfGreater(R.Of(0), winner, tap, winner));
                    winner = R.IfEqual(v, v, larger, tap);
                    best = R.IfEqual(v, v, R.IfGreater(v, best, v, best), v);
                }
            }

            a.Y[i] = best;
            a.Winners[i] = winner;
        }
    }

    internal static void InputPerThread<R>(Args<R> a) where R : unmanaged, IReal<R>
    {
        for (var i = Grid.IdxX * Group.DimX + Group.IdxX; i < a.Count; i += Grid.DimX * Group.DimX)
        {
            var line = i / a.W.Size;
            var plane = line / a.H.Size;
            var (h, w) = (line - plane * a.H.Size, i - line * a.W.Size);
            R sum = R.Of(0), tap = a.Taps;
            for (var kh = a.H.Kernel - 1; kh >= 0; kh--)
            {
                var oh = a.H.OutputOf(h, kh);
                for (var kw = a.W.Kernel - 1; kw >= 0; kw--)
                {
                    var ow = a.W.OutputOf(w, kw);
                    tap -= R.Of(1);
                    if (oh < 0 || ow < 0) { continue; }
                    var at = (plane * a.H.Out + oh) * a.W.Out + ow;
                    sum += R.IfEqual(a.Winners[at], tap, a.Y[at], R.Of(0));
                }
            }

            a.X[i] = sum;
        }
    }

    internal struct Args<R> where R : unmanaged
    {
        public ArrayView<R> X, Y, Winners;
        public R Lowest, Taps;
        public int Count;
        public ConvAxis H, W;
    }
}
