using System;
using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

// Conv, ShiftedRows: with one input channel per group an output row is the sum of taps times shifted input rows, all in L1.
// Planes are independent; taps, then images, add in order. Traffic: x and y once from memory, taps times from L1.
internal static unsafe class DepthwiseCpu<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int Grain = 1 << 14;

    public static void Forward(ConvGeometry g, T* x, T* weight, T* bias, T* y) =>
        Simd.Run<T, ForwardKernel>(new ForwardKernel(g, x, weight, bias, y));

    public static void InputGrad(ConvGeometry g, T* dy, T* weight, T* dx) => Simd.Run<T, InputKernel>(new InputKernel(g, dy, weight, dx));

    public static void WeightGrad(ConvGeometry g, T* dy, T* x, T* dw) => Simd.Run<T, WeightKernel>(new WeightKernel(g, dy, x, dw));

    private static long PlanesPerTask(ConvGeometry g) => Math.Max(1, Grain / ((long)g.Positions * g.Taps));

    // Where a tap of an output row lies in an input plane, and which outputs of the row it reaches.
    private static bool Reach(ConvGeometry g, int tap, int row, out int offset, out int low, out int high)
    {
        var (rest, kw) = Math.DivRem(tap, g.W.Kernel);
        var (kd, kh) = Math.DivRem(rest, g.H.Kernel);
        var (od, oh) = Math.DivRem(row, g.H.Out);
        int d = g.D.At(od, kd), h = g.H.At(oh, kh);
        (low, high) = (g.W.First(kw), g.W.End(kw));
        offset = (d * g.H.Size + h) * g.W.Size + g.W.At(low, kw);
        return (uint)d < (uint)g.D.Size && (uint)h < (uint)g.H.Size && low < high;
    }

    private readonly struct ForwardKernel(ConvGeometry g, T* x, T* weight, T* bias, T* y) : ISimdKernel<T>
    {
        public void Run<R>() where R : struct, ISimd<R, T>
        {
            var self = this;
            CpuThreads.ForRange((long)g.Batch * g.Outputs, PlanesPerTask(g), (first, end) =>
            {
                for (var plane = first; plane < end; plane++) { self.Plane<R>(plane); }
            });
        }

        private void Plane<R>(long plane) where R : struct, ISimd<R, T>
        {
            var output = (int)(plane % g.Outputs);
            T* from = x + plane / g.GroupOutputs * g.Inputs, to = y + plane * g.Positions;
            for (var row = 0; row < g.Rows; row++, to += g.W.Out)
            {
                new Span<T>(to, g.W.Out).Fill(bias is null ? T.Zero : bias[output]);
                for (var tap = 0; tap < g.Taps; tap++)
                {
                    if (!Reach(g, tap, row, out var offset, out var low, out var high)) { continue; }
                    var w = weight[output * g.Taps + tap];
                    if (g.W.Stride == 1) { ConvRows.AddScaled<R, T>(to + low, from + offset, w, high - low); }
                    else
                    {
                        for (var o = low; o < high; o++) { to[o] += w * from[offset + (o - low) * g.W.Stride]; }
                    }
                }
            }
        }
    }

    private readonly struct InputKernel(ConvGeometry g, T* dy, T* weight, T* dx) : ISimdKernel<T>
    {
        public void Run<R>() where R : struct, ISimd<R, T>
        {
            var self = this;
            CpuThreads.ForRange((long)g.Batch * g.Channels, PlanesPerTask(g), (first, end) =>
            {
                for (var plane = first; plane < end; plane++) { self.Plane<R>(plane); }
            });
        }

        private void Plane<R>(long plane) where R : struct, ISimd<R, T>
        {
            var to = dx + plane * g.Inputs;
            new Span<T>(to, g.Inputs).Clear();
            for (var i = 0; i < g.GroupOutputs; i++)
            {
                var from = dy + (plane * g.GroupOutputs + i) * g.Positions;
                var w = weight + (plane % g.Channels * g.GroupOutputs + i) * g.Taps;
                for (var row = 0; row < g.Rows; row++, from += g.W.Out) { Row<R>(row, from, w, to); }
            }
        }

        private void Row<R>(int row, T* from, T* w, T* to) where R : struct, ISimd<R, T>
        {
            for (var tap = 0; tap < g.Taps; tap++)
            {
                if (!Reach(g, tap, row, out var offset, out var low, out var high)) { continue; }
                if (g.W.Stride == 1) { ConvRows.AddScaled<R, T>(to + offset, from + low, w[tap], high - low); }
                else
                {
                    for (var o = low; o < high; o++) { to[offset + (o - low) * g.W.Stride] += w[tap] * from[o]; }
                }
            }
        }
    }

    private readonly struct WeightKernel(ConvGeometry g, T* dy, T* x, T* dw) : ISimdKernel<T>
    {
        public void Run<R>() where R : struct, ISimd<R, T>
        {
            var self = this;
            CpuThreads.ForRange(g.Outputs, 1, (first, end) =>
            {
                for (var output = first; output < end; output++) { self.Output<R>(output); }
            });
        }

        private void Output<R>(long output) where R : struct, ISimd<R, T>
        {
            var sums = dw + output * g.Taps;
            new Span<T>(sums, g.Taps).Clear();
            for (var b = 0; b < g.Batch; b++)
            {
                var from = x + (b * g.Channels + output / g.GroupOutputs) * g.Inputs;
                var dyRow = dy + (b * g.Outputs + output) * g.Positions;
                for (var row = 0; row < g.Rows; row++, dyRow += g.W.Out) { Row<R>(row, dyRow, from, sums); }
            }
        }

        private void Row<R>(int row, T* dyRow, T* from, T* sums) where R : struct, ISimd<R, T>
        {
            for (var tap = 0; tap < g.Taps; tap++)
            {
                if (!Reach(g, tap, row, out var offset, out var low, out var high)) { continue; }
                if (g.W.Stride == 1) { sums[tap] += ConvRows.Dot<R, T>(dyRow + low, from + offset, high - low); }
                else
                {
                    var sum = T.Zero;
                    for (var o = low; o < high; o++) { sum += dyRow[o] * from[offset + (o - low) * g.W.Stride]; }
                    sums[tap] += sum;
                }
            }
        }
    }
}
