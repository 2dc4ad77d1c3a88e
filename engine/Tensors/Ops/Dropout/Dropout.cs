using System;
using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

public static partial class F
{
    /// <summary>Each element is 0 with probability p, else x/(1 − p). Element i is dropped when word i of Philox(seed, stream) is below p: the
    /// mask has the same bits on every device, is never stored and is drawn again by the backward. p = 0 gives x itself. Srivastava et al. 2014.</summary>
    /// <param name="x">Any shape.</param> <param name="p">Probability of dropping, in [0, 1].</param> <param name="seed">Key of the mask.</param>
    /// <param name="stream">One per layer and step.</param>
    /// <exception cref="ShapeException">p is no probability.</exception>
    public static Tensor Dropout(Tensor x, double p, ulong seed, ulong stream) => DropOp.Apply("dropout", x, p, seed, stream, perSample: false);

    /// <summary>Each sample (index of axis 0) is 0 with probability p, else x/(1 − p): stochastic depth. Huang et al. 2016. The mask is drawn as
    /// in <see cref="Dropout"/>, one word per sample.</summary>
    /// <inheritdoc cref="Dropout"/>
    public static Tensor DropPath(Tensor x, double p, ulong seed, ulong stream) => DropOp.Apply("drop_path", x, p, seed, stream, perSample: true);
}

/// <summary>Random zeroing of runs of equal length.</summary>
internal static class DropOp
{
    public static Tensor Apply(string op, Tensor x, double p, ulong seed, ulong stream, bool perSample)
    {
        Check.SameFloat(op, x);
        Check.That(p is >= 0 and <= 1, $"{op}: p is {p}, expected a probability in [0, 1]");
        Check.That(!perSample || x.Rank > 0, $"{op}: x is a scalar, expected [N, ...]");
        if (p == 0) { return x; }
        var run = perSample ? Math.Max(1, x.Count / Math.Max(1, x.Shape[0])) : 1;
        return Tape.Record(Run(x, p, seed, stream, run), new Grad(op, p, seed, stream, run), x);
    }

    private static Tensor Run(Tensor x, double p, ulong seed, ulong stream, long run)
    {
        using var noGrad = GradMode.NoGrad();
        var y = Tensor.EmptyLike(x);
        if (y.Count > 0) { Kernel.Run(x, new Launch(x.Contiguous(), y, p, seed, stream, run)); }
        return y;
    }

    // A word is compared by its upper 24 bits as an integer, which no device rounds.
    private readonly struct Launch(Tensor x, Tensor y, double p, ulong seed, ulong stream, long run) : IOpKernel
    {
        private uint Threshold => (uint)Math.Round(p * (1 << 24));

        private double Scale => p < 1 ? 1 / (1 - p) : 0;

        public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T> => DropCpu.Run(
            x.Pointer<T>(), y.Pointer<T>(), x.Count, run, Threshold, T.CreateTruncating(Scale), seed, stream);

        public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R> => device.LaunchElements(DropGpu.Run, x.Count, new DropGpu.Args<R>
        {
            X = x.View<R>(),
            Y = y.View<R>(),
            Count = checked((int)x.Count),
            Run = checked((int)run),
            Threshold = Threshold,
            Scale = R.Of(Scale),
            Seed = seed,
            Stream = stream,
        });
    }

    private sealed class Grad(string op, double p, ulong seed, ulong stream, long run) : GradFn
    {
        public override string Name => op;

        protected internal override Tensor?[] Backward(Tensor dy) => [Run(dy, p, seed, stream, run)];
    }
}
