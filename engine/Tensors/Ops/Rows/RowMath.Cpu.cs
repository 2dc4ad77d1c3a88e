using System;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>Sums and maxima of one row that stays in L1, by four vectors in a fixed order; the part of a row past whole vectors is one more vector.
/// That part comes first: a call after the loop would make the JIT keep the loop's sums on the stack, at twice the time per row.</summary>
internal static unsafe class RowMath<R, T>
    where R : struct, ISimd<R, T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int MaxLanes = 16;

    // MaxLanes zeros, then as many ones: a load that starts k before the middle selects all lanes but the first k. Constant data of the
    // assembly: a static field would put a class check into every row.
    private static ReadOnlySpan<float> Select32 => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1];

    private static ReadOnlySpan<double> Select64 => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1];

    private static T* Select => typeof(T) == typeof(float) ? (T*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(Select32))
        : (T*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(Select64));

    private static bool IsWhole(long n) => (n & (R.Count - 1)) == 0;

    private static R Square(R x) => x * x;

    /// <summary>The last n mod <see cref="ISimd{R, T}.Count"/> elements of a row of n in some lanes, <paramref name="fill"/> in the others. A row
    /// longer than a vector is read once more at its end, which is much cheaper than moving single elements.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static R LoadRest(T* row, long n, R fill)
    {
        if (n < R.Count) { return LoadPart(row, n, fill); }
        return Rest(R.Load(row + n - R.Count), n, fill);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static R Rest(R last, long n, R fill) => R.IfGreater(R.Load(Select + (MaxLanes - R.Count + (n & (R.Count - 1)))), R.Of(0.5), last, fill);

    /// <summary>The first <paramref name="count"/> elements, then <paramref name="fill"/>.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static R LoadPart(T* source, long count, R fill)
    {
        var lanes = stackalloc T[MaxLanes];
        fill.Store(lanes);
        for (var i = 0; i < count; i++) { lanes[i] = source[i]; }
        return R.Load(lanes);
    }

    /// <summary>Writes the first <paramref name="count"/> lanes.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void StorePart(T* target, long count, R value)
    {
        var lanes = stackalloc T[MaxLanes];
        value.Store(lanes);
        for (var i = 0; i < count; i++) { target[i] = lanes[i]; }
    }

    /// <summary>Largest element; −∞ for an empty row.</summary>
    public static T Max(T* x, long n)
    {
        var a = IsWhole(n) ? R.Broadcast(T.NegativeInfinity) : LoadRest(x, n, R.Broadcast(T.NegativeInfinity));
        R b = R.Broadcast(T.NegativeInfinity), c = b, d = b;
        long i = 0;
        for (; i + 4 * R.Count <= n; i += 4 * R.Count)
        {
            a = R.Max(a, R.Load(x + i));
            b = R.Max(b, R.Load(x + i + R.Count));
            c = R.Max(c, R.Load(x + i + 2 * R.Count));
            d = R.Max(d, R.Load(x + i + 3 * R.Count));
        }

        for (; i + R.Count <= n; i += R.Count) { a = R.Max(a, R.Load(x + i)); }
        return R.Max(R.Max(a, b), R.Max(c, d)).MaxLane();
    }

    /// <summary>Σx.</summary>
    public static T Sum(T* x, long n)
    {
        var a = IsWhole(n) ? R.Of(0) : LoadRest(x, n, R.Of(0));
        R b = R.Of(0), c = b, d = b;
        long i = 0;
        for (; i + 4 * R.Count <= n; i += 4 * R.Count)
        {
            a += R.Load(x + i);
            b += R.Load(x + i + R.Count);
            c += R.Load(x + i + 2 * R.Count);
            d += R.Load(x + i + 3 * R.Count);
        }

        for (; i + R.Count <= n; i += R.Count) { a += R.Load(x + i); }
        return ((a + b) + (c + d)).SumLanes();
    }

    /// <summary>Σ(x − mean)².</summary>
    public static T SquaredDeviations(T* x, long n, T mean)
    {
        var a = IsWhole(n) ? R.Of(0) : Square(LoadRest(x, n, R.Broadcast(mean)) - R.Broadcast(mean));
        R m = R.Broadcast(mean), b = R.Of(0), c = b, d = b;
        long i = 0;
        for (; i + 4 * R.Count <= n; i += 4 * R.Count)
        {
            R p = R.Load(x + i) - m, q = R.Load(x + i + R.Count) - m, s = R.Load(x + i + 2 * R.Count) - m, t = R.Load(x + i + 3 * R.Count) - m;
            a = R.MultiplyAdd(p, p, a);
            b = R.MultiplyAdd(q, q, b);
            c = R.MultiplyAdd(s, s, c);
            d = R.MultiplyAdd(t, t, d);
        }

        for (; i + R.Count <= n; i += R.Count)
        {
            var p = R.Load(x + i) - m;
            a = R.MultiplyAdd(p, p, a);
        }

        return ((a + b) + (c + d)).SumLanes();
    }

    /// <summary>Σx·y.</summary>
    public static T Dot(T* x, T* y, long n)
    {
        var a = IsWhole(n) ? R.Of(0) : LoadRest(x, n, R.Of(0)) * LoadRest(y, n, R.Of(0));
        R b = R.Of(0), c = b, d = b;
        long i = 0;
        for (; i + 4 * R.Count <= n; i += 4 * R.Count)
        {
            a = R.MultiplyAdd(R.Load(x + i), R.Load(y + i), a);
            b = R.MultiplyAdd(R.Load(x + i + R.Count), R.Load(y + i + R.Count), b);
            c = R.MultiplyAdd(R.Load(x + i + 2 * R.Count), R.Load(y + i + 2 * R.Count), c);
            d = R.MultiplyAdd(R.Load(x + i + 3 * R.Count), R.Load(y + i + 3 * R.Count), d);
        }

        for (; i + R.Count <= n; i += R.Count) { a = R.MultiplyAdd(R.Load(x + i), R.Load(y + i), a); }
        return ((a + b) + (c + d)).SumLanes();
    }

    /// <summary>Σe^{x − shift}; the terms are kept in <paramref name="y"/> unless it is null.</summary>
    public static T SumExp(T* x, long n, T shift, T* y)
    {
        var a = IsWhole(n) ? R.Of(0) : RestExp(x, n, shift, y);
        R s = R.Broadcast(shift), b = R.Of(0);
        long i = 0;
        for (; i + 2 * R.Count <= n; i += 2 * R.Count)
        {
            R p = R.Exp(R.Load(x + i) - s), q = R.Exp(R.Load(x + i + R.Count) - s);
            a += p;
            b += q;
            if (y == null) { continue; }
            p.Store(y + i);
            q.Store(y + i + R.Count);
        }

        for (; i + R.Count <= n; i += R.Count)
        {
            var p = R.Exp(R.Load(x + i) - s);
            a += p;
            if (y != null) { p.Store(y + i); }
        }

        return (a + b).SumLanes();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static R RestExp(T* x, long n, T shift, T* y)
    {
        var isShort = n < R.Count;
        var p = R.Exp((isShort ? LoadPart(x, n, R.Broadcast(T.NegativeInfinity)) : R.Load(x + n - R.Count)) - R.Broadcast(shift));
        if (y != null)
        {
            if (isShort) { StorePart(y, n, p); } else { p.Store(y + n - R.Count); }
        }

        return isShort ? p : Rest(p, n, R.Of(0));
    }

    /// <summary>A row's maximum as a shift that keeps e^{x − shift} finite: 0 for a row of −∞ alone.</summary>
    public static T Shift(T* x, long n)
    {
        var max = Max(x, n);
        return T.IsNegativeInfinity(max) ? T.Zero : max;
    }
}
