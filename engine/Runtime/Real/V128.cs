using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace FlorenceKernels.Runtime;

/// <summary>128 bits of float or double.</summary>
/// <typeparam name="T">float or double.</typeparam>
public readonly unsafe struct V128<T>(Vector128<T> value) : ISimd<V128<T>, T> where T : unmanaged
{
    private readonly Vector128<T> _v = value;

    private static bool IsF32 => typeof(T) == typeof(float);

    private Vector128<float> F => _v.AsSingle();

    private Vector128<double> D => _v.AsDouble();

    /// <inheritdoc/>
    public static int Count => Vector128<T>.Count;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128<T> Load(T* source) => new(Vector128.Load(source));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128<T> Broadcast(T value) => new(Vector128.Create(value));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(T* target) => _v.Store(target);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T SumLanes() => Vector128.Sum(_v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T MaxLane() => IsF32
        ? (T)(object)MathF.Max(MathF.Max(F[0], F[1]), MathF.Max(F[2], F[3])) : (T)(object)Math.Max(D[0], D[1]);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128<T> Of(double value) =>
        typeof(T) == typeof(float) ? new(Vector128.Create((float)value).As<float, T>()) : new(Vector128.Create(value).As<double, T>());

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128<T> operator +(V128<T> left, V128<T> right) => new(left._v + right._v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128<T> operator -(V128<T> left, V128<T> right) => new(left._v - right._v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128<T> operator *(V128<T> left, V128<T> right) => new(left._v * right._v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128<T> operator /(V128<T> left, V128<T> right) => new(left._v / right._v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128<T> operator -(V128<T> value) => new(-value._v);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128<T> MultiplyAdd(V128<T> a, V128<T> b, V128<T> c) => typeof(T) == typeof(float)
        ? new(Vector128.MultiplyAddEstimate(a._v.AsSingle(), b._v.AsSingle(), c._v.AsSingle()).As<float, T>())
        : new(Vector128.MultiplyAddEstimate(a._v.AsDouble(), b._v.AsDouble(), c._v.AsDouble()).As<double, T>());

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128<T> Horner(V128<T> p, V128<T> x, double c) => typeof(T) == typeof(float)
        ? new(Vector128.MultiplyAddEstimate(p._v.AsSingle(), x._v.AsSingle(), Vector128.Create((float)c)).As<float, T>())
        : new(Vector128.MultiplyAddEstimate(p._v.AsDouble(), x._v.AsDouble(), Vector128.Create(c)).As<double, T>());

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128<T> Sqrt(V128<T> x) => new(Vector128.Sqrt(x._v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128<T> Abs(V128<T> x) => new(Vector128.Abs(x._v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128<T> Max(V128<T> a, V128<T> b) => new(Vector128.MaxNative(a._v, b._v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128<T> Min(V128<T> a, V128<T> b) => new(Vector128.MinNative(a._v, b._v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128<T> Floor(V128<T> x) => IsF32 ? Wrap(Vector128.Floor(x.F)) : Wrap(Vector128.Floor(x.D));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128<T> Exp(V128<T> x)
    {
        if (typeof(T) == typeof(float))
        {
            // The steps of RealMath.Split32 on bare vectors: through the wrapper the JIT runs out of locals and stops inlining.
            var v = Vector128.MaxNative(Vector128.Create(-87.4f), Vector128.MinNative(Vector128.Create(89f), x._v.AsSingle()));
            var n = Vector128.Floor(Vector128.MultiplyAddEstimate(v, Vector128.Create((float)RealMath.Log2E), Vector128.Create(0.5f)));
            v = Vector128.MultiplyAddEstimate(n, Vector128.Create((float)-RealMath.Ln2High), v);
            v = Vector128.MultiplyAddEstimate(n, Vector128.Create((float)-RealMath.Ln2Low), v);
            var scale = Vector128.ShiftLeft(Vector128.ConvertToInt32Native(n) + Vector128.Create(126), 23).AsSingle();
            var p = Polynomials.TwoExp32(new V128<T>(v.As<float, T>()))._v.AsSingle();
            return new((p * scale).As<float, T>());
        }
        else
        {
            var v = Vector128.MaxNative(Vector128.Create(-708.6), Vector128.MinNative(Vector128.Create(710.0), x._v.AsDouble()));
            var n = Vector128.Floor(Vector128.MultiplyAddEstimate(v, Vector128.Create(RealMath.Log2E), Vector128.Create(0.5)));
            v = Vector128.MultiplyAddEstimate(n, Vector128.Create(-RealMath.Ln2High64), v);
            v = Vector128.MultiplyAddEstimate(n, Vector128.Create(-RealMath.Ln2Low64), v);
            var scale = Vector128.ShiftLeft(Vector128.ConvertToInt64Native(n) + Vector128.Create(1022L), 52).AsDouble();
            var p = Polynomials.TwoExp64(new V128<T>(v.As<double, T>()))._v.AsDouble();
            return new((p * scale).As<double, T>());
        }
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128<T> Log(V128<T> x) => IsF32 ? Wrap(Vector128.Log(x.F)) : Wrap(Vector128.Log(x.D));

    /// <inheritdoc/>
    public static V128<T> Sin(V128<T> x) => IsF32 ? Wrap(Vector128.Sin(x.F)) : Wrap(Vector128.Sin(x.D));

    /// <inheritdoc/>
    public static V128<T> Cos(V128<T> x) => IsF32 ? Wrap(Vector128.Cos(x.F)) : Wrap(Vector128.Cos(x.D));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128<T> MillsHalf(V128<T> absX)
    {
        var u = (absX - Of(4)) / (absX + Of(4));
        return IsF32 ? Polynomials.MillsHalf32(u) : Polynomials.MillsHalf64(u);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128<T> ErfSmall(V128<T> xSquared) => IsF32 ? Polynomials.Erf32(xSquared) : Polynomials.Erf64(xSquared);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128<T> IfGreater(V128<T> a, V128<T> b, V128<T> x, V128<T> y) =>
        new(Vector128.ConditionalSelect(Vector128.GreaterThan(a._v, b._v), x._v, y._v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128<T> IfEqual(V128<T> a, V128<T> b, V128<T> x, V128<T> y) =>
        new(Vector128.ConditionalSelect(Vector128.Equals(a._v, b._v), x._v, y._v));

    private static V128<T> Wrap(Vector128<float> v) => new(v.As<float, T>());

    private static V128<T> Wrap(Vector128<double> v) => new(v.As<double, T>());
}
