using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;

namespace FlorenceKernels.Tensors;

/// <summary>One SIMD width: kernels are written once over it and compiled once per width and element type.</summary>
internal unsafe interface ILanes<TV, T>
    where TV : unmanaged
    where T : unmanaged
{
    static abstract int Count { get; }

    /// <summary>Rows of the micro-kernel: as many as leave two accumulators per row, two B vectors and a broadcast in
    /// registers.</summary>
    static abstract int TileRows { get; }

    static abstract TV Zero { get; }
    static abstract TV Set(T value);
    static abstract TV Load(T* source);
    static abstract void Store(T* target, TV value);

    /// <summary>Stores to an aligned address around the caches: for results too large to be there when they are read.</summary>
    static abstract void Stream(T* target, TV value);
    static abstract TV MulAdd(TV a, TV b, TV c);
    static abstract TV Add(TV a, TV b);
    static abstract TV Sub(TV a, TV b);
    static abstract TV Mul(TV a, TV b);
    static abstract TV Div(TV a, TV b);
    static abstract TV Min(TV a, TV b);
    static abstract TV Max(TV a, TV b);
    static abstract TV Abs(TV a);

    /// <summary>a &lt; b ? x : y in each lane (y where a or b is NaN).</summary>
    static abstract TV IfLess(TV a, TV b, TV x, TV y);

    /// <summary>2ⁿ for integer-valued n within the normal exponents.</summary>
    static abstract TV PowerOfTwo(TV n);

    static abstract T Sum(TV a);
}

internal readonly unsafe struct Lanes512<T> : ILanes<Vector512<T>, T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Count => Vector512<T>.Count;
    public static int TileRows => 12;
    public static Vector512<T> Zero => Vector512<T>.Zero;
    public static Vector512<T> Set(T value) => Vector512.Create(value);
    public static Vector512<T> Load(T* source) => Vector512.Load(source);
    public static void Store(T* target, Vector512<T> value) => value.Store(target);
    public static void Stream(T* target, Vector512<T> value) => value.StoreAlignedNonTemporal(target);
    public static Vector512<T> Add(Vector512<T> a, Vector512<T> b) => a + b;
    public static Vector512<T> Sub(Vector512<T> a, Vector512<T> b) => a - b;
    public static Vector512<T> Mul(Vector512<T> a, Vector512<T> b) => a * b;
    public static Vector512<T> Div(Vector512<T> a, Vector512<T> b) => a / b;
    public static Vector512<T> Min(Vector512<T> a, Vector512<T> b) => Vector512.MinNative(a, b);
    public static Vector512<T> Max(Vector512<T> a, Vector512<T> b) => Vector512.MaxNative(a, b);
    public static Vector512<T> Abs(Vector512<T> a) => Vector512.Abs(a);
    public static T Sum(Vector512<T> a) => Vector512.Sum(a);

    public static Vector512<T> IfLess(Vector512<T> a, Vector512<T> b, Vector512<T> x, Vector512<T> y) =>
        Vector512.ConditionalSelect(Vector512.LessThan(a, b), x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> MulAdd(Vector512<T> a, Vector512<T> b, Vector512<T> c) => typeof(T) == typeof(float)
        ? Vector512.FusedMultiplyAdd(a.AsSingle(), b.AsSingle(), c.AsSingle()).As<float, T>()
        : Vector512.FusedMultiplyAdd(a.AsDouble(), b.AsDouble(), c.AsDouble()).As<double, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> PowerOfTwo(Vector512<T> n) => typeof(T) == typeof(float)
        ? ((Vector512.ConvertToInt32Native(n.AsSingle()) + Vector512.Create(127)) << 23).As<int, T>()
        : ((Vector512.ConvertToInt64Native(n.AsDouble()) + Vector512.Create(1023L)) << 52).As<long, T>();
}

