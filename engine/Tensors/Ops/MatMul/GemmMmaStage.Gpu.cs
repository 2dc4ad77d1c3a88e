using FlorenceKernels.Runtime;
using ILGPU;
using ILGPU.Runtime.Cuda;

namespace FlorenceKernels.Tensors;

/// <summary>What f32 operands are rounded to on their way to the matrix units; a step is 64 bytes of inner axis.</summary>
internal interface IMmaType
{
    /// <summary>Whether elements take 16 bits, which makes steps of 32 k; else 16.</summary>
    static abstract bool Is16Bit { get; }
}

/// <summary>10 bits of mantissa in 32.</summary>
internal readonly struct Tf32 : IMmaType
{
    public static bool Is16Bit => false;
}

/// <summary>7 bits of mantissa in 16.</summary>
internal readonly struct Bf16 : IMmaType
{
    public static bool Is16Bit => true;
}

/// <summary>One step's elements of a thread: 16, or 8 of which the first two packs.</summary>
internal struct Pack16
{
    public Pack4<G32> P0, P1, P2, P3;
}

/// <summary>How 256 threads bring one operand's 128 lines × 64 bytes to shared memory. Piece c (16 bytes) of line l lies in the
/// line's piece
/// c ⊕ (l/2 mod 4): eight lines of one piece, as ldmatrix reads them, then fill all 32 banks.</summary>
internal interface IMmaStage<TSelf> where TSelf : struct, IMmaStage<TSelf>
{
    /// <summary>This thread's elements of a step.</summary>
    Pack16 Fetch<TType>(int batch, int firstLine, int k) where TType : struct, IMmaType;

    /// <summary>Rounds and stores them from byte <paramref name="buffer"/> of shared memory on.</summary>
    void Store<TType>(int buffer, Pack16 values) where TType : struct, IMmaType;
}

/// <summary>Strided operands for matrix units.</summary>
internal static class MmaStages
{
    /// <summary>4 k at a time; only where k are neighbours and <see cref="StridedSource{R}.IsVector"/>.</summary>
    public static MmaVectorStage MmaVector(this StridedSource<G32> source) => new() { Operand = source.Vector() };

    /// <summary>Element by element.</summary>
    public static MmaScalarStage<StridedSource<G32>> MmaScalar(this StridedSource<G32> source)
    {
        var stage = source.Scalar();
        return new() { Source = stage.Source, AlongInner = stage.AlongInner };
    }
}

/// <summary>Aligned groups of 4 k: vector loads. Neighbouring threads read neighbouring groups.</summary>
internal struct MmaVectorStage : IMmaStage<MmaVectorStage>
{
    public VectorStage<G32> Operand;

    public readonly Pack16 Fetch<TType>(int batch, int firstLine, int k) where TType : struct, IMmaType
    {
        var values = new Pack16 { P0 = Load<TType>(batch, firstLine, k, 0), P1 = Load<TType>(batch, firstLine, k, 1) };
        if (TType.Is16Bit)
        {
            values.P2 = Load<TType>(batch, firstLine, k, 2);
            values.P3 = Load<TType>(batch, firstLine, k, 3);
        }

        return values;
    }

    public readonly void Store<TType>(int buffer, Pack16 values) where TType : struct, IMmaType
    {
        Put<TType>(buffer, 0, values.P0);
        Put<TType>(buffer, 1, values.P1);
        if (!TType.Is16Bit) { return; }
        Put<TType>(buffer, 2, values.P2);
        Put<TType>(buffer, 3, values.P3);
    }

    private readonly Pack4<G32> Load<TType>(int batch, int firstLine, int k, int j) where TType : struct, IMmaType
    {
        int p = Group.IdxX + GemmMma.Threads * j, line = firstLine + (TType.Is16Bit ? p >> 3 : p >> 2);
        return Operand.Load(batch, line, k + (TType.Is16Bit ? p & 7 : p & 3) * 4);
    }

    private static void Put<TType>(int buffer, int j, Pack4<G32> v) where TType : struct, IMmaType
    {
        var p = Group.IdxX + GemmMma.Threads * j;
        if (TType.Is16Bit)
        {
            int line = p >> 3, to = buffer + line * 64 + (((p & 7) >> 1 ^ line >> 1 & 3) << 4) + (p & 1) * 8;
            CudaAsm.Emit(MmaText.StorePackBf16, to, v.V0.V, v.V1.V, v.V2.V, v.V3.V);
        }
        else
        {
            int line = p >> 2, to = buffer + line * 64 + ((p & 3 ^ line >> 1 & 3) << 4);
            CudaAsm.Emit(MmaText.StorePackTf32, to, v.V0.V, v.V1.V, v.V2.V, v.V3.V);
        }
    }
}

