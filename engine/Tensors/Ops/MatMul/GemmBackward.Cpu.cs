using System;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>The parts of a linear layer's backward that are not products: the activation's slope and the bias gradient.</summary>
internal static unsafe class GemmBackward
{
    /// <summary>dz[i] = dy[i]·act′(z[i]) for n contiguous elements; z is what the epilogue saved. dz may be dy.</summary>
    public static void Activation<T>(GemmActivation activation, long n, T* dy, T* z, T* dz)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArgumentOutOfRangeException.ThrowIfNegative(n);
        switch (Gemm.Width)
        {
            case SimdWidth.Avx512: GemmSlopes<Lanes512<T>, Vector512<T>, T>.Run(activation, n, dy, z, dz); break;
            case SimdWidth.Avx2: GemmSlopes<Lanes256<T>, Vector256<T>, T>.Run(activation, n, dy, z, dz); break;
            default: GemmSlopes<Lanes128<T>, Vector128<T>, T>.Run(activation, n, dy, z, dz); break;
        }
    }

    /// <summary>sums[j] = Σᵢ dy[i, j] (+ sums[j] where <paramref name="accumulate"/>) for dy [m, n] with rows of rowStride
    /// elements.</summary>
    /// <remarks>Rows are summed in parts whose number depends on m alone, the parts in order: the same bits for any thread
    /// count.</remarks>
    public static void ColumnSums<T>(int m, int n, T* dy, long rowStride, T* sums, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArgumentOutOfRangeException.ThrowIfNegative(m);
        ArgumentOutOfRangeException.ThrowIfNegative(n);
        switch (Gemm.Width)
        {
            case SimdWidth.Avx512: GemmColumnSums<Lanes512<T>, Vector512<T>, T>.Run(m, n, dy, rowStride, sums, accumulate); break;
            case SimdWidth.Avx2: GemmColumnSums<Lanes256<T>, Vector256<T>, T>.Run(m, n, dy, rowStride, sums, accumulate); break;
            default: GemmColumnSums<Lanes128<T>, Vector128<T>, T>.Run(m, n, dy, rowStride, sums, accumulate); break;
        }
    }

    /// <summary>Both in one pass over contiguous dy and z [m, n]: dz = dy·act′(z), sums[j] = Σᵢ dz[i, j] (+ sums[j] where
    /// <paramref name="accumulate"/>). dz may be dy.</summary>
    public static void ActivationAndSums<T>(GemmActivation activation, int m, int n, T* dy, T* z, T* dz, T* sums, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArgumentOutOfRangeException.ThrowIfNegative(m);
        ArgumentOutOfRangeException.ThrowIfNegative(n);
        switch (Gemm.Width)
        {
            case SimdWidth.Avx512: GemmSlopeSums<Lanes512<T>, Vector512<T>, T>.Run(activation, m, n, dy, z, dz, sums, accumulate); break;
            case SimdWidth.Avx2: GemmSlopeSums<Lanes256<T>, Vector256<T>, T>.Run(activation, m, n, dy, z, dz, sums, accumulate); break;
            default: GemmSlopeSums<Lanes128<T>, Vector128<T>, T>.Run(activation, m, n, dy, z, dz, sums, accumulate); break;
        }
    }
}

