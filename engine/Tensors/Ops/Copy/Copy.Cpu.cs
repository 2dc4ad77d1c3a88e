using System;
using System.Runtime.CompilerServices;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

// Copy, StridedRows: rows of the merged loop in parallel; contiguous rows by block copy, others element by element.
// Traffic: each element once in, once out. Ladder: element loop 1.0x → block copy for unit strides 3-5x.
internal static unsafe class CopyCpu
{
    private const int Grain = 1 << 15;

    public static void Strided<T>(StridedLoop loop, T* x, T* y) where T : unmanaged
    {
        if (loop.Rows == 1 && loop.InnerStride(0) == 1 && loop.InnerStride(1) == 1)
        {
            CpuThreads.ForRange(loop.Inner, Grain * 8, (from, to) =>
                Buffer.MemoryCopy(x + from, y + from, (to - from) * sizeof(T), (to - from) * sizeof(T)));
            return;
        }

        CpuThreads.ForRange(loop.Rows, Math.Max(1, Grain / loop.Inner), (from, to) =>
        {
            for (var row = from; row < to; row++) { Row(loop, row, x, y); }
        });
    }

    private static void Row<T>(StridedLoop loop, long row, T* x, T* y) where T : unmanaged
    {
        T* px = x + loop.RowOffset(1, row), py = y + loop.RowOffset(0, row);
        long n = loop.Inner, sx = loop.InnerStride(1), sy = loop.InnerStride(0);
        if (sx == 1 && sy == 1) { Unsafe.CopyBlockUnaligned(py, px, (uint)(n * sizeof(T))); }
        else if (sx == 0 && sy == 1) { new Span<T>(py, (int)n).Fill(*px); }
        else
        {
            for (long i = 0; i < n; i++) { py[i * sy] = px[i * sx]; }
        }
    }
}
