using System;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>The small matrix products and packings inside an attention tile: all operands lie in a thread's scratch, rows of B
/// and C are padded to whole vectors.</summary>
internal static unsafe class AttentionTiles
{
    /// <summary>Rows of C that one pass keeps in registers: 7 rows of two vectors fill 14 registers and divide the 49 tokens of
    /// a 7×7 window.</summary>
    public const int BlockRows = 7;

    /// <summary>Scores at or below this count as masked out.</summary>
    public const double Masked = -1e30;

    /// <summary>n rounded up to a multiple of <paramref name="to"/>.</summary>
    public static int RoundUp(int n, int to) => (n + to - 1) / to * to;

    /// <summary>Elements in 64 bytes: the padding of rows, whatever the vector width.</summary>
    public static int Line<T>() where T : unmanaged => 64 / sizeof(T);

    /// <summary>Seven rows of C = init + A·B, [7, cols]: element (i, p) of A is <c>a[i·ra + p·ca]</c>, so that a transposed A
    /// costs nothing.
    /// <paramref name="init"/> has C's layout; null is zero.</summary>
    public static void Rows<R, T>(T* a, nint ra, nint ca, T* b, nint ldb, T* c, nint ldc, T* init, int cols, int k)
        where R : struct, ISimd<R, T> where T : unmanaged
    {
        var j = 0;
        for (; j + 2 * R.Count <= cols; j += 2 * R.Count)
        {
            Pair<R, T>(a, ra, ca, b + j, ldb, c + j, ldc, init == null ? null : init + j, k);
        }
        for (; j < cols; j += R.Count) { Single<R, T>(a, ra, ca, b + j, ldb, c + j, ldc, init == null ? null : init + j, k); }
    }

    private static void Pair<R, T>(T* a, nint ra, nint ca, T* b, nint ldb, T* c, nint ldc, T* init, int k)
        where R : struct, ISimd<R, T> where T : unmanaged
    {
        var w = R.Count;
        R s00, s01, s10, s11, s20, s21, s30, s31, s40, s41, s50, s51, s60, s61;
        s00 = s01 = s10 = s11 = s20 = s21 = s30 = s31 = s40 = s41 = s50 = s51 = s60 = s61 = R.Of(0);
        if (init != null)
        {
            (s00, s01) = (R.Load(init), R.Load(init + w));
            (s10, s11) = (R.Load(init + ldc), R.Load(init + ldc + w));
            (s20, s21) = (R.Load(init + 2 * ldc), R.Load(init + 2 * ldc + w));
            (s30, s31) = (R.Load(init + 3 * ldc), R.Load(init + 3 * ldc + w));
            (s40, s41) = (R.Load(init + 4 * ldc), R.Load(init + 4 * ldc + w));
            (s50, s51) = (R.Load(init + 5 * ldc), R.Load(init + 5 * ldc + w));
            (s60, s61) = (R.Load(init + 6 * ldc), R.Load(init + 6 * ldc + w));
        }

        nint r2 = 2 * ra, r3 = 3 * ra, r4 = 4 * ra, r5 = 5 * ra, r6 = 6 * ra;
        for (; k > 0; k--, a += ca, b += ldb)
        {
            R b0 = R.Load(b), b1 = R.Load(b + w), x = R.Broadcast(a[0]), y = R.Broadcast(a[ra]);
            s00 = R.MultiplyAdd(x, b0, s00); s01 = R.MultiplyAdd(x, b1, s01); x = R.Broadcast(a[r2]);
            s10 = R.MultiplyAdd(y, b0, s10); s11 = R.MultiplyAdd(y, b1, s11); y = R.Broadcast(a[r3]);
            s20 = R.MultiplyAdd(x, b0, s20); s21 = R.MultiplyAdd(x, b1, s21); x = R.Broadcast(a[r4]);
            s30 = R.MultiplyAdd(y, b0, s30); s31 = R.MultiplyAdd(y, b1, s31); y = R.Broadcast(a[r5]);
            s40 = R.MultiplyAdd(x, b0, s40); s41 = R.MultiplyAdd(x, b1, s41); x = R.Broadcast(a[r6]);
            s50 = R.MultiplyAdd(y, b0, s50); s51 = R.MultiplyAdd(y, b1, s51);
            s60 = R.MultiplyAdd(x, b0, s60); s61 = R.MultiplyAdd(x, b1, s61);
        }

        s00.Store(c); s01.Store(c + w); c += ldc; s10.Store(c); s11.Store(c + w); c += ldc;
        s20.Store(c); s21.Store(c + w); c += ldc; s30.Store(c); s31.Store(c + w); c += ldc;
        s40.Store(c); s41.Store(c + w); c += ldc; s50.Store(c); s51.Store(c + w); c += ldc;
        s60.Store(c); s61.Store(c + w);
    }

