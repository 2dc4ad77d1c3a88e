using System;
using System.Numerics;
using System.Runtime.Intrinsics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>im2col with one window per row, and its adjoint for channels-last x.</summary>
internal static unsafe class PatchRows<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int Grain = 1 << 14;

    /// <summary>col[row, window] ← x for output positions [from, from + rows) of all images. The order within a window is (kd,
    /// kh, kw, c) where x has its channels last, else (c, kd, kh, kw).</summary>
    public static void Fill(ConvGeometry g, T* x, long from, int rows, T* col) =>
        Simd.Run<T, FillKernel>(new FillKernel(g, x, from, rows, col));

    /// <summary>dx ← the sum over taps of col [images·positions, (taps, C)].</summary>
    public static void Fold(ConvGeometry g, T* col, int images, T* dx) =>
        Simd.Run<T, FoldKernel>(new FoldKernel(g, col, images, dx));

    private readonly struct FillKernel(ConvGeometry g, T* x, long from, int rows, T* col) : ISimdKernel<T>
    {
        public void Run<R>() where R : struct, ISimd<R, T>
        {
            var self = this;
            CpuThreads.ForRange(rows, Math.Max(1, Grain / g.Depth), (first, end) => self.Windows<R>(first, end));
        }

        private void Windows<R>(long first, long end) where R : struct, ISimd<R, T>
        {
            var (row, ow) = Math.DivRem(from + first, g.W.Out);
            for (var to = col + first * g.Depth; first < end; row++, ow = 0)
            {
                var (slice, oh) = Math.DivRem(row, g.H.Out);
                var (b, od) = Math.DivRem(slice, g.D.Out);
                int d = g.D.At((int)od, 0), h = g.H.At((int)oh, 0), width = g.XLast ? g.Channels : 1;
                var line = b * g.Channels * g.Inputs + ((long)d * g.H.Size + h) * g.W.Size * width;
                var isInside = d >= 0 && h >= 0 && d + Reach(g.D) < g.D.Size && h + Reach(g.H) < g.H.Size && g.W.Dilation == 1;
                for (; ow < g.W.Out && first < end; ow++, first++, to += g.Depth)
                {
                    var w = g.W.At((int)ow, 0);
                    if (isInside && w >= 0 && w + g.W.Kernel <= g.W.Size) { InsideWindow<R>(line + (long)w * width, to); }
                    else { BorderWindow<R>(x + line + (long)w * width, d, h, w, to); }
                }
            }
        }

        private static int Reach(ConvAxis axis) => (axis.Kernel - 1) * axis.Dilation;

        // Runs of kw·width neighbours. A run of up to 32 bytes is copied as 32: what spills into the next run's place is written
        // after it. No run spills past its window, whose neighbour another thread may have written, or reads past the end of x.
        private void InsideWindow<R>(long source, T* to) where R : struct, ISimd<R, T>
        {
            var (planes, width) = g.XLast ? (1, g.Channels) : (g.Channels, 1);
            var run = g.W.Kernel * width;
            long line = (long)g.H.Dilation * g.W.Size * width, slice = (long)g.D.Dilation * g.H.Size * g.W.Size * width;
            T* lastSpill = to + g.Depth - 32 / sizeof(T), spillEnd = x + (long)g.Batch * g.Channels * g.Inputs - 32 / sizeof(T);
            for (var plane = 0; plane < planes; plane++)
            {
                for (var kd = 0; kd < g.D.Kernel; kd++)
                {
                    var next = x + source + plane * (long)g.Inputs + kd * slice;
                    for (var kh = 0; kh < g.H.Kernel; kh++, next += line, to += run)
                    {
                        if (run * sizeof(T) <= 32 && to <= lastSpill && next <= spillEnd)
                        {
                            Vector256.Load((byte*)next).Store((byte*)to);
                        }
                        else { Copy<R>(next, to, run); }
                    }
                }
            }
        }

        private void BorderWindow<R>(T* source, int d, int h, int w, T* to) where R : struct, ISimd<R, T>
        {
            var (planes, width) = g.XLast ? (1, g.Channels) : (g.Channels, 1);
            int low = 0, high = g.W.Kernel, step = g.W.Dilation;
            while (low < high && w + low * step < 0) { low++; }
            while (high > low && w + (high - 1) * step >= g.W.Size) { high--; }
            for (var i = 0; i < planes * g.D.Kernel * g.H.Kernel; i++, to += g.W.Kernel * width)
            {
                var (rest, kh) = Math.DivRem(i, g.H.Kernel);
                var (plane, kd) = Math.DivRem(rest, g.D.Kernel);
                int dd = kd * g.D.Dilation, dh = kh * g.H.Dilation;
                new Span<T>(to, g.W.Kernel * width).Clear();
                if ((uint)(d + dd) >= (uint)g.D.Size || (uint)(h + dh) >= (uint)g.H.Size) { continue; }
                var line = source + (((long)plane * g.D.Size + dd) * g.H.Size + dh) * g.W.Size * width;
                if (step == 1) { Copy<R>(line + low * width, to + low * width, (high - low) * width); }
                else
                {
                    for (var kw = low; kw < high; kw++) { Copy<R>(line + (long)kw * step * width, to + kw * width, width); }
                }
            }
        }

        private static void Copy<R>(T* source, T* to, int count) where R : struct, ISimd<R, T>
        {
            var i = 0;
            for (; i + R.Count <= count; i += R.Count) { R.Load(source + i).Store(to + i); }
            for (; i < count; i++) { to[i] = source[i]; }
        }
    }

    private readonly struct FoldKernel(ConvGeometry g, T* col, int images, T* dx) : ISimdKernel<T>
    {
        public void Run<R>() where R : struct, ISimd<R, T>
        {
            var self = this;
            var rowWork = (long)g.W.Size * g.Channels * g.Taps;
            CpuThreads.ForRange((long)images * g.D.Size * g.H.Size, Math.Max(1, Grain / rowWork), (first, end) =>
            {
                var rows = stackalloc T*[self.RowTaps];
                var parts = stackalloc T*[self.AllTaps];
                for (var row = first; row < end; row++) { self.Row<R>(row, rows, parts); }
            });
        }

        private int RowTaps => g.D.Kernel * g.H.Kernel;

        private int AllTaps => g.Taps;

        private void Row<R>(long row, T** rows, T** parts) where R : struct, ISimd<R, T>
        {
            var (plane, h) = Math.DivRem(row, g.H.Size);
            var (b, d) = Math.DivRem(plane, g.D.Size);
            for (var tap = 0; tap < RowTaps; tap++)
            {
                var (kd, kh) = Math.DivRem(tap, g.H.Kernel);
                int od = g.D.OutputOf((int)d, kd), oh = g.H.OutputOf((int)h, kh);
                var position = ((b * g.D.Out + od) * g.H.Out + oh) * g.W.Out;
                rows[tap] = od < 0 || oh < 0 ? null : col + position * g.Depth + (long)tap * g.W.Kernel * g.Channels;
            }

            var target = dx + row * g.W.Size * g.Channels;
            for (var w = 0; w < g.W.Size; w++) { Sum<R>(parts, Gather(rows, parts, w), target + (long)w * g.Channels); }
        }

        private int Gather(T** rows, T** parts, int w)
        {
            var count = 0;
            for (var kw = 0; kw < g.W.Kernel; kw++)
            {
                var ow = g.W.OutputOf(w, kw);
                if (ow < 0) { continue; }
                for (var tap = 0; tap < RowTaps; tap++)
                {
                    if (rows[tap] is not null) { parts[count++] = rows[tap] + (long)ow * g.Depth + (long)kw * g.Channels; }
                }
            }

            return count;
        }

        private void Sum<R>(T** parts, int count, T* to) where R : struct, ISimd<R, T>
        {
            var c = 0;
            for (; c + R.Count <= g.Channels; c += R.Count)
            {
                var sum = R.Of(0);
                for (var i = 0; i < count; i++) { sum += R.Load(parts[i] + c); }
                sum.Store(to + c);
            }

            for (; c < g.Channels; c++)
            {
                var sum = T.Zero;
                for (var i = 0; i < count; i++) { sum += parts[i][c]; }
                to[c] = sum;
            }
        }
    }
}
