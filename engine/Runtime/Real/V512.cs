using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace FlorenceKernels.Runtime;

/// <summary>512 bits of float or double.</summary>
/// <typeparam name="T">float or double.</typeparam>
public readonly unsafe struct V512<T>(Vector512<T> value) : ISimd<V512<T>, T> where T : unmanaged
{
    private readonly Vector512<T> _v = value;

    private static bool IsF32 => typeof(T) == typeof(float);

    private Vector512<float> F => _v.AsSingle();

    private Vector512<double> D => _v.AsDouble();

    /// <inheritdoc/>
    public static int Count => Vector512<T>.Count;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512<T> Load(T* source) => new(Vector512.Load(source));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512<T> Broadcast(T value) => new(Vector512.Create(value));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(T* target) => _v.Store(target);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T SumLanes() => Vector512.Sum(_v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T MaxLane() => new V256<T>(Vector256.MaxNative(_v.GetLower(), _v.GetUpper())).MaxLane();

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512<T> Of(double value) =>
        IsF32 ? Wrap(Vector512.Create((float)value)) : Wrap(Vector512.Create(value));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512<T> operator +(V512<T> left, V512<T> right) => new(left._v + right._v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512<T> operator -(V512<T> left, V512<T> right) => new(left._v - right._v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512<T> operator *(V512<T> left, V512<T> right) => new(left._v * right._v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512<T> operator /(V512<T> left, V512<T> right) => new(left._v / right._v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512<T> operator -(V512<T> value) => new(-value._v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512<T> MultiplyAdd(V512<T> a, V512<T> b, V512<T> c) => IsF32
        ? Wrap(Vector512.MultiplyAddEstimate(a.F, b.F, c.F)) : Wrap(Vector512.MultiplyAddEstimate(a.D, b.D, c.D));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512<T> Sqrt(V512<T> x) => new(Vector512.Sqrt(x._v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512<T> Abs(V512<T> x) => new(Vector512.Abs(x._v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512<T> Max(V512<T> a, V512<T> b) => new(Vector512.MaxNative(a._v, b._v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512<T> Min(V512<T> a, V512<T> b) => new(Vector512.MinNative(a._v, b._v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512<T> Floor(V512<T> x) => IsF32 ? Wrap(Vector512.Floor(x.F)) : Wrap(Vector512.Floor(x.D));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512<T> Exp(V512<T> x)
    {
        if (IsF32)
        {
            var (n, r) = RealMath.Split32(x);
            var biased = Vector512.ConvertToInt32Native(n.F) + Vector512.Create(126);
            var p = Polynomials.Exp32(r);
            return p * Wrap(Vector512.ShiftLeft(biased, 23).AsSingle()) * Of(2);
        }
        else
        {
            var (n, r) = RealMath.Split64(x);
            var biased = Vector512.ConvertToInt64Native(n.D) + Vector512.Create(1022L);
            return Polynomials.Exp64(r) * Wrap(Vector512.ShiftLeft(biased, 52).AsDouble()) * Of(2);
        }
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512<T> Log(V512<T> x) => IsF32 ? Wrap(Vector512.Log(x.F)) : Wrap(Vector512.Log(x.D));

    /// <inheritdoc/>
    public static V512<T> Sin(V512<T> x) => IsF32 ? Wrap(Vector512.Sin(x.F)) : Wrap(Vector512.Sin(x.D));

    /// <inheritdoc/>
    public static V512<T> Cos(V512<T> x) => IsF32 ? Wrap(Vector512.Cos(x.F)) : Wrap(Vector512.Cos(x.D));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512<T> MillsHalf(V512<T> absX)
    {
        var u = (absX - Of(4)) / (absX + Of(4));
        return IsF32 ? Polynomials.MillsHalf32(u) : Polynomials.MillsHalf64(u);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512<T> ErfSmall(V512<T> xSquared) => IsF32 ? Polynomials.Erf32(xSquared) : Polynomials.Erf64(xSquared);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512<T> IfGreater(V512<T> a, V512<T> b, V512<T> x, V512<T> y) =>
        new(Vector512.ConditionalSelect(Vector512.GreaterThan(a._v, b._v), x._v, y._v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512<T> IfEqual(V512<T> a, V512<T> b, V512<T> x, V512<T> y) =>
        new(Vector512.ConditionalSelect(Vector512.Equals(a._v, b._v), x._v, y._v));

    private static V512<T> Wrap(Vector512<float> v) => new(v.As<float, T>());

    private static V512<T> Wrap(Vector512<double> v) => new(v.As<double, T>());
}