internal static unsafe class GemmSlopes<TL, TV, T>
    where TL : struct, ILanes<TV, T>
    where TV : unmanaged
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const long Grain = 16384;

    public static void Run(GemmActivation activation, long n, T* dy, T* z, T* dz)
    {
        switch (activation)
        {
            case GemmActivation.GeluErf: Spread<GeluErf<TL, TV, T>>(n, dy, z, dz); break;
            case GemmActivation.GeluTanh: Spread<GeluTanh<TL, TV, T>>(n, dy, z, dz); break;
            case GemmActivation.QuickGelu: Spread<QuickGelu<TL, TV, T>>(n, dy, z, dz); break;
            default: Spread<Identity<TL, TV, T>>(n, dy, z, dz); break;
        }
    }

    private static void Spread<TAct>(long n, T* dy, T* z, T* dz)
        where TAct : struct, IActivation<TV> =>
        CpuThreads.ForRange(n, Grain, (from, to) => Multiply<TAct>(to - from, dy + from, z + from, dz + from));

    private static void Multiply<TAct>(long n, T* dy, T* z, T* dz)
        where TAct : struct, IActivation<TV>
    {
        long i = 0;
        for (; i + TL.Count <= n; i += TL.Count)
        {
            TL.Store(dz + i, TL.Mul(TL.Load(dy + i), TAct.Slope(TL.Load(z + i))));
        }
        if (i < n)
        {
            var slope = TAct.Slope(GemmFinish<TL, TV, T>.Load(z + i, n - i));
            GemmFinish<TL, TV, T>.Store(dz + i, TL.Mul(GemmFinish<TL, TV, T>.Load(dy + i, n - i), slope), n - i);
        }
    }
}

internal static unsafe class GemmColumnSums<TL, TV, T>
    where TL : struct, ILanes<TV, T>
    where TV : unmanaged
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int MostParts = 32;
    private const int LeastRows = 64;

    public static void Run(int m, int n, T* dy, long rowStride, T* sums, bool accumulate)
    {
        Spread(m, n, sums, accumulate, (from, rows, partial) => Rows(rows, n, dy + from * rowStride, rowStride, (T*)partial));
    }

    /// <summary>Runs the body on parts of the m rows, each with its own row of n sums, and adds those in order.</summary>
    public static void Spread(int m, int n, T* sums, bool accumulate, Action<long, int, nint> body)
    {
        var rows = Math.Max(LeastRows, (m + MostParts - 1) / MostParts);
        var parts = (m + rows - 1) / rows;
        var partials = (T*)GemmScratch.Partials((nuint)((long)Math.Max(1, parts) * n * sizeof(T))); // [parts, n]
        CpuThreads.For(parts, part =>
            body((long)part * rows, Math.Min(rows, m - part * rows), (nint)(partials + (long)part * n)));
        for (var j = 0; j < n; j += TL.Count)
        {
            var total = accumulate ? GemmFinish<TL, TV, T>.Load(sums + j, n - j) : TL.Zero;
            for (var part = 0; part < parts; part++)
            {
                total = TL.Add(total, GemmFinish<TL, TV, T>.Load(partials + (long)part * n + j, n - j));
            }
            GemmFinish<TL, TV, T>.Store(sums + j, total, n - j);
        }
    }

    // Four vectors of columns at a time: whole cache lines, and enough independent additions to hide their latency.
    private static void Rows(int m, int n, T* dy, long rowStride, T* sums)
    {
        var j = 0;
        for (; j + 4 * TL.Count <= n; j += 4 * TL.Count)
        {
            TV s0 = TL.Zero, s1 = s0, s2 = s0, s3 = s0;
            var row = dy + j;
            for (var i = 0; i < m; i++, row += rowStride)
            {
                s0 = TL.Add(s0, TL.Load(row));
                s1 = TL.Add(s1, TL.Load(row + TL.Count));
                s2 = TL.Add(s2, TL.Load(row + 2 * TL.Count));
                s3 = TL.Add(s3, TL.Load(row + 3 * TL.Count));
            }
            TL.Store(sums + j, s0);
            TL.Store(sums + j + TL.Count, s1);
            TL.Store(sums + j + 2 * TL.Count, s2);
            TL.Store(sums + j + 3 * TL.Count, s3);
        }
        for (; j < n; j += TL.Count)
        {
            var total = TL.Zero;
            for (var i = 0; i < m; i++)
            {
                total = TL.Add(total, GemmFinish<TL, TV, T>.Load(dy + i * rowStride + j, n - j));
            }
            GemmFinish<TL, TV, T>.Store(sums + j, total, n - j);
        }
    }
}

