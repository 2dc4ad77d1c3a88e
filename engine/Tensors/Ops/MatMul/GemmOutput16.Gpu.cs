using ILGPU;

namespace FlorenceKernels.Tensors;

/// <summary>Where products of BF16 go: rounded to BF16, or as a part's f32 sums.</summary>
internal struct GemmOutput16
{
    public ArrayView<ushort> C;
    public ArrayView<float> Parts;
    public int M, N, CBatch, IsPart;

    public readonly void Store(int at, float z)
    {
        if (IsPart != 0) { Parts[at] = z; }
        else { C[at] = Round(z); }
    }

    // To nearest, ties to even; a NaN keeps its upper bits and stays one.
    public static ushort Round(float z)
    {
        var bits = Interop.FloatAsInt(z);
        var rounded = (bits & 0x7FFFFFFF) > 0x7F800000 ? bits >> 16 | 0x40 : bits + 0x7FFF + (bits >> 16 & 1) >> 16;
        return (ushort)rounded;
    }
}
