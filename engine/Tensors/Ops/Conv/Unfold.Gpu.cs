using FlorenceKernels.Runtime;
using ILGPU;

namespace FlorenceKernels.Tensors;

// Unfold, GridStride: one element of y per thread; its adjoint gathers the windows that cover an input. Traffic: taps times x.
internal static class UnfoldGpu
{
    public static void Forward<R>(GpuDevice gpu, ConvGeometry g, ArrayView<R> x, ArrayView<R> y) where R : unmanaged, IReal<R>
    {
        var args = new Args<R> { X = x, Y = y, Count = checked(g.Batch * g.Depth * g.Positions), Channels = g.Channels };
        (args.H, args.W) = (g.H, g.W);
        gpu.LaunchElements(ForwardKernel, args.Count, args);
    }

    public static void Fold<R>(GpuDevice gpu, ConvGeometry g, ArrayView<R> dy, ArrayView<R> dx) where R : unmanaged, IReal<R>
    {
        var args = new Args<R> { X = dx, Y = dy, Count = checked(g.Batch * g.Channels * g.Inputs), Channels = g.Channels };
        (args.H, args.W) = (g.H, g.W);
        gpu.LaunchElements(FoldKernel, args.Count, args);
    }

    internal static void ForwardKernel<R>(Args<R> a) where R : unmanaged, IReal<R>
    {
        var zero = R.Of(0);
        for (var i = Grid.IdxX * Group.DimX + Group.IdxX; i < a.Count; i += Grid.DimX * Group.DimX)
        {
            var line = i / a.W.Out;
            var plane = line / a.H.Out;
            var kw = plane % a.W.Kernel;
            var rest = plane / a.W.Kernel;
            var (channel, kh) = (rest / a.H.Kernel, rest % a.H.Kernel);
            var h = a.H.At(line - plane * a.H.Out, kh);
            var w = a.W.At(i - line * a.W.Out, kw);
            var isInside = h >= 0 && h < a.H.Size && w >= 0 && w < a.W.Size;
            a.Y[i] = isInside ? a.X[(channel * a.H.Size + h) * a.W.Size + w] : zero;
        }
    }

    internal static void FoldKernel<R>(Args<R> a) where R : unmanaged, IReal<R>
    {
        for (var i = Grid.IdxX * Group.DimX + Group.IdxX; i < a.Count; i += Grid.DimX * Group.DimX)
        {
            var line = i / a.W.Size;
            var channel = line / a.H.Size;
            var (h, w) = (line - channel * a.H.Size, i - line * a.W.Size);
            var sum = R.Of(0);
            for (var kh = 0; kh < a.H.Kernel; kh++)
            {
                var oh = a.H.OutputOf(h, kh);
                for (var kw = 0; kw < a.W.Kernel; kw++)
                {
                    var ow = a.W.OutputOf(w, kw);
                    if (oh < 0 || ow < 0) { continue; }
                    sum += a.Y[(((channel * a.H.Kernel + kh) * a.W.Kernel + kw) * a.H.Out + oh) * a.W.Out + ow];
                }
            }

            a.X[i] = sum;
        }
    }

    internal struct Args<R> where R : unmanaged
    {
        public ArrayView<R> X, Y;
        public int Count, Channels;
        public ConvAxis H, W;
    }
}
