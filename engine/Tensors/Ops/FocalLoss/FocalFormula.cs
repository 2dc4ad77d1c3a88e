using System.Runtime.CompilerServices;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>The focal loss of one logit (Lin et al., arXiv 1708.02002, eq. 5) on z = x where the class is present and z = −x
/// where it is not: w·σ(−z)^γ·(−ln σ(z)). With s(z) = ln(1 + eᶻ) it is w·e^{−γ·s(z)}·s(−z), which neither overflows nor
/// cancels.</summary>
internal static class FocalFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Loss<R>(R z, R weight, R gamma) where R : struct, IReal<R>
    {
        var log = RealMath.Log1P(R.Exp(-R.Abs(z)));
        R above = R.Max(R.Of(0), z) + log, below = R.Max(R.Of(0), -z) + log;
        return weight * R.Exp(-(gamma * above)) * below;
    }

    /// <summary>d/dz = −w·e^{−γ·s(z)}·(γ·σ(z)·s(−z) + σ(−z)).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Slope<R>(R z, R weight, R gamma) where R : struct, IReal<R>
    {
        var log = RealMath.Log1P(R.Exp(-R.Abs(z)));
        R above = R.Max(R.Of(0), z) + log, below = R.Max(R.Of(0), -z) + log;
        return -(weight * R.Exp(-(gamma * above)) * R.MultiplyAdd(gamma * RealMath.Sigmoid(z), below, RealMath.Sigmoid(-z)));
    }
}
