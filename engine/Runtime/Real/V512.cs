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
        typeof(T) == typeof(float) ? new(Vector512.Create((float)value).As<float, T>()) : new(Vector512.Create(value).As<double, T>());

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
    public static V512<T> MultiplyAdd(V512<T> a, V512<T> b, V512<T> c) => typeof(T) == typeof(float)
        ? new(Vector512.MultiplyAddEstimate(a._v.AsSingle(), b._v.AsSingle(), c._v.AsSingle()).As<float, T>())
        : new(Vector512.MultiplyAddEstimate(a._v.AsDouble(), b._v.AsDouble(), c._v.AsDouble()).As<double, T>());

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512<T> Horner(V512<T> p, V512<T> x, double c) => typeof(T) == typeof(float)
        ? new(Vector512.MultiplyAddEstimate(p._v.AsSingle(), x._v.AsSingle(), Vector512.Create((float)c)).As<float, T>())
        : new(Vector512.MultiplyAddEstimate(p._v.AsDouble(), x._v.AsDouble(), Vector512.Create(c)).As<double, T>());

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
        if (typeof(T) == typeof(float))
        {
            // The steps of RealMath.Split32 on bare vectors: through the wrapper the JIT runs out of locals and stops inlining.
            var v = Vector512.MaxNative(Vector512.Create(-87.4f), Vector512.MinNative(Vector512.Create(89f), x._v.AsSingle()));
            var n = Vector512.Floor(Vector512.MultiplyAddEstimate(v, Vector512.Create((float)RealMath.Log2E), Vector512.Create(0.5f)));
            v = Vector512.MultiplyAddEstimate(n, Vector512.Create((float)-RealMath.Ln2High), v);
            v = Vector512.MultiplyAddEstimate(n, Vector512.Create((float)-RealMath.Ln2Low), v);
            var scale = Vector512.ShiftLeft(Vector512.ConvertToInt32Native(n) + Vector512.Create(126), 23).AsSingle();
            var p = Polynomials.TwoExp32(new V512<T>(v.As<float, T>()))._v.AsSingle();
            return new((p * scale).As<float, T>());
        }
        else
        {
            var v = Vector512.MaxNative(Vector512.Create(-708.6), Vector512.MinNative(Vector512.Create(710.0), x._v.AsDouble()));
            var n = Vector512.Floor(Vector512.MultiplyAddEstimate(v, Vector512.Create(RealMath.Log2E), Vector512.Create(0.5)));
            v = Vector512.MultiplyAddEstimate(n, Vector512.Create(-RealMath.Ln2High64), v);
            v = Vector512.MultiplyAddEstimate(n, Vector512.Create(-RealMath.Ln2Low64), v);
            var scale = Vector512.ShiftLeft(Vector512.ConvertToInt64Native(n) + Vector512.Create(1022L), 52).AsDouble();
            var p = Polynomials.TwoExp64(new V512<T>(v.As<double, T>()))._v.AsDouble();
            return new((p * scale).As<double, T>());
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
