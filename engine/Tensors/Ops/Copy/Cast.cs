using System;
using FlorenceKernels.Runtime;
using ILGPU;

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

internal readonly struct I64Codec : ICodec<long>
{
    public static double Read(long value) => value;

    public static long Write(double value) => (long)value;
}

internal readonly struct I32Codec : ICodec<int>
{
    public static double Read(int value) => value;

    public static int Write(double value) => (int)value;
}

internal readonly struct U8Codec : ICodec<byte>
{
    public static double Read(byte value) => (int)value;

    public static byte Write(double value) => (byte)(int)value;
}

internal readonly struct BoolCodec : ICodec<byte>
{
    // Not a choice between 0 and 1: ILGPU turns that into a conversion of a predicate, whose bits OpenCL then takes for a double.
    public static double Read(byte value) => Math.Min((int)value, 1);

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

internal readonly struct F16Codec : ICodec<ILGPU.Half>
{
    public static double Read(ILGPU.Half value) => (float)value;

    public static ILGPU.Half Write(double value) => (ILGPU.Half)(float)value;
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
            default: From<ILGPU.Half, F16Codec>(dense, y); break;
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
            default: Launch<TX, CX, ILGPU.Half, F16Codec>(x, y); break;
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
