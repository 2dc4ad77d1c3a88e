using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace FlorenceKernels.Runtime;

/// <summary>256 bits of float or double.</summary>
/// <typeparam name="T">float or double.</typeparam>
public readonly unsafe struct V256<T>(Vector256<T> value) : ISimd<V256<T>, T> where T : unmanaged
{
    private readonly Vector256<T> _v = value;

    private static bool IsF32 => typeof(T) == typeof(float);

    private Vector256<float> F => _v.AsSingle();

    private Vector256<double> D => _v.AsDouble();

    /// <inheritdoc/>
    public static int Count => Vector256<T>.Count;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256<T> Load(T* source) => new(Vector256.Load(source));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256<T> Broadcast(T value) => new(Vector256.Create(value));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(T* target) => _v.Store(target);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T SumLanes() => Vector256.Sum(_v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T MaxLane() => new V128<T>(Vector128.MaxNative(_v.GetLower(), _v.GetUpper())).MaxLane();

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256<T> Of(double value) =>
        IsF32 ? Wrap(Vector256.Create((float)value)) : Wrap(Vector256.Create(value));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256<T> operator +(V256<T> left, V256<T> right) => new(left._v + right._v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256<T> operator -(V256<T> left, V256<T> right) => new(left._v - right._v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256<T> operator *(V256<T> left, V256<T> right) => new(left._v * right._v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256<T> operator /(V256<T> left, V256<T> right) => new(left._v / right._v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256<T> operator -(V256<T> value) => new(-value._v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256<T> MultiplyAdd(V256<T> a, V256<T> b, V256<T> c) => IsF32
        ? Wrap(Vector256.MultiplyAddEstimate(a.F, b.F, c.F)) : Wrap(Vector256.MultiplyAddEstimate(a.D, b.D, c.D));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256<T> Sqrt(V256<T> x) => new(Vector256.Sqrt(x._v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256<T> Abs(V256<T> x) => new(Vector256.Abs(x._v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256<T> Max(V256<T> a, V256<T> b) => new(Vector256.MaxNative(a._v, b._v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256<T> Min(V256<T> a, V256<T> b) => new(Vector256.MinNative(a._v, b._v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256<T> Floor(V256<T> x) => IsF32 ? Wrap(Vector256.Floor(x.F)) : Wrap(Vector256.Floor(x.D));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256<T> Exp(V256<T> x)
    {
        if (IsF32)
        {
            var (n, r) = RealMath.Split32(x);
            var biased = Vector256.ConvertToInt32Native(n.F) + Vector256.Create(126);
            var p = Polynomials.Exp32(r);
            return p * Wrap(Vector256.ShiftLeft(biased, 23).AsSingle()) * Of(2);
        }
        else
        {
            var (n, r) = RealMath.Split64(x);
            var biased = Vector256.ConvertToInt64Native(n.D) + Vector256.Create(1022L);
            return Polynomials.Exp64(r) * Wrap(Vector256.ShiftLeft(biased, 52).AsDouble()) * Of(2);
        }
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256<T> Log(V256<T> x) => IsF32 ? Wrap(Vector256.Log(x.F)) : Wrap(Vector256.Log(x.D));

    /// <inheritdoc/>
    public static V256<T> Sin(V256<T> x) => IsF32 ? Wrap(Vector256.Sin(x.F)) : Wrap(Vector256.Sin(x.D));

    /// <inheritdoc/>
    public static V256<T> Cos(V256<T> x) => IsF32 ? Wrap(Vector256.Cos(x.F)) : Wrap(Vector256.Cos(x.D));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256<T> MillsHalf(V256<T> absX)
    {
        var u = (absX - Of(4)) / (absX + Of(4));
        return IsF32 ? Polynomials.MillsHalf32(u) : Polynomials.MillsHalf64(u);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256<T> ErfSmall(V256<T> xSquared) => IsF32 ? Polynomials.Erf32(xSquared) : Polynomials.Erf64(xSquared);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256<T> IfGreater(V256<T> a, V256<T> b, V256<T> x, V256<T> y) =>
        new(Vector256.ConditionalSelect(Vector256.GreaterThan(a._v, b._v), x._v, y._v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256<T> IfEqual(V256<T> a, V256<T> b, V256<T> x, V256<T> y) =>
        new(Vector256.ConditionalSelect(Vector256.Equals(a._v, b._v), x._v, y._v));

    private static V256<T> Wrap(Vector256<float> v) => new(v.As<float, T>());

    private static V256<T> Wrap(Vector256<double> v) => new(v.As<double, T>());
}