internal readonly unsafe struct Lanes256<T> : ILanes<Vector256<T>, T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Count => Vector256<T>.Count;
    public static int TileRows => 6;
    public static Vector256<T> Zero => Vector256<T>.Zero;
    public static Vector256<T> Set(T value) => Vector256.Create(value);
    public static Vector256<T> Load(T* source) => Vector256.Load(source);
    public static void Store(T* target, Vector256<T> value) => value.Store(target);
    public static void Stream(T* target, Vector256<T> value) => value.StoreAlignedNonTemporal(target);
    public static Vector256<T> Add(Vector256<T> a, Vector256<T> b) => a + b;
    public static Vector256<T> Sub(Vector256<T> a, Vector256<T> b) => a - b;
    public static Vector256<T> Mul(Vector256<T> a, Vector256<T> b) => a * b;
    public static Vector256<T> Div(Vector256<T> a, Vector256<T> b) => a / b;
    public static Vector256<T> Min(Vector256<T> a, Vector256<T> b) => Vector256.MinNative(a, b);
    public static Vector256<T> Max(Vector256<T> a, Vector256<T> b) => Vector256.MaxNative(a, b);
    public static Vector256<T> Abs(Vector256<T> a) => Vector256.Abs(a);
    public static T Sum(Vector256<T> a) => Vector256.Sum(a);

    public static Vector256<T> IfLess(Vector256<T> a, Vector256<T> b, Vector256<T> x, Vector256<T> y) =>
        Vector256.ConditionalSelect(Vector256.LessThan(a, b), x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> MulAdd(Vector256<T> a, Vector256<T> b, Vector256<T> c) => typeof(T) == typeof(float)
        ? Vector256.FusedMultiplyAdd(a.AsSingle(), b.AsSingle(), c.AsSingle()).As<float, T>()
        : Vector256.FusedMultiplyAdd(a.AsDouble(), b.AsDouble(), c.AsDouble()).As<double, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> PowerOfTwo(Vector256<T> n) => typeof(T) == typeof(float)
        ? ((Vector256.ConvertToInt32Native(n.AsSingle()) + Vector256.Create(127)) << 23).As<int, T>()
        : ((Vector256.ConvertToInt64Native(n.AsDouble()) + Vector256.Create(1023L)) << 52).As<long, T>();
}

/// <summary>The portable width. Where the machine has no fused multiply-add, a·b + c rounds twice.</summary>
internal readonly unsafe struct Lanes128<T> : ILanes<Vector128<T>, T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Count => Vector128<T>.Count;
    public static int TileRows => AdvSimd.IsSupported ? 12 : 6; // 32 vector registers on Arm64, 16 on x64
    public static Vector128<T> Zero => Vector128<T>.Zero;
    public static Vector128<T> Set(T value) => Vector128.Create(value);
    public static Vector128<T> Load(T* source) => Vector128.Load(source);
    public static void Store(T* target, Vector128<T> value) => value.Store(target);
    public static void Stream(T* target, Vector128<T> value) => value.StoreAlignedNonTemporal(target);
    public static Vector128<T> Add(Vector128<T> a, Vector128<T> b) => a + b;
    public static Vector128<T> Sub(Vector128<T> a, Vector128<T> b) => a - b;
    public static Vector128<T> Mul(Vector128<T> a, Vector128<T> b) => a * b;
    public static Vector128<T> Div(Vector128<T> a, Vector128<T> b) => a / b;
    public static Vector128<T> Min(Vector128<T> a, Vector128<T> b) => Vector128.MinNative(a, b);
    public static Vector128<T> Max(Vector128<T> a, Vector128<T> b) => Vector128.MaxNative(a, b);
    public static Vector128<T> Abs(Vector128<T> a) => Vector128.Abs(a);
    public static T Sum(Vector128<T> a) => Vector128.Sum(a);

    public static Vector128<T> IfLess(Vector128<T> a, Vector128<T> b, Vector128<T> x, Vector128<T> y) =>
        Vector128.ConditionalSelect(Vector128.LessThan(a, b), x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> MulAdd(Vector128<T> a, Vector128<T> b, Vector128<T> c) => typeof(T) == typeof(float)
        ? Vector128.MultiplyAddEstimate(a.AsSingle(), b.AsSingle(), c.AsSingle()).As<float, T>()
        : Vector128.MultiplyAddEstimate(a.AsDouble(), b.AsDouble(), c.AsDouble()).As<double, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> PowerOfTwo(Vector128<T> n) => typeof(T) == typeof(float)
        ? ((Vector128.ConvertToInt32Native(n.AsSingle()) + Vector128.Create(127)) << 23).As<int, T>()
        : ((Vector128.ConvertToInt64Native(n.AsDouble()) + Vector128.Create(1023L)) << 52).As<long, T>();
}

/// <summary>A number known to the compiler: the row count of a tile is a type, so that the other rows vanish from its
/// code.</summary>
internal interface ITileRows
{
    static abstract int Value { get; }
}

internal readonly struct Rows1 : ITileRows { public static int Value => 1; }
internal readonly struct Rows2 : ITileRows { public static int Value => 2; }
internal readonly struct Rows3 : ITileRows { public static int Value => 3; }
internal readonly struct Rows4 : ITileRows { public static int Value => 4; }
internal readonly struct Rows5 : ITileRows { public static int Value => 5; }
internal readonly struct Rows6 : ITileRows { public static int Value => 6; }
internal readonly struct Rows7 : ITileRows { public static int Value => 7; }
internal readonly struct Rows8 : ITileRows { public static int Value => 8; }
internal readonly struct Rows9 : ITileRows { public static int Value => 9; }
internal readonly struct Rows10 : ITileRows { public static int Value => 10; }
internal readonly struct Rows11 : ITileRows { public static int Value => 11; }
internal readonly struct Rows12 : ITileRows { public static int Value => 12; }