/// <summary>Any source. Along k: neighbouring threads read neighbouring k of a line. Along lines: 8 neighbouring lines, a
/// sector, of 4 k (of two k
/// each in 16 bits) per warp; its stores then hit 32 banks.</summary>
internal struct MmaScalarStage<TSource> : IMmaStage<MmaScalarStage<TSource>> where TSource : struct, ITileSource<TSource, G32>
{
    public TSource Source;

    /// <summary>1 where neighbouring k are neighbours in memory, 0 where neighbouring lines are.</summary>
    public int AlongInner;

    public readonly Pack16 Fetch<TType>(int batch, int firstLine, int k) where TType : struct, IMmaType
    {
        var values = new Pack16 { P0 = Load<TType>(batch, firstLine, k, 0), P1 = Load<TType>(batch, firstLine, k, 4) };
        if (TType.Is16Bit)
        {
            values.P2 = Load<TType>(batch, firstLine, k, 8);
            values.P3 = Load<TType>(batch, firstLine, k, 12);
        }

        return values;
    }

    public readonly void Store<TType>(int buffer, Pack16 values) where TType : struct, IMmaType
    {
        Put<TType>(buffer, 0, values.P0);
        Put<TType>(buffer, 4, values.P1);
        if (!TType.Is16Bit) { return; }
        Put<TType>(buffer, 8, values.P2);
        Put<TType>(buffer, 12, values.P3);
    }

    private readonly Pack4<G32> Load<TType>(int batch, int firstLine, int k, int j) where TType : struct, IMmaType => new()
    {
        V0 = Source.At(batch, firstLine + Line<TType>(j)).Load(k + Inner<TType>(j)),
        V1 = Source.At(batch, firstLine + Line<TType>(j + 1)).Load(k + Inner<TType>(j + 1)),
        V2 = Source.At(batch, firstLine + Line<TType>(j + 2)).Load(k + Inner<TType>(j + 2)),
        V3 = Source.At(batch, firstLine + Line<TType>(j + 3)).Load(k + Inner<TType>(j + 3)),
    };

    private readonly void Put<TType>(int buffer, int j, Pack4<G32> v) where TType : struct, IMmaType
    {
        if (!TType.Is16Bit)
        {
            CudaAsm.Emit(MmaText.StoreTf32, buffer + Place<TType>(j), v.V0.V);
            CudaAsm.Emit(MmaText.StoreTf32, buffer + Place<TType>(j + 1), v.V1.V);
            CudaAsm.Emit(MmaText.StoreTf32, buffer + Place<TType>(j + 2), v.V2.V);
            CudaAsm.Emit(MmaText.StoreTf32, buffer + Place<TType>(j + 3), v.V3.V);
        }
        else if (AlongInner == 0)
        {
            CudaAsm.Emit(MmaText.StorePairBf16, buffer + Place<TType>(j), v.V0.V, v.V1.V);
            CudaAsm.Emit(MmaText.StorePairBf16, buffer + Place<TType>(j + 2), v.V2.V, v.V3.V);
        }
        else
        {
            CudaAsm.Emit(MmaText.StoreBf16, buffer + Place<TType>(j), v.V0.V);
            CudaAsm.Emit(MmaText.StoreBf16, buffer + Place<TType>(j + 1), v.V1.V);
            CudaAsm.Emit(MmaText.StoreBf16, buffer + Place<TType>(j + 2), v.V2.V);
            CudaAsm.Emit(MmaText.StoreBf16, buffer + Place<TType>(j + 3), v.V3.V);
        }
    }

    // Along lines a thread has two lines, 64 apart; in 16 bits elements 2i and 2i + 1 are neighbouring k of a line.
    private readonly int Line<TType>(int j) where TType : struct, IMmaType
    {
        int t = Group.IdxX, pair = TType.Is16Bit ? j >> 1 : j;
        return AlongInner != 0 ? (TType.Is16Bit ? (t >> 5) + 8 * j : (t >> 4) + 16 * j) : ((t >> 5) + 8 * (pair & 1)) * 8 + (t & 7);
    }

    private readonly int Inner<TType>(int j) where TType : struct, IMmaType
    {
        int t = Group.IdxX, pair = TType.Is16Bit ? j >> 1 : j, along = (t >> 3 & 3) + 4 * (pair >> 1);
        return AlongInner != 0 ? t & (TType.Is16Bit ? 31 : 15) : TType.Is16Bit ? 2 * along + (j & 1) : along;
    }

    private readonly int Place<TType>(int j) where TType : struct, IMmaType
    {
        int line = Line<TType>(j), bytes = Inner<TType>(j) * (TType.Is16Bit ? 2 : 4);
        return line * 64 + ((bytes >> 4 ^ line >> 1 & 3) << 4) + (bytes & 15);
    }
}
