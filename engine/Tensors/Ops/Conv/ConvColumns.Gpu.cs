using FlorenceKernels.Runtime;
using ILGPU;

namespace FlorenceKernels.Tensors;

// The fold of ConvColumns.cs: one thread per input, taps in order.
internal static partial class ConvColumnsGpu
{
    internal static void FoldPerThread<R>(Args<R> a) where R : unmanaged, IReal<R>
    {
        for (var i = Grid.IdxX * Group.DimX + Group.IdxX; i < a.Count; i += Grid.DimX * Group.DimX)
        {
            var pixel = i / a.Inner;
            var row = pixel / a.W.Size;
            var slice = row / a.H.Size;
            var plane = slice / a.D.Size;
            var image = plane / a.Planes;
            int d = slice - plane * a.D.Size, h = row - slice * a.H.Size, w = pixel - row * a.W.Size;
            a.Dx[i] = Sum(a, image * a.ImageStep + (plane - image * a.Planes + i - pixel * a.Inner) * a.ChannelStep, d, h, w);
        }
    }

    private static R Sum<R>(Args<R> a, int start, int d, int h, int w) where R : unmanaged, IReal<R>
    {
        var sum = R.Of(0);
        for (var kd = 0; kd < a.D.Kernel; kd++)
        {
            var od = a.D.OutputOf(d, kd);
            for (var kh = 0; kh < a.H.Kernel; kh++)
            {
                var oh = a.H.OutputOf(h, kh);
                for (var kw = 0; kw < a.W.Kernel; kw++)
                {
                    var ow = a.W.OutputOf(w, kw);
                    if (od < 0 || oh < 0 || ow < 0) { continue; }
                    var tap = (kd * a.H.Kernel + kh) * a.W.Kernel + kw;
                    sum += a.Columns[start + tap * a.TapStep + ((od * a.H.Out + oh) * a.W.Out + ow) * a.PositionStep];
                }
            }
        }

        return sum;
    }

    internal struct Args<R> where R : unmanaged
    {
        public ArrayView<R> Columns, Dx;
        public int Count, Inner, ImageStep, ChannelStep, TapStep, PositionStep, Planes;
        public ConvAxis D, H, W;
    }
}
