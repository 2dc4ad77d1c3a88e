using FlorenceKernels.Runtime;
using ILGPU;

namespace FlorenceKernels.Tensors;

// AxisMap of x [outer, inputs, inner] to y [outer, outputs, inner], OutputPerThread: each thread gathers the run of one output in
// order. Traffic: x read run length times through the caches, y written once.
internal static class AxisMapGpu
{
    public static void Run<R>(GpuDevice gpu, in Args<R> args) where R : unmanaged, IReal<R> =>
        gpu.LaunchElements(OutputPerThread, args.Count, args);

    internal static void OutputPerThread<R>(Args<R> a) where R : unmanaged, IReal<R>
    {
        for (var i = Grid.IdxX * Group.DimX + Group.IdxX; i < a.Count; i += Grid.DimX * Group.DimX)
        {
            var row = i / a.Inner;
            var outer = row / a.Outputs;
            var j = row - outer * a.Outputs;
            var from = (outer * a.Inputs + a.Starts[j]) * a.Inner + (i - row * a.Inner);
            var first = a.Offsets[j];
            var count = a.Offsets[j + 1] - first;
            var sum = R.Of(0);
            for (var k = 0; k < count; k++) { sum = R.MultiplyAdd(a.Weights[first + k], a.X[from + k * a.Inner], sum); }
            a.Y[i] = sum;
        }
    }

    internal struct Args<R> where R : unmanaged
    {
        public ArrayView<R> X, Y, Weights;
        public ArrayView<int> Starts, Offsets;
        public int Count, Inputs, Outputs, Inner;
    }
}
