using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace FlorenceKernels.Tensors;

/// <summary>Copies blocks of A and B into the order in which the micro-kernel walks them.</summary>
internal static unsafe class GemmPack<TL, TV, T>
    where TL : struct, ILanes<TV, T>
    where TV : unmanaged
    where T : unmanaged
{
    private const int RowsAtOnce = 4;
    private const int RowsAhead = 8;

    /// <summary>B[k, columns] → panel[k][width], columns past the last one zero. width is one or two vectors.</summary>
    public static void BPanel(T* b, nint bRow, nint bCol, nint k, int columns, T* panel, int width)
    {
        if (columns < width)
        {
            new Span<T>(panel, checked((int)(k * width))).Clear();
        }
        if (bCol == 1)
        {
            CopyTiles(b, bRow, k, columns, panel, width, 0);
        }
        else if (bRow == 1)
        {
            Transpose(b, bCol, columns, k, panel, width);
        }
        else
        {
            Gather(b, bCol, bRow, columns, k, panel, width);
        }
    }

    /// <summary>B[k, panels · width] with unit column stride → panel after panel, each [k][width]; rows are read from end to
    /// end.</summary>
    public static void BPanels(T* b, nint bRow, nint k, int panels, T* target, int width)
    {
        for (nint i = 0; i < k; i++, b += bRow, target += width)
        {
            var to = target;
            for (nint column = 0; column < (nint)panels * width; column += width, to += k * width)
            {
                TL.Store(to, TL.Load(b + column));
                TL.Store(to + TL.Count, TL.Load(b + column + TL.Count));
            }
        }
    }

    /// <summary>A[rows, k] with unit column stride → block[row][k]: contiguous, so that the rows of a tile never share a cache
    /// set.</summary>
    public static void ARows(T* a, nint aRow, int rows, nint k, T* block)
    {
        for (var r = 0; r < rows; r++)
        {
            CopyRow(a + r * aRow, k, block + r * k);
        }
    }

    /// <summary>Elements from one tile of A to the next: an odd number of cache lines, so that the same row of many tiles falls into as
    /// many sets.</summary>
    public static nint TileStride(nint k, int tileRows) => ((k * tileRows * sizeof(T) + 63) / 64 | 1) * 64 / sizeof(T);

    /// <summary>A[rows, k] with unit row stride, or any strides → tile after tile, each [k][tileRows], TileStride apart.</summary>
    public static void ATiles(T* a, nint aRow, nint aCol, int rows, nint k, T* block, int tileRows)
    {
        var stride = TileStride(k, tileRows);
        if (aRow == 1)
        {
            CopyTiles(a, aCol, k, rows, block, tileRows, stride);
            return;
        }
        for (var m = 0; m < rows; m += tileRows, block += stride)
        {
            Gather(a + m * aRow, aRow, aCol, Math.Min(tileRows, rows - m), k, block, tileRows);
        }
    }

    // source[k][columns] → tiles of [k][width], a few rows at a time: whole lines of a tile are written before the next tile's, and what
    // that costs the prefetchers, which follow one row best, is asked for by hand.
    // Ladder, ms of dW on one core, 1536: 768x192 / 6272: 768x192 / 25088: 384x96:
    //   one row at a time 4.60 / 20.4 / 19.0; eight rows 4.50 / 18.9 / 21.3, rows eight ahead prefetched 4.39 / 18.6 / 20.5;
    //   four rows 4.50 / 18.7 / 21.0, rows eight ahead prefetched (this) 4.23 / 18.6 / 20.4.
    private static void CopyTiles(T* source, nint sourceRow, nint k, int columns, T* target, int width, nint stride)
    {
        for (nint i = 0; i < k; i += RowsAtOnce, source += RowsAtOnce * sourceRow, target += RowsAtOnce * width)
        {
            var rows = Math.Min(RowsAtOnce, k - i);
            var to = target;
            nint column = 0;
            for (; column + width <= columns; column += width, to += stride)
            {
                CopyRows((byte*)(source + column), sourceRow * sizeof(T), rows, width * sizeof(T), (byte*)to, width * sizeof(T));
            }
            CopyRows((byte*)(source + column), sourceRow * sizeof(T), rows, (columns - (int)column) * sizeof(T), (byte*)to, width * sizeof(T));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CopyRows(byte* source, nint sourceRow, nint rows, int bytes, byte* target, nint targetRow)
    {
        for (; rows > 0; rows--, source += sourceRow, target += targetRow)
        {
            if (bytes != 48)
            {
                CopyBytes(source, bytes, target);
                continue;
            }
            if (Sse.IsSupported)
            {
                Sse.Prefetch0(source + RowsAhead * sourceRow);
            }
            Vector256.Store(Vector256.Load(source), target);
            Vector128.Store(Vector128.Load(source + 32), target + 32);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CopyBytes(byte* source, int bytes, byte* target)
    {
        var i = 0;
        for (; i + 32 <= bytes; i += 32)
        {
            Vector256.Store(Vector256.Load(source + i), target + i);
        }
        if (i + 16 <= bytes)
        {
            Vector128.Store(Vector128.Load(source + i), target + i);
            i += 16;
        }
        for (; i < bytes; i += 4)
        {
            *(uint*)(target + i) = *(uint*)(source + i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CopyRow(T* source, nint count, T* target)
    {
        nint i = 0;
        for (; i + TL.Count <= count; i += TL.Count)
        {
            TL.Store(target + i, TL.Load(source + i));
        }
        for (; i + Vector128<T>.Count <= count; i += Vector128<T>.Count)
        {
            Vector128.Store(Vector128.Load(source + i), target + i);
        }
        for (; i < count; i++)
        {
            target[i] = source[i];
        }
    }

    // target[k][line] = source[line·lineStride + k·kStride]
    private static void Gather(T* source, nint lineStride, nint kStride, int lines, nint k, T* target, int targetRow)
    {
        for (nint i = 0; i < k; i++)
        {
            for (var line = 0; line < lines; line++)
            {
                target[i * targetRow + line] = source[line * lineStride + i * kStride];
            }
        }
    }

    // target[k][line] = source[line][k]: squares of one Vector128 a side, then the edges.
    private static void Transpose(T* source, nint sourceRow, int lines, nint k, T* target, int targetRow)
    {
        var side = Vector128<T>.Count;
        var canSwap = Sse2.IsSupported || AdvSimd.Arm64.IsSupported;
        var wholeLines = canSwap ? lines / side * side : 0;
        var wholeK = canSwap ? k / side * side : 0;
        for (var line = 0; line < wholeLines; line += side)
        {
            var from = source + line * sourceRow;
            var to = target + line;
            for (nint i = 0; i < wholeK; i += side)
            {
                if (typeof(T) == typeof(float))
                {
                    Square((float*)(from + i), sourceRow, (float*)(to + i * targetRow), targetRow);
                }
                else
                {
                    Square((double*)(from + i), sourceRow, (double*)(to + i * targetRow), targetRow);
                }
            }
        }
        Gather(source + wholeK, sourceRow, 1, wholeLines, k - wholeK, target + wholeK * targetRow, targetRow);
        Gather(source + wholeLines * sourceRow, sourceRow, 1, lines - wholeLines, k, target + wholeLines, targetRow);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Square(float* from, nint fromRow, float* to, nint toRow)
    {
        var (r0, r1) = (Vector128.Load(from), Vector128.Load(from + fromRow));
        var (r2, r3) = (Vector128.Load(from + 2 * fromRow), Vector128.Load(from + 3 * fromRow));
        var (a, b) = (ZipLow(r0, r2), ZipLow(r1, r3));
        var (c, d) = (ZipHigh(r0, r2), ZipHigh(r1, r3));
        ZipLow(a, b).Store(to);
        ZipHigh(a, b).Store(to + toRow);
        ZipLow(c, d).Store(to + 2 * toRow);
        ZipHigh(c, d).Store(to + 3 * toRow);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Square(double* from, nint fromRow, double* to, nint toRow)
    {
        var (r0, r1) = (Vector128.Load(from), Vector128.Load(from + fromRow));
        (Sse2.IsSupported ? Sse2.UnpackLow(r0, r1) : AdvSimd.Arm64.ZipLow(r0, r1)).Store(to);
        (Sse2.IsSupported ? Sse2.UnpackHigh(r0, r1) : AdvSimd.Arm64.ZipHigh(r0, r1)).Store(to + toRow);
    }

    private static Vector128<float> ZipLow(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported ? Sse.UnpackLow(a, b) : AdvSimd.Arm64.ZipLow(a, b);

    private static Vector128<float> ZipHigh(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported ? Sse.UnpackHigh(a, b) : AdvSimd.Arm64.ZipHigh(a, b);
}
