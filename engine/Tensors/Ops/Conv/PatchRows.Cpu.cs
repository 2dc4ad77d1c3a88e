using System;
using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>im2col with one window per row, and its adjoint for channels-last x.</summary>
internal static unsafe class PatchRows<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int Grain = 1 << 14;

    /// <summary>col[row, window] ← x for output positions [from, from + rows) of all images. The order within a window is (kd, kh, kw, c)
    /// where x has its channels last, else (c, kd, kh, kw).</summary>
    public static void Fill(ConvGeometry g, T* x, long from, int rows, T* col) =>
        Simd.Run<T, FillKernel>(new FillKernel(g, x, from, rows, col));

    /// <summary>dx ← the sum over taps of col [images·positions, (taps, C)].</summary>
    public static void Fold(ConvGeometry g, T* col, int images, T* dx) => Simd.Run<T, FoldKernel>(new FoldKernel(g, col, images, dx));

    private readonly struct FillKernel(ConvGeometry g, T* x, long from, int rows, T* col) : ISimdKernel<T>
    {
        public void Run<R>() where R : struct, ISimd<R, T>
        {
            var self = this;
            CpuThreads.ForRange(rows, Math.Max(1, Grain / g.Depth), (first, end) =>
            {
                for (var row = first; row < end; row++) { self.Window<R>(self.Start + row, self.Target(row)); }
            });
        }

        private long Start => from;

        private T* Target(long row) => col + row * g.Depth;

        private void Window<R>(long position, T* to) where R : struct, ISimd<R, T>
        {
            (position, var ow) = Math.DivRem(position, g.W.Out);
            (position, var oh) = Math.DivRem(position, g.H.Out);
            var (b, od) = Math.DivRem(position, g.D.Out);
            var image = x + b * g.Channels * g.Inputs;
            var (planes, width) = g.XLast ? (1, g.Channels) : (g.Channels, 1);
            var w = g.W.At((int)ow, 0);
            for (var plane = 0; plane < planes; plane++)
            {
                for (var kd = 0; kd < g.D.Kernel; kd++)
                {
                    var d = g.D.At((int)od, kd);
                    for (var kh = 0; kh < g.H.Kernel; kh++)
                    {
                        var h = g.H.At((int)oh, kh);
                        var isInside = (uint)d < (uint)g.D.Size && (uint)h < (uint)g.H.Size;
                        var isLast = plane == planes - 1 && kd == g.D.Kernel - 1 && kh == g.H.Kernel - 1;
                        var source = image + ((((long)plane * g.D.Size + d) * g.H.Size + h) * g.W.Size + w) * width;
                        if (isInside) { Taps<R>(source, w, to, isLast); }
                        else { new Span<T>(to, g.W.Kernel * width).Clear(); }
                        to += g.W.Kernel * width;
                    }
                }
            }
        }

        // The kw taps of one row of the window. A run shorter than a vector may spill into the next run's place, which is written after
        // it, unless it is the window's last or the read would pass the end of its image row.
        private void Taps<R>(T* source, int w, T* to, bool isLast) where R : struct, ISimd<R, T>
        {
            int width = g.XLast ? g.Channels : 1, run = g.W.Kernel * width;
            var span = (g.W.Kernel - 1) * g.W.Dilation + 1;
            if (g.W.Dilation == 1 && w >= 0 && w + span <= g.W.Size)
            {
                if (run <= R.Count && !isLast && w * width + R.Count <= g.W.Size * width) { R.Load(source).Store(to); }
                else { Copy<R>(source, to, run); }
                return;
            }

            for (var kw = 0; kw < g.W.Kernel; kw++, to += width)
            {
                var at = w + kw * g.W.Dilation;
                if ((uint)at < (uint)g.W.Size) { Copy<R>(source + (long)kw * g.W.Dilation * width, to, width); }
                else { new Span<T>(to, width).Clear(); }
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
