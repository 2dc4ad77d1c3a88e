using FlorenceKernels.Runtime;
using ILGPU;

namespace FlorenceKernels.Tensors;

// Conv, FourChannelsPerThread, for depthwise and other narrow convolutions (ConvTiled.Gpu.cs has the others): a thread holds four
// channels of one position, so that each value of x (or dy) it loads meets four weights; neighbouring threads are neighbouring positions
// and read the same weights. The weight gradient is one group per (four outputs, channel, tap): threads stride over all positions, then a
// shared-memory tree. Fixed trees, no atomics.
internal static class ConvGpu
{
    private const int MaxThreads = 256;

    public static void Forward<R>(GpuDevice gpu, ConvGeometry g, ArrayView<R> x, ArrayView<R> w, ArrayView<R> bias, bool hasBias,
        ArrayView<R> y)
        where R : unmanaged, IReal<R>
    {
        var args = new Args<R>(g, g.GroupOutputs) { X = x, W = w, Y = y, Bias = bias, HasBias = hasBias ? 1 : 0 };
        args.Count = checked(g.Batch * g.Positions * g.Groups * args.Blocks);
        gpu.LaunchElements(ForwardKernel, args.Count, args);
    }

    public static void InputGrad<R>(GpuDevice gpu, ConvGeometry g, ArrayView<R> dy, ArrayView<R> w, ArrayView<R> dx)
        where R : unmanaged, IReal<R>
    {
        var args = new Args<R>(g, g.GroupChannels) { X = dx, W = w, Y = dy };
        args.Count = checked(g.Batch * g.Inputs * g.Groups * args.Blocks);
        gpu.LaunchElements(InputKernel, args.Count, args);
    }

    public static void WeightGrad<R>(GpuDevice gpu, ConvGeometry g, ArrayView<R> dy, ArrayView<R> x, ArrayView<R> dw)
        where R : unmanaged, IReal<R>
    {
        var args = new Args<R>(g, g.GroupOutputs) { X = x, W = dw, Y = dy };
        args.Count = checked(g.Groups * args.Blocks * g.Depth);
        gpu.LaunchGroups(WeightKernel, args.Count, args);
    }

    internal static void ForwardKernel<R>(Args<R> a) where R : unmanaged, IReal<R>
    {
        var positions = a.D.Out * a.H.Out * a.W2.Out;
        for (var i = Grid.IdxX * Group.DimX + Group.IdxX; i < a.Count; i += Grid.DimX * Group.DimX)
        {
            var block = i / (a.Batch * positions);
            var rest = i - block * a.Batch * positions;
            var b = rest / positions;
            var p = rest - b * positions;
            var row = p / a.W2.Out;
            var od = row / a.H.Out;
            var from = new Place { B = b, D = od, H = row - od * a.H.Out, W = p - row * a.W2.Out };
            var four = new Four(block, a.Blocks, a.GroupOutputs);
            var sum = Window(a, from, four);
            var at = b * a.Outputs * positions + p * a.YPosition;
            a.Y[at + four.C0 * a.YChannel] = sum.S0;
            if (four.C1 > four.C0) { a.Y[at + four.C1 * a.YChannel] = sum.S1; }
            if (four.C2 > four.C1) { a.Y[at + four.C2 * a.YChannel] = sum.S2; }
            if (four.C3 > four.C2) { a.Y[at + four.C3 * a.YChannel] = sum.S3; }
        }
    }

    private static Sums<R> Window<R>(Args<R> a, Place from, Four four) where R : unmanaged, IReal<R>
    {
        var s = new Sums<R>();
        if (a.HasBias != 0) { (s.S0, s.S1, s.S2, s.S3) = (a.Bias[four.C0], a.Bias[four.C1], a.Bias[four.C2], a.Bias[four.C3]); }
        var image = from.B * a.Channels * a.D.Size * a.H.Size * a.W2.Size;
        var depth = a.GroupChannels * a.Taps;
        for (var kd = 0; kd < a.D.Kernel; kd++)
        {
            var d = a.D.At(from.D, kd);
            for (var kh = 0; kh < a.H.Kernel; kh++)
            {
                var h = a.H.At(from.H, kh);
                for (var kw = 0; kw < a.W2.Kernel; kw++)
                {
                    var w = a.W2.At(from.W, kw);
                    if (d < 0 || d >= a.D.Size || h < 0 || h >= a.H.Size || w < 0 || w >= a.W2.Size) { continue; }
                    var at = image + ((d * a.H.Size + h) * a.W2.Size + w) * a.XPosition
                        + four.Group * a.GroupChannels * a.XChannel;
                    var k = (kd * a.H.Kernel + kh) * a.W2.Kernel + kw;
                    for (var c = 0; c < a.GroupChannels; c++)
                    {
                        var v = a.X[at + c * a.XChannel];
                        s.S0 = R.MultiplyAdd(v, a.W[four.C0 * depth + k + c * a.Taps], s.S0);
                        s.S1 = R.MultiplyAdd(v, a.W[four.C1 * depth + k + c * a.Taps], s.S1);
                        s.S2 = R.MultiplyAdd(v, a.W[four.C2 * depth + k + c * a.Taps], s.S2);
                        s.S3 = R.MultiplyAdd(v, a.W[four.C3 * depth + k + c * a.Taps], s.S3);
                    }
                }
            }
        }

        return s;
    }

