using System;
using System.Runtime.Intrinsics;

namespace FlorenceKernels.Runtime;

/// <summary>Vector widths the CPU kernels are written for.</summary>
public enum SimdLevel
{
    /// <summary>128-bit vectors: every CPU .NET runs on.</summary>
    Vector128,

    /// <summary>256-bit vectors with FMA.</summary>
    Avx2,

    /// <summary>512-bit vectors.</summary>
    Avx512,
}

/// <summary>Chooses the vector width once at start; <c>FLORENCE_SIMD</c> (vector128, avx2, avx512) overrides, for tests and comparisons.</summary>
public static class SimdLevels
{
    /// <summary>The widest level this CPU has.</summary>
    public static SimdLevel Best { get; } =
        Vector512.IsHardwareAccelerated && System.Runtime.Intrinsics.X86.Avx512F.IsSupported ? SimdLevel.Avx512
        : Vector256.IsHardwareAccelerated && System.Runtime.Intrinsics.X86.Fma.IsSupported ? SimdLevel.Avx2
        : SimdLevel.Vector128;

    /// <summary>The level in use.</summary>
    public static SimdLevel Current { get; internal set; } = FromEnvironment();

    private static SimdLevel FromEnvironment()
    {
        var wanted = Environment.GetEnvironmentVariable("FLORENCE_SIMD");
        if (string.IsNullOrEmpty(wanted)) { return Best; }
        if (!Enum.TryParse<SimdLevel>(wanted, ignoreCase: true, out var level) || level > Best)
        {
            throw new DeviceException($"FLORENCE_SIMD={wanted}: give vector128, avx2 or avx512, at most {Best} on this CPU");
        }

        return level;
    }
}
