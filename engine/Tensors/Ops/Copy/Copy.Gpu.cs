using FlorenceKernels.Runtime;
using ILGPU;

namespace FlorenceKernels.Tensors;

// Copy, GridStride: one element per thread and turn; the index is split along six axes. Traffic: each element once in, once out.
internal static class CopyGpu
{
    public static void Launch<T>(GpuDevice gpu, StridedLoop loop, ArrayView<T> x, ArrayView<T> y) where T : unmanaged =>
        gpu.LaunchElements(Strided, loop.Count, new Args<T>
        {
            X = x,
            Y = y,
            Count = checked((int)loop.Count),
            Sizes = loop.Sizes("copy"),
            YSteps = loop.Steps(0, "copy"),
            XSteps = loop.Steps(1, "copy"),
        });

    internal static void Strided<T>(Args<T> a) where T : unmanaged
    {
        for (var i = Grid.IdxX * Group.DimX + Group.IdxX; i < a.Count; i += Grid.DimX * Group.DimX)
        {
            a.Y[a.Sizes.Offset(i, a.YSteps)] = a.X[a.Sizes.Offset(i, a.XSteps)];
        }
    }

    internal struct Args<T> where T : unmanaged
    {
        public ArrayView<T> X, Y;
        public int Count;
        public GpuSizes Sizes, YSteps, XSteps;
    }
}
