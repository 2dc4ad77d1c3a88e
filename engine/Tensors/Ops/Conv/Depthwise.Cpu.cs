using System;
using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>A zero-bordered copy of one plane, so that the taps of a window need no bounds. For y and dw it holds x between its
/// padding; for dx it holds dy spread by the stride, over which the taps run backwards.</summary>
internal readonly struct PaddedPlane
{
    public readonly int Pitch, Slice, Count;
    private readonly ConvGeometry _g;
    private readonly bool _isGradient;

    public PaddedPlane(ConvGeometry g, bool isGradient, int vector)
    {
        (_g, _isGradient) = (g, isGradient);
        Pitch = Length(g.W) + vector; // the last vector of a row reads past it
        Slice = Pitch * Length(g.H);
        Count = Slice * Length(g.D) + vector;
    }

    /// <summary>Copies a plane of x (of dy) into the middle.</summary>
    public unsafe void Fill<T>(T* plane, T* buffer) where T : unmanaged
    {
        new Span<T>(buffer, Count).Clear();
        var (depth, height, width) = _isGradient ? (_g.D.Out, _g.H.Out, _g.W.Out) : (_g.D.Size, _g.H.Size, _g.W.Size);
        for (var d = 0; d < depth; d++)
        {
            for (var h = 0; h < height; h++, plane += width)
            {
                var row = buffer + At(_g.D, d) * Slice + At(_g.H, h) * Pitch + Border(_g.W);
                if (!_isGradient || _g.W.Stride == 1) { new Span<T>(plane, width).CopyTo(new Span<T>(row, width)); }
                else
                {
                    for (var w = 0; w < width; w++) { row[w * _g.W.Stride] = plane[w]; }
                }
            }
        }
    }

    /// <summary>Where each tap lies relative to an output's first.</summary>
    public int[] Offsets()
    {
        var offsets = new int[_g.Taps];
        for (var tap = 0; tap < offsets.Length; tap++)
        {
            var (rest, kw) = Math.DivRem(tap, _g.W.Kernel);
            var (kd, kh) = Math.DivRem(rest, _g.H.Kernel);
            offsets[tap] = Tap(_g.D, kd) * Slice + Tap(_g.H, kh) * Pitch + Tap(_g.W, kw);
        }

        return offsets;
    }

    private static int Reach(ConvAxis axis) => (axis.Kernel - 1) * axis.Dilation;

    private int Border(ConvAxis axis) => _isGradient ? Reach(axis) : axis.Padding;

    private int Length(ConvAxis axis) => axis.Size + 2 * axis.Padding + (_isGradient ? Reach(axis) : 0);

    private int At(ConvAxis axis, int i) => Border(axis) + (_isGradient ? i * axis.Stride : i);

    private int Tap(ConvAxis axis, int k) => _isGradient ? axis.Padding + Reach(axis) - k * axis.Dilation : k * axis.Dilation;
}

