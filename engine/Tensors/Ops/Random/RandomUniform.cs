using System.Numerics;
using FlorenceKernels.Runtime;
using ILGPU;

namespace FlorenceKernels.Tensors;

public static partial class F
{
    /// <summary>Uniform values in [low, high) drawn on the device: element i is low + (high − low)·u(i) with u(i) the 24 upper bits of word i
    /// of Philox(seed, stream), so that every device draws what <see cref="Tensor.Uniform"/> draws on the host. Floating types f32 and f64.</summary>
    /// <exception cref="DTypeException">The element type is neither f32 nor f64.</exception>
    public static Tensor RandomUniform(
        Shape shape, double low, double high, ulong seed, ulong stream = 0, DType dtype = DType.F32, Device? device = null)
    {
        var y = Tensor.Empty(shape, dtype, device);
        Check.SameFloat("random_uniform", y);
        if (y.Count > 0) { Kernel.Run(y, new RandomUniformLaunch(y, low, high, seed, stream)); }
        return y;
    }

    private readonly struct RandomUniformLaunch(Tensor y, double low, double high, ulong seed, ulong stream) : IOpKernel
    {
        public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            var to = y.Pointer<T>();
            var count = y.Count;
            double from = low, width = high - low;
            var (key, lane) = (seed, stream);
            CpuThreads.ForRange((count + 3) / 4, 1 << 12, (first, end) =>
            {
                for (var block = first; block < end; block++)
                {
                    var words = Philox.At(key, lane, (ulong)block);
                    var i = block * 4;
                    to[i] = T.CreateTruncating(from + width * Philox.Uniform(words.X));
                    if (i + 1 < count) { to[i + 1] = T.CreateTruncating(from + width * Philox.Uniform(words.Y)); }
                    if (i + 2 < count) { to[i + 2] = T.CreateTruncating(from + width * Philox.Uniform(words.Z)); }
                    if (i + 3 < count) { to[i + 3] = T.CreateTruncating(from + width * Philox.Uniform(words.W)); }
                }
            });
        }

        public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R>
        {
            var count = checked((int)y.Count);
            var (blocks, args) = ((count + 3) / 4, new RandomUniformGpu.Args { Low = low, Width = high - low, Seed = seed, Stream = stream, Count = count });
            if (y.DType == DType.F32) { device.LaunchElements(RandomUniformGpu.Fill32, blocks, new RandomUniformGpu.Args32 { Y = y.View<float>(), Draw = args }); }
            else { device.LaunchElements(RandomUniformGpu.Fill64, blocks, new RandomUniformGpu.Args64 { Y = y.View<double>(), Draw = args }); }
        }
    }
}

// RandomUniform, BlockPerThread: one Philox block gives four neighbouring elements. Traffic: each element once out.
internal static class RandomUniformGpu
{
    internal static void Fill32(Args32 a)
    {
        var d = a.Draw;
        for (var i = Grid.IdxX * Group.DimX + Group.IdxX; i * 4 < d.Count; i += Grid.DimX * Group.DimX)
        {
            var words = Philox.At(d.Seed, d.Stream, (ulong)(uint)i);
            a.Y[i * 4] = (float)(d.Low + d.Width * Philox.Uniform(words.X));
            if (i * 4 + 1 < d.Count) { a.Y[i * 4 + 1] = (float)(d.Low + d.Width * Philox.Uniform(words.Y)); }
            if (i * 4 + 2 < d.Count) { a.Y[i * 4 + 2] = (float)(d.Low + d.Width * Philox.Uniform(words.Z)); }
            if (i * 4 + 3 < d.Count) { a.Y[i * 4 + 3] = (float)(d.Low + d.Width * Philox.Uniform(words.W)); }
        }
    }

    internal static void Fill64(Args64 a)
    {
        var d = a.Draw;
        for (var i = Grid.IdxX * Group.DimX + Group.IdxX; i * 4 < d.Count; i += Grid.DimX * Group.DimX)
        {
            var words = Philox.At(d.Seed, d.Stream, (ulong)(uint)i);
            a.Y[i * 4] = d.Low + d.Width * Philox.Uniform(words.X);
            if (i * 4 + 1 < d.Count) { a.Y[i * 4 + 1] = d.Low + d.Width * Philox.Uniform(words.Y); }
            if (i * 4 + 2 < d.Count) { a.Y[i * 4 + 2] = d.Low + d.Width * Philox.Uniform(words.Z); }
            if (i * 4 + 3 < d.Count) { a.Y[i * 4 + 3] = d.Low + d.Width * Philox.Uniform(words.W); }
        }
    }

    internal struct Args
    {
        public double Low, Width;
        public ulong Seed, Stream;
        public int Count;
    }

    internal struct Args32
    {
        public ArrayView<float> Y;
        public Args Draw;
    }

    internal struct Args64
    {
        public ArrayView<double> Y;
        public Args Draw;
    }
}