// The slope costs some thirty instructions a vector, so the sums ride along for nothing: strips of four vectors by sixteen rows keep their
// sums in registers and read whole lines. Traffic: dy and z in, dz out.
internal static unsafe class GemmSlopeSums<TL, TV, T>
    where TL : struct, ILanes<TV, T>
    where TV : unmanaged
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int BlockRows = 16;

    public static void Run(GemmActivation activation, int m, int n, T* dy, T* z, T* dz, T* sums, bool accumulate)
    {
        switch (activation)
        {
            case GemmActivation.GeluErf: Spread<GeluErf<TL, TV, T>>(m, n, dy, z, dz, sums, accumulate); break;
            case GemmActivation.GeluTanh: Spread<GeluTanh<TL, TV, T>>(m, n, dy, z, dz, sums, accumulate); break;
            case GemmActivation.QuickGelu: Spread<QuickGelu<TL, TV, T>>(m, n, dy, z, dz, sums, accumulate); break;
            default: Spread<Identity<TL, TV, T>>(m, n, dy, z, dz, sums, accumulate); break;
        }
    }

    private static void Spread<TAct>(int m, int n, T* dy, T* z, T* dz, T* sums, bool accumulate)
        where TAct : struct, IActivation<TV> =>
        GemmColumnSums<TL, TV, T>.Spread(m, n, sums, accumulate, (from, rows, partial) =>
        {
            new Span<T>((T*)partial, n).Clear();
            for (var row = 0; row < rows; row += BlockRows)
            {
                var at = (from + row) * n;
                Block<TAct>(Math.Min(BlockRows, rows - row), n, dy + at, z + at, dz + at, (T*)partial);
            }
        });

    private static void Block<TAct>(int rows, int n, T* dy, T* z, T* dz, T* sums)
        where TAct : struct, IActivation<TV>
    {
        var j = 0;
        for (; j + 4 * TL.Count <= n; j += 4 * TL.Count)
        {
            TV s0 = TL.Load(sums + j), s1 = TL.Load(sums + j + TL.Count);
            TV s2 = TL.Load(sums + j + 2 * TL.Count), s3 = TL.Load(sums + j + 3 * TL.Count);
            for (long i = 0, at = j; i < rows; i++, at += n)
            {
                s0 = TL.Add(s0, Slope<TAct>(dy + at, z + at, dz + at));
                s1 = TL.Add(s1, Slope<TAct>(dy + at + TL.Count, z + at + TL.Count, dz + at + TL.Count));
                s2 = TL.Add(s2, Slope<TAct>(dy + at + 2 * TL.Count, z + at + 2 * TL.Count, dz + at + 2 * TL.Count));
                s3 = TL.Add(s3, Slope<TAct>(dy + at + 3 * TL.Count, z + at + 3 * TL.Count, dz + at + 3 * TL.Count));
            }
            TL.Store(sums + j, s0);
            TL.Store(sums + j + TL.Count, s1);
            TL.Store(sums + j + 2 * TL.Count, s2);
            TL.Store(sums + j + 3 * TL.Count, s3);
        }
        for (; j < n; j += TL.Count)
        {
            Column<TAct>(rows, n, n - j, dy + j, z + j, dz + j, sums + j);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TV Slope<TAct>(T* dy, T* z, T* dz)
        where TAct : struct, IActivation<TV>
    {
        var value = TL.Mul(TL.Load(dy), TAct.Slope(TL.Load(z)));
        TL.Store(dz, value);
        return value;
    }

    private static void Column<TAct>(int rows, int n, int count, T* dy, T* z, T* dz, T* sums)
        where TAct : struct, IActivation<TV>
    {
        var sum = GemmFinish<TL, TV, T>.Load(sums, count);
        for (long i = 0, at = 0; i < rows; i++, at += n)
        {
            var slope = TAct.Slope(GemmFinish<TL, TV, T>.Load(z + at, count));
            var value = TL.Mul(GemmFinish<TL, TV, T>.Load(dy + at, count), slope);
            GemmFinish<TL, TV, T>.Store(dz + at, value, count);
            sum = TL.Add(sum, value);
        }
        GemmFinish<TL, TV, T>.Store(sums, sum, count);
    }
}