    internal static void InputKernel<R>(Args<R> a) where R : unmanaged, IReal<R>
    {
        var inputs = a.D.Size * a.H.Size * a.W2.Size;
        for (var i = Grid.IdxX * Group.DimX + Group.IdxX; i < a.Count; i += Grid.DimX * Group.DimX)
        {
            var block = i / (a.Batch * inputs);
            var rest = i - block * a.Batch * inputs;
            var b = rest / inputs;
            var p = rest - b * inputs;
            var row = p / a.W2.Size;
            var d = row / a.H.Size;
            var to = new Place { B = b, D = d, H = row - d * a.H.Size, W = p - row * a.W2.Size };
            var four = new Four(block, a.Blocks, a.GroupChannels);
            var sum = Cover(a, to, four);
            var at = b * a.Channels * inputs + p * a.XPosition;
            a.X[at + four.C0 * a.XChannel] = sum.S0;
            if (four.C1 > four.C0) { a.X[at + four.C1 * a.XChannel] = sum.S1; }
            if (four.C2 > four.C1) { a.X[at + four.C2 * a.XChannel] = sum.S2; }
            if (four.C3 > four.C2) { a.X[at + four.C3 * a.XChannel] = sum.S3; }
        }
    }

    // The windows that cover an input position, taps in order.
    private static Sums<R> Cover<R>(Args<R> a, Place to, Four four) where R : unmanaged, IReal<R>
    {
        var s = new Sums<R>();
        var image = to.B * a.Outputs * a.D.Out * a.H.Out * a.W2.Out;
        var first = four.Group * a.GroupChannels;
        for (var kd = 0; kd < a.D.Kernel; kd++)
        {
            var d = a.D.OutputOf(to.D, kd);
            for (var kh = 0; kh < a.H.Kernel; kh++)
            {
                var h = a.H.OutputOf(to.H, kh);
                for (var kw = 0; kw < a.W2.Kernel; kw++)
                {
                    var w = a.W2.OutputOf(to.W, kw);
                    if (d < 0 || h < 0 || w < 0) { continue; }
                    var at = image + ((d * a.H.Out + h) * a.W2.Out + w) * a.YPosition;
                    var k = (kd * a.H.Kernel + kh) * a.W2.Kernel + kw;
                    for (var o = four.Group * a.GroupOutputs; o < (four.Group + 1) * a.GroupOutputs; o++)
                    {
                        var v = a.Y[at + o * a.YChannel];
                        var weights = o * a.GroupChannels - first;
                        s.S0 = R.MultiplyAdd(v, a.W[(weights + four.C0) * a.Taps + k], s.S0);
                        s.S1 = R.MultiplyAdd(v, a.W[(weights + four.C1) * a.Taps + k], s.S1);
                        s.S2 = R.MultiplyAdd(v, a.W[(weights + four.C2) * a.Taps + k], s.S2);
                        s.S3 = R.MultiplyAdd(v, a.W[(weights + four.C3) * a.Taps + k], s.S3);
                    }
                }
            }
        }

        return s;
    }

    internal static void WeightKernel<R>(Args<R> a) where R : unmanaged, IReal<R>
    {
        var shared = SharedMemory.Allocate<R>(MaxThreads);
        var depth = a.GroupChannels * a.Taps;
        for (var item = Grid.IdxX; item < a.Count; item += Grid.DimX)
        {
            var block = item / depth;
            var k = item - block * depth;
            var four = new Four(block, a.Blocks, a.GroupOutputs);
            var sum = Correlate(a, four, k);
            var s0 = Total(shared, sum.S0);
            var s1 = Total(shared, sum.S1);
            var s2 = Total(shared, sum.S2);
            var s3 = Total(shared, sum.S3);
            if (Group.IdxX != 0) { continue; }
            a.W[four.C0 * depth + k] = s0;
            if (four.C1 > four.C0) { a.W[four.C1 * depth + k] = s1; }
            if (four.C2 > four.C1) { a.W[four.C2 * depth + k] = s2; }
            if (four.C3 > four.C2) { a.W[four.C3 * depth + k] = s3; }
        }
    }

