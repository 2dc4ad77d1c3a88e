using System;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace FlorenceKernels.Runtime;

/// <summary>One float or double on the CPU: the tail of a vectorised loop, with the vectors' own polynomials, so that an element's value
/// does not depend on where in the row it lies.</summary>
/// <typeparam name="T">float or double.</typeparam>
public readonly unsafe struct Scalar<T>(T value) : ISimd<Scalar<T>, T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly T _v = value;

    private static bool IsF32 => typeof(T) == typeof(float);

    /// <inheritdoc/>
    public static int Count => 1;

    /// <inheritdoc/>
    public static Scalar<T> Load(T* source) => new(*source);

    /// <inheritdoc/>
    public static Scalar<T> Broadcast(T value) => new(value);

    /// <inheritdoc/>
    public void Store(T* target) => *target = _v;

    /// <inheritdoc/>
    public T SumLanes() => _v;

    /// <inheritdoc/>
    public T MaxLane() => _v;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scalar<T> Of(double value) => new(IsF32 ? (T)(object)(float)value : (T)(object)value);

    /// <inheritdoc/>
    public static Scalar<T> operator +(Scalar<T> left, Scalar<T> right) => new(left._v + right._v);

    /// <inheritdoc/>
    public static Scalar<T> operator -(Scalar<T> left, Scalar<T> right) => new(left._v - right._v);

    /// <inheritdoc/>
    public static Scalar<T> operator *(Scalar<T> left, Scalar<T> right) => new(left._v * right._v);

    /// <inheritdoc/>
    public static Scalar<T> operator /(Scalar<T> left, Scalar<T> right) => new(left._v / right._v);

    /// <inheritdoc/>
    public static Scalar<T> operator -(Scalar<T> value) => new(-value._v);

    /// <inheritdoc/>
    public static Scalar<T> MultiplyAdd(Scalar<T> a, Scalar<T> b, Scalar<T> c) => new(T.MultiplyAddEstimate(a._v, b._v, c._v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scalar<T> Horner(Scalar<T> p, Scalar<T> x, double c) => MultiplyAdd(p, x, Of(c));

    /// <inheritdoc/>
    public static Scalar<T> Sqrt(Scalar<T> x) => new(T.Sqrt(x._v));

    /// <inheritdoc/>
    public static Scalar<T> Abs(Scalar<T> x) => new(T.Abs(x._v));

    /// <inheritdoc/>
    public static Scalar<T> Max(Scalar<T> a, Scalar<T> b) => new(a._v > b._v ? a._v : b._v);

    /// <inheritdoc/>
    public static Scalar<T> Min(Scalar<T> a, Scalar<T> b) => new(a._v < b._v ? a._v : b._v);

    /// <inheritdoc/>
    public static Scalar<T> Floor(Scalar<T> x) => new(T.Floor(x._v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scalar<T> Exp(Scalar<T> x)
    {
        if (T.IsNaN(x._v)) { return x; }
        if (IsF32)
        {
            var (n, r) = RealMath.Split32(x);
            var scale = BitConverter.Int32BitsToSingle(((int)(float)(object)n._v + 126) << 23);
            return Polynomials.TwoExp32(r) * Of(scale);
        }
        else
        {
            var (n, r) = RealMath.Split64(x);
            var scale = BitConverter.Int64BitsToDouble(((long)(double)(object)n._v + 1022) << 52);
            return Polynomials.TwoExp64(r) * Of(scale);
        }
    }

    /// <inheritdoc/>
    public static Scalar<T> Log(Scalar<T> x) => new(T.Log(x._v));

    /// <inheritdoc/>
    public static Scalar<T> Sin(Scalar<T> x) => new(T.Sin(x._v));

    /// <inheritdoc/>
    public static Scalar<T> Cos(Scalar<T> x) => new(T.Cos(x._v));

    /// <inheritdoc/>
    public static Scalar<T> MillsHalf(Scalar<T> absX)
    {
        var u = (absX - Of(4)) / (absX + Of(4));
        return IsF32 ? Polynomials.MillsHalf32(u) : Polynomials.MillsHalf64(u);
    }

    /// <inheritdoc/>
    public static Scalar<T> ErfSmall(Scalar<T> xSquared) => IsF32 ? Polynomials.Erf32(xSquared) : Polynomials.Erf64(xSquared);

    /// <inheritdoc/>
    public static Scalar<T> IfGreater(Scalar<T> a, Scalar<T> b, Scalar<T> x, Scalar<T> y) => a._v > b._v ? x : y;

    /// <inheritdoc/>
    public static Scalar<T> IfEqual(Scalar<T> a, Scalar<T> b, Scalar<T> x, Scalar<T> y) => a._v == b._v ? x : y;
}
