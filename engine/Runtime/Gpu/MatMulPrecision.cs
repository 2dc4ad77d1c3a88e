namespace FlorenceKernels.Runtime;

/// <summary>How products of f32 matrices are computed on a device; sums are f32 in each case. K products of absolute sum S err by at most
/// (2u + K·2⁻²³)·S, u being the rounding of an operand.</summary>
public enum MatMulPrecision
{
    /// <summary>In f32: u = 0.</summary>
    Highest,

    /// <summary>Operands rounded to TF32 (10 bits of mantissa, u = 2⁻¹¹) for the matrix units.</summary>
    High,

    /// <summary>Operands rounded to BF16 (7 bits of mantissa, u = 2⁻⁸) for the matrix units.</summary>
    Medium,
}