    // One thread's share of Σ dy·x over all positions, for one channel and tap.
    private static Sums<R> Correlate<R>(Args<R> a, Four four, int k) where R : unmanaged, IReal<R>
    {
        var s = new Sums<R>();
        var c = k / a.Taps;
        var tap = k - c * a.Taps;
        var tapRow = tap / a.W2.Kernel;
        var kd = tapRow / a.H.Kernel;
        var (kh, kw) = (tapRow - kd * a.H.Kernel, tap - tapRow * a.W2.Kernel);
        int positions = a.D.Out * a.H.Out * a.W2.Out, inputs = a.D.Size * a.H.Size * a.W2.Size;
        for (var i = Group.IdxX; i < a.Batch * positions; i += Group.DimX)
        {
            var b = i / positions;
            var p = i - b * positions;
            var row = p / a.W2.Out;
            var od = row / a.H.Out;
            var (d, h, w) = (a.D.At(od, kd), a.H.At(row - od * a.H.Out, kh), a.W2.At(p - row * a.W2.Out, kw));
            if (d < 0 || d >= a.D.Size || h < 0 || h >= a.H.Size || w < 0 || w >= a.W2.Size) { continue; }
            var v = a.X[b * a.Channels * inputs + ((d * a.H.Size + h) * a.W2.Size + w) * a.XPosition
                + (four.Group * a.GroupChannels + c) * a.XChannel];
            var at = b * a.Outputs * positions + p * a.YPosition;
            s.S0 = R.MultiplyAdd(v, a.Y[at + four.C0 * a.YChannel], s.S0);
            s.S1 = R.MultiplyAdd(v, a.Y[at + four.C1 * a.YChannel], s.S1);
            s.S2 = R.MultiplyAdd(v, a.Y[at + four.C2 * a.YChannel], s.S2);
            s.S3 = R.MultiplyAdd(v, a.Y[at + four.C3 * a.YChannel], s.S3);
        }

        return s;
    }

    // Sum over the group's threads, in every thread.
    private static R Total<R>(ArrayView<R> shared, R value) where R : unmanaged, IReal<R>
    {
        shared[Group.IdxX] = value;
        Group.Barrier();
        for (var half = Group.DimX >> 1; half > 0; half >>= 1)
        {
            if (Group.IdxX < half) { shared[Group.IdxX] = shared[Group.IdxX] + shared[Group.IdxX + half]; }
            Group.Barrier();
        }

        var total = shared[0];
        Group.Barrier();
        return total;
    }

    private struct Place
    {
        public int B, D, H, W;
    }

    private struct Sums<R> where R : unmanaged
    {
        public R S0, S1, S2, S3;
    }

    // Up to four channels of one group; beyond the group's end the last repeats.
    private readonly struct Four
    {
        public readonly int Group, C0, C1, C2, C3;

        public Four(int block, int blocks, int groupSize)
        {
            Group = block / blocks;
            C0 = Group * groupSize + (block - Group * blocks) * 4;
            var last = (Group + 1) * groupSize - 1;
            C1 = C0 < last ? C0 + 1 : last;
            C2 = C1 < last ? C1 + 1 : last;
            C3 = C2 < last ? C2 + 1 : last;
        }
    }

    internal struct Args<R> where R : unmanaged
    {
        public ArrayView<R> X, W, Y, Bias;
        public int HasBias, Count, Blocks, Batch, Channels, Outputs, GroupChannels, GroupOutputs, Taps;
        public int XChannel, XPosition, YChannel, YPosition;
        public ConvAxis D, H, W2;

        public Args(ConvGeometry g, int groupSize)
        {
            (X, W, Y, Bias) = (default, default, default, default);
            (HasBias, Count, Blocks) = (0, 0, (groupSize + 3) / 4);
            (Batch, Channels, Outputs, GroupChannels, GroupOutputs, Taps) =
                (g.Batch, g.Channels, g.Outputs, g.GroupChannels, g.GroupOutputs, g.Taps);
            ((XChannel, XPosition), (YChannel, YPosition)) = (g.XSteps, g.YSteps);
            (D, H, W2) = (g.D, g.H, g.W);
        }
    }
}
