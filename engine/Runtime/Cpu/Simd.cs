using System.Numerics;

namespace FlorenceKernels.Runtime;

/// <summary>A CPU kernel written once over vectors of any width: <see cref="Run{R}"/> is compiled for each.</summary>
/// <typeparam name="T">float or double.</typeparam>
public interface ISimdKernel<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>The kernel's body with <typeparamref name="R"/> as its vector.</summary>
    void Run<R>() where R : struct, ISimd<R, T>;
}

/// <summary>Runs a kernel at the vector width chosen at start.</summary>
public static class Simd
{
    /// <summary>Runs <paramref name="kernel"/> at <see cref="SimdLevels.Current"/>.</summary>
    public static void Run<T, TKernel>(TKernel kernel)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TKernel : ISimdKernel<T>
    {
        switch (SimdLevels.Current)
        {
            case SimdLevel.Avx512: kernel.Run<V512<T>>(); break;
            case SimdLevel.Avx2: kernel.Run<V256<T>>(); break;
            default: kernel.Run<V128<T>>(); break;
        }
    }
}