    private static void Single<R, T>(T* a, nint ra, nint ca, T* b, nint ldb, T* c, nint ldc, T* init, int k)
        where R : struct, ISimd<R, T> where T : unmanaged
    {
        R s0, s1, s2, s3, s4, s5, s6;
        s0 = s1 = s2 = s3 = s4 = s5 = s6 = R.Of(0);
        if (init != null)
        {
            (s0, s1, s2, s3) = (R.Load(init), R.Load(init + ldc), R.Load(init + 2 * ldc), R.Load(init + 3 * ldc));
            (s4, s5, s6) = (R.Load(init + 4 * ldc), R.Load(init + 5 * ldc), R.Load(init + 6 * ldc));
        }

        nint r2 = 2 * ra, r3 = 3 * ra, r4 = 4 * ra, r5 = 5 * ra, r6 = 6 * ra;
        for (; k > 0; k--, a += ca, b += ldb)
        {
            var b0 = R.Load(b);
            s0 = R.MultiplyAdd(R.Broadcast(a[0]), b0, s0);
            s1 = R.MultiplyAdd(R.Broadcast(a[ra]), b0, s1);
            s2 = R.MultiplyAdd(R.Broadcast(a[r2]), b0, s2);
            s3 = R.MultiplyAdd(R.Broadcast(a[r3]), b0, s3);
            s4 = R.MultiplyAdd(R.Broadcast(a[r4]), b0, s4);
            s5 = R.MultiplyAdd(R.Broadcast(a[r5]), b0, s5);
            s6 = R.MultiplyAdd(R.Broadcast(a[r6]), b0, s6);
        }

        s0.Store(c); c += ldc; s1.Store(c); c += ldc; s2.Store(c); c += ldc; s3.Store(c); c += ldc;
        s4.Store(c); c += ldc; s5.Store(c); c += ldc; s6.Store(c);
    }

    /// <summary>target ← source·scale, <paramref name="n"/> elements.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scale<R, T>(T* source, T* target, int n, T scale)
        where R : struct, ISimd<R, T> where T : unmanaged, IMultiplyOperators<T, T, T>
    {
        var s = R.Broadcast(scale);
        var i = 0;
        for (; i + R.Count <= n; i += R.Count) { (R.Load(source + i) * s).Store(target + i); }
        for (; i < n; i++) { target[i] = source[i] * scale; }
    }

    /// <summary>Σ a∘b over <paramref name="n"/> elements.</summary>
    public static T Dot<R, T>(T* a, T* b, int n) where R : struct, ISimd<R, T> where T : unmanaged, INumberBase<T>
    {
        var sum = R.Of(0);
        var i = 0;
        for (; i + R.Count <= n; i += R.Count) { sum = R.MultiplyAdd(R.Load(a + i), R.Load(b + i), sum); }
        var total = sum.SumLanes();
        for (; i < n; i++) { total += a[i] * b[i]; }
        return total;
    }

    /// <summary>Rows j … j + count − 1 of a list, n elements each, into those columns of a [n, ld] tile; at most four
    /// rows.</summary>
    public static void Columns<T>(T** rows, int count, T* tile, int n, nint ld) where T : unmanaged
    {
        var c = 0;
        if (typeof(T) == typeof(float) && count == 4 && Sse.IsSupported)
        {
            for (; c + 4 <= n; c += 4) { Transpose4((float**)rows, c, (float*)tile + c * ld, ld); }
        }

        for (var j = 0; j < count; j++)
        {
            T* from = rows[j], to = tile + c * ld + j;
            for (var i = c; i < n; i++, to += ld) { *to = from[i]; }
        }
    }

    private static void Transpose4(float** rows, int c, float* to, nint ld)
    {
        Vector128<float> a = Vector128.Load(rows[0] + c), b = Vector128.Load(rows[1] + c), e = Vector128.Load(rows[2] + c),
            f = Vector128.Load(rows[3] + c);
        Vector128<float> ab0 = Sse.UnpackLow(a, b), ab1 = Sse.UnpackHigh(a, b), ef0 = Sse.UnpackLow(e, f),
            ef1 = Sse.UnpackHigh(e, f);
        Sse.MoveLowToHigh(ab0, ef0).Store(to);
        Sse.MoveHighToLow(ef0, ab0).Store(to + ld);
        Sse.MoveLowToHigh(ab1, ef1).Store(to + 2 * ld);
        Sse.MoveHighToLow(ef1, ab1).Store(to + 3 * ld);
    }

    /// <summary>Asks for n elements to be brought near; rows of a window lie too far apart for the hardware to foresee.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Prefetch<T>(T* row, int n) where T : unmanaged
    {
        if (!Sse.IsSupported) { return; }
        for (var at = (byte*)row; at < (byte*)(row + n); at += 64) { Sse.Prefetch0(at); }
    }

    /// <summary>Columns [from, to) of n rows ← value.</summary>
    public static void FillColumns<T>(T* tile, int n, nint ld, int from, int to, T value) where T : unmanaged
    {
        for (var i = 0; i < n; i++) { new Span<T>(tile + i * ld + from, to - from).Fill(value); }
    }
}
