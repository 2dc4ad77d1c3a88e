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
        typeof(T) == typeof(float) ? new(Vector256.Create((float)value).As<float, T>()) : new(Vector256.Create(value).As<double, T>());

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
    public static V256<T> MultiplyAdd(V256<T> a, V256<T> b, V256<T> c) => typeof(T) == typeof(float)
        ? new(Vector256.MultiplyAddEstimate(a._v.AsSingle(), b._v.AsSingle(), c._v.AsSingle()).As<float, T>())
        : new(Vector256.MultiplyAddEstimate(a._v.AsDouble(), b._v.AsDouble(), c._v.AsDouble()).As<double, T>());

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256<T> Horner(V256<T> p, V256<T> x, double c) => typeof(T) == typeof(float)
        ? new(Vector256.MultiplyAddEstimate(p._v.AsSingle(), x._v.AsSingle(), Vector256.Create((float)c)).As<float, T>())
        : new(Vector256.MultiplyAddEstimate(p._v.AsDouble(), x._v.AsDouble(), Vector256.Create(c)).As<double, T>());

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
        if (typeof(T) == typeof(float))
        {
            // The steps of RealMath.Split32 on bare vectors: through the wrapper the JIT runs out of locals and stops inlining.
            var v = Vector256.MaxNative(Vector256.Create(-87.4f), Vector256.MinNative(Vector256.Create(89f), x._v.AsSingle()));
            var n = Vector256.Floor(Vector256.MultiplyAddEstimate(v, Vector256.Create((float)RealMath.Log2E), Vector256.Create(0.5f)));
            v = Vector256.MultiplyAddEstimate(n, Vector256.Create((float)-RealMath.Ln2High), v);
            v = Vector256.MultiplyAddEstimate(n, Vector256.Create((float)-RealMath.Ln2Low), v);
            var scale = Vector256.ShiftLeft(Vector256.ConvertToInt32Native(n) + Vector256.Create(126), 23).AsSingle();
            var p = Polynomials.TwoExp32(new V256<T>(v.As<float, T>()))._v.AsSingle();
            return new((p * scale).As<float, T>());
        }
        else
        {
            var v = Vector256.MaxNative(Vector256.Create(-708.6), Vector256.MinNative(Vector256.Create(710.0), x._v.AsDouble()));
            var n = Vector256.Floor(Vector256.MultiplyAddEstimate(v, Vector256.Create(RealMath.Log2E), Vector256.Create(0.5)));
            v = Vector256.MultiplyAddEstimate(n, Vector256.Create(-RealMath.Ln2High64), v);
            v = Vector256.MultiplyAddEstimate(n, Vector256.Create(-RealMath.Ln2Low64), v);
            var scale = Vector256.ShiftLeft(Vector256.ConvertToInt64Native(n) + Vector256.Create(1022L), 52).AsDouble();
            var p = Polynomials.TwoExp64(new V256<T>(v.As<double, T>()))._v.AsDouble();
            return new((p * scale).As<double, T>());
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
