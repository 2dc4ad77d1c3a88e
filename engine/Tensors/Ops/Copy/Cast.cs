using FlorenceKernels.Runtime;
using ILGPU;
using ILGPU.Algorithms;

namespace FlorenceKernels.Tensors;

/// <summary>How an element type is read as and made from a double.</summary>
internal interface ICodec<T> where T : unmanaged
{
    static abstract double Read(T value);

    static abstract T Write(double value);
}

internal readonly struct F32Codec : ICodec<float>
{
    public static double Read(float value) => value;

    public static float Write(double value) => (float)value;
}

internal readonly struct F64Codec : ICodec<double>
{
    public static double Read(double value) => value;

    public static double Write(double value) => value;
}

// Out-of-range doubles saturate and NaN is 0, as in .NET; a bare conversion differs from device to device.
internal readonly struct I64Codec : ICodec<long>
{
    public static double Read(long value) => value;

    public static long Write(double value)
    {
        if (XMath.IsNaN(value)) { return 0; }
        if (value >= 9223372036854775807.0) { return long.MaxValue; }
        if (value <= -9223372036854775808.0) { return long.MinValue; }
        return (long)value;
    }
}

internal readonly struct I32Codec : ICodec<int>
{
    public static double Read(int value) => value;

    public static int Write(double value)
    {
        if (XMath.IsNaN(value)) { return 0; }
        if (value >= 2147483647.0) { return int.MaxValue; }
        if (value <= -2147483648.0) { return int.MinValue; }
        return (int)value;
    }
}

internal readonly struct U8Codec : ICodec<byte>
{
    public static double Read(byte value) => (int)value;

    public static byte Write(double value) => (byte)I32Codec.Write(value);
}

internal readonly struct BoolCodec : ICodec<byte>
{
    // The stored byte is 0 or 1. ILGPU 1.5.3 turns "value == 0 ? 0 : 1" into a predicate and converts its bits, not its value.
    public static double Read(byte value) => (int)value;

    public static byte Write(double value) => value == 0 ? (byte)0 : (byte)1;
}

/// <summary>bfloat16 by integer arithmetic, because kernels have no such type: round to nearest even, NaN kept.</summary>
internal readonly struct BF16Codec : ICodec<ushort>
{
    public static double Read(ushort value) => Interop.IntAsFloat((uint)value << 16);

    public static ushort Write(double value)
    {
        var f = (float)value;
        var bits = Interop.FloatAsInt(f);
        if ((bits & 0x7FFFFFFF) > 0x7F800000) { return (ushort)((bits >> 16) | 0x40); }
        return (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }
}

/// <summary>IEEE binary16 by integer arithmetic, because not every OpenCL device has it: round to nearest even, NaN kept.</summary>
internal readonly struct F16Codec : ICodec<ushort>
{
    public static double Read(ushort value)
    {
        var sign = ((uint)value & 0x8000) << 16;
        var magnitude = (uint)value & 0x7FFF;
        if (magnitude >= 0x7C00) { return Interop.IntAsFloat(sign | 0x7F800000 | ((magnitude & 0x3FF) << 13)); }
        if (magnitude >= 0x0400) { return Interop.IntAsFloat(sign | ((magnitude << 13) + 0x38000000)); }
        var small = (int)magnitude * 5.9604644775390625e-8;
        return sign == 0 ? small : -small;
    }

    public static ushort Write(double value)
    {
        var bits = Interop.FloatAsInt((float)value);
        var sign = (bits >> 16) & 0x8000;
        var magnitude = bits & 0x7FFFFFFF;
        if (magnitude > 0x7F800000) { return (ushort)(sign | 0x7E00); }
        if (magnitude >= 0x477FF000) { return (ushort)(sign | 0x7C00); }
        if (magnitude >= 0x38800000)
        {
            magnitude -= 0x38000000;
            return (ushort)(sign | ((magnitude + 0xFFF + ((magnitude >> 13) & 1)) >> 13));
        }

        // Adding ½ leaves a unit in the last place of 2⁻²⁴, the step of the subnormal numbers.
        return (ushort)(sign | (Interop.FloatAsInt(Interop.IntAsFloat(magnitude) + 0.5f) - 0x3F000000));
    }
}

/// <summary>Conversion between any two element types, on any device.</summary>
internal static class CastOp
{
    public static Tensor Run(Tensor x, DType dtype)
    {
        using var noGrad = GradMode.NoGrad();
        using var dense = x.ContiguousUntracked();
        var y = Tensor.Empty(x.Shape, dtype, x.Device);
        if (y.Count == 0) { return y; }
        switch (x.DType)
        {
            case DType.F32: From<float, F32Codec>(dense, y); break;
            case DType.F64: From<double, F64Codec>(dense, y); break;
            case DType.I64: From<long, I64Codec>(dense, y); break;
            case DType.I32: From<int, I32Codec>(dense, y); break;
            case DType.U8: From<byte, U8Codec>(dense, y); break;
            case DType.Bool: From<byte, BoolCodec>(dense, y); break;
            case DType.BF16: From<ushort, BF16Codec>(dense, y); break;
            default: From<ushort, F16Codec>(dense, y); break;
        }

        return y;
    }

    private static void From<TX, CX>(Tensor x, Tensor y) where TX : unmanaged where CX : struct, ICodec<TX>
    {
        switch (y.DType)
        {
            case DType.F32: Launch<TX, CX, float, F32Codec>(x, y); break;
            case DType.F64: Launch<TX, CX, double, F64Codec>(x, y); break;
            case DType.I64: Launch<TX, CX, long, I64Codec>(x, y); break;
            case DType.I32: Launch<TX, CX, int, I32Codec>(x, y); break;
            case DType.U8: Launch<TX, CX, byte, U8Codec>(x, y); break;
            case DType.Bool: Launch<TX, CX, byte, BoolCodec>(x, y); break;
            case DType.BF16: Launch<TX, CX, ushort, BF16Codec>(x, y); break;
            default: Launch<TX, CX, ushort, F16Codec>(x, y); break;
        }
    }

    private static unsafe void Launch<TX, CX, TY, CY>(Tensor x, Tensor y)
        where TX : unmanaged where CX : struct, ICodec<TX> where TY : unmanaged where CY : struct, ICodec<TY>
    {
        if (y.Device is GpuDevice gpu)
        {
            gpu.LaunchElements(Convert<TX, CX, TY, CY>, y.Count, new Args<TX, TY> { X = x.View<TX>(), Y = y.View<TY>(), Count = checked((int)y.Count) });
            return;
        }

        y.Device.Counters.Launched();
        TX* px = (TX*)x.Storage.Pointer + x.Offset;
        TY* py = (TY*)y.Storage.Pointer + y.Offset;
        CpuThreads.ForRange(y.Count, 1 << 15, (from, to) =>
        {
            for (var i = from; i < to; i++) { py[i] = CY.Write(CX.Read(px[i])); }
        });
    }

    internal static void Convert<TX, CX, TY, CY>(Args<TX, TY> a)
        where TX : unmanaged where CX : struct, ICodec<TX> where TY : unmanaged where CY : struct, ICodec<TY>
    {
        for (var i = Grid.IdxX * Group.DimX + Group.IdxX; i < a.Count; i += Grid.DimX * Group.DimX) { a.Y[i] = CY.Write(CX.Read(a.X[i])); }
    }

    internal struct Args<TX, TY> where TX : unmanaged where TY : unmanaged
    {
        public ArrayView<TX> X;
        public ArrayView<TY> Y;
        public int Count;
    }
}