// Conv, PaddedPlane: with one input channel per group each plane is copied once between zeros, then a vector of outputs sums its
// taps in registers (single values where the stride is not 1). Planes are independent; taps, then images, add in order. Traffic:
// x and y once from memory, taps times from L1. Ladder: tap-wise passes over rows 1.0x → taps in registers over a padded plane.
internal static unsafe class DepthwiseCpu<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int Grain = 1 << 14;

    public static void Forward(ConvGeometry g, T* x, T* weight, T* bias, T* y) =>
        Simd.Run<T, ForwardKernel>(new ForwardKernel(g, x, weight, bias, y));

    public static void InputGrad(ConvGeometry g, T* dy, T* weight, T* dx) =>
        Simd.Run<T, InputKernel>(new InputKernel(g, dy, weight, dx));

    public static void WeightGrad(ConvGeometry g, T* dy, T* x, T* dw) =>
        Simd.Run<T, WeightKernel>(new WeightKernel(g, dy, x, dw));

    private static long PlanesPerTask(ConvGeometry g) => Math.Max(1, Grain / ((long)Math.Max(g.Positions, g.Inputs) * g.Taps));

    // to[i] (+)= start + Σ weight·from[i·step + offset] along one row. The row's last vector overlaps the one before it.
    private static void Row<R>(T* from, int step, int* offsets, T* weight, int taps, T start, T* to, int count, bool add)
        where R : struct, ISimd<R, T>
    {
        var i = 0;
        if (step == 1 && !add && count >= R.Count)
        {
            for (; i < count; i += R.Count)
            {
                i = Math.Min(i, count - R.Count);
                var sum = R.Broadcast(start);
                for (var tap = 0; tap < taps; tap++)
                {
                    sum = R.MultiplyAdd(R.Broadcast(weight[tap]), R.Load(from + i + offsets[tap]), sum);
                }
                sum.Store(to + i);
            }
        }

        for (; i < count; i++)
        {
            var sum = start;
            for (var tap = 0; tap < taps; tap++) { sum = T.MultiplyAddEstimate(weight[tap], from[i * step + offsets[tap]], sum); }
            to[i] = add ? to[i] + sum : sum;
        }
    }

    private readonly struct ForwardKernel(ConvGeometry g, T* x, T* weight, T* bias, T* y) : ISimdKernel<T>
    {
        public void Run<R>() where R : struct, ISimd<R, T>
        {
            var self = this;
            var padded = new PaddedPlane(g, isGradient: false, R.Count);
            var offsets = padded.Offsets();
            CpuThreads.ForRange((long)g.Batch * g.Outputs, PlanesPerTask(g), (first, end) =>
            {
                using var scratch = ConvCpu<T>.Scratch(padded.Count);
                fixed (int* taps = offsets)
                {
                    for (var plane = first; plane < end; plane++) { self.Plane<R>(plane, padded, scratch.Pointer<T>(), taps); }
                }
            });
        }

        private void Plane<R>(long plane, PaddedPlane padded, T* buffer, int* offsets) where R : struct, ISimd<R, T>
        {
            var output = (int)(plane % g.Outputs);
            padded.Fill(x + plane / g.GroupOutputs * g.Inputs, buffer);
            for (var row = 0; row < g.Rows; row++)
            {
                var from = buffer + row / g.H.Out * g.D.Stride * padded.Slice + row % g.H.Out * g.H.Stride * padded.Pitch;
                Row<R>(from, g.W.Stride, offsets, weight + output * g.Taps, g.Taps, bias is null ? T.Zero : bias[output],
                    y + plane * g.Positions + (long)row * g.W.Out, g.W.Out, add: false);
            }
        }
    }

    private readonly struct InputKernel(ConvGeometry g, T* dy, T* weight, T* dx) : ISimdKernel<T>
    {
        public void Run<R>() where R : struct, ISimd<R, T>
        {
            var self = this;
            var padded = new PaddedPlane(g, isGradient: true, R.Count);
            var offsets = padded.Offsets();
            CpuThreads.ForRange((long)g.Batch * g.Channels, PlanesPerTask(g), (first, end) =>
            {
                using var scratch = ConvCpu<T>.Scratch(padded.Count);
                fixed (int* taps = offsets)
                {
                    for (var plane = first; plane < end; plane++) { self.Plane<R>(plane, padded, scratch.Pointer<T>(), taps); }
                }
            });
        }

        private void Plane<R>(long plane, PaddedPlane padded, T* buffer, int* offsets) where R : struct, ISimd<R, T>
        {
            for (var i = 0; i < g.GroupOutputs; i++)
            {
                padded.Fill(dy + (plane * g.GroupOutputs + i) * g.Positions, buffer);
                var w = weight + (plane % g.Channels * g.GroupOutputs + i) * g.Taps;
                for (var row = 0; row < g.D.Size * g.H.Size; row++)
                {
                    var from = buffer + row / g.H.Size * padded.Slice + row % g.H.Size * padded.Pitch;
                    Row<R>(from, 1, offsets, w, g.Taps, T.Zero, dx + plane * g.Inputs + (long)row * g.W.Size, g.W.Size,
                        add: i > 0);
                }
            }
        }
    }

    private readonly struct WeightKernel(ConvGeometry g, T* dy, T* x, T* dw) : ISimdKernel<T>
    {
        public void Run<R>() where R : struct, ISimd<R, T>
        {
            var self = this;
            var padded = new PaddedPlane(g, isGradient: false, R.Count);
            var offsets = padded.Offsets();
            CpuThreads.ForRange(g.Outputs, 1, (first, end) =>
            {
                var pitch = (self.Width + R.Count - 1) / R.Count * R.Count;
                using var scratch = ConvCpu<T>.Scratch(padded.Count + (long)self.Rows * pitch);
                fixed (int* taps = offsets)
                {
                    for (var output = first; output < end; output++)
                    {
                        self.Output<R>(output, padded, scratch.Pointer<T>(), taps, pitch);
                    }
                }
            });
        }

        private int Width => g.W.Out;

        private int Rows => g.Rows;

        private void Output<R>(long output, PaddedPlane padded, T* buffer, int* offsets, int pitch) where R : struct, ISimd<R, T>
        {
            var sums = dw + output * g.Taps;
            var rows = buffer + padded.Count;
            new Span<T>(sums, g.Taps).Clear();
            for (var b = 0; b < g.Batch; b++)
            {
                padded.Fill(x + (b * g.Channels + output / g.GroupOutputs) * g.Inputs, buffer);
                var from = dy + (b * g.Outputs + output) * g.Positions;
                for (var row = 0; row < g.Rows; row++)
                {
                    new Span<T>(from + (long)row * g.W.Out, g.W.Out).CopyTo(new Span<T>(rows + (long)row * pitch, g.W.Out));
                    new Span<T>(rows + (long)row * pitch + g.W.Out, pitch - g.W.Out).Clear();
                }

                for (var tap = 0; tap < g.Taps; tap++)
                {
                    sums[tap] += Correlation<R>(rows, pitch, buffer + offsets[tap], padded);
                }
            }
        }

        // Σ dy·x over one plane at one tap. Rows of dy end in zeros up to a whole vector, beside which x has its border.
        private T Correlation<R>(T* dyRow, int pitch, T* plane, PaddedPlane padded) where R : struct, ISimd<R, T>
        {
            var vectors = R.Of(0);
            var rest = T.Zero;
            for (var row = 0; row < g.Rows; row++, dyRow += pitch)
            {
                var from = plane + row / g.H.Out * g.D.Stride * padded.Slice + row % g.H.Out * g.H.Stride * padded.Pitch;
                if (g.W.Stride == 1)
                {
                    for (var i = 0; i < pitch; i += R.Count)
                    {
                        vectors = R.MultiplyAdd(R.Load(dyRow + i), R.Load(from + i), vectors);
                    }
                }
                else
                {
                    for (var i = 0; i < g.W.Out; i++) { rest = T.MultiplyAddEstimate(dyRow[i], from[i * g.W.Stride], rest); }
                }
            }

            return vectors.SumLanes() + rest;
        }
    }
}
