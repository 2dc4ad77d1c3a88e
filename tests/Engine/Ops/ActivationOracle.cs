using System;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Tests.Engine;

/// <summary>The activations and their derivatives in float64, by series and continued fraction: nothing shared with the
/// kernels.</summary>
internal static class ActivationOracle
{
    public static double Value(GemmActivation activation, double z) => activation switch
    {
        GemmActivation.GeluErf => z * NormalCdf(z),
        GemmActivation.GeluTanh => 0.5 * z * (1 + Math.Tanh(TanhArgument(z))),
        GemmActivation.QuickGelu => z / (1 + Math.Exp(-1.702 * z)),
        _ => z,
    };

    public static double Slope(GemmActivation activation, double z)
    {
        switch (activation)
        {
            case GemmActivation.GeluErf:
                return NormalCdf(z) + z * Math.Exp(-z * z / 2) / Math.Sqrt(2 * Math.PI);
            case GemmActivation.GeluTanh:
                var t = Math.Tanh(TanhArgument(z));
                return 0.5 * (1 + t) + 0.5 * z * (1 - t * t) * Math.Sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * z * z);
            case GemmActivation.QuickGelu:
                var s = 1 / (1 + Math.Exp(-1.702 * z));
                return s + 1.702 * z * s * (1 - s);
            default:
                return 1;
        }
    }

    /// <summary>Φ(z): Maclaurin series of ∫φ near zero, Laplace's continued fraction in the tail.</summary>
    public static double NormalCdf(double z)
    {
        var density = Math.Exp(-z * z / 2) / Math.Sqrt(2 * Math.PI);
        if (Math.Abs(z) > 5)
        {
            var fraction = Math.Abs(z);
            for (var n = 80; n > 0; n--)
            {
                fraction = Math.Abs(z) + n / fraction;
            }
            return z < 0 ? density / fraction : 1 - density / fraction;
        }
        // Φ(z) = ½ + φ(z)·(z + z³/3 + z⁵/(3·5) + …): all terms of one sign, no cancellation but the last sum's.
        double term = z, sum = z;
        for (var n = 3; n < 200; n += 2)
        {
            term *= z * z / n;
            sum += term;
        }
        return 0.5 + density * sum;
    }

    private static double TanhArgument(double z) => Math.Sqrt(2 / Math.PI) * (z + 0.044715 * z * z * z);
}
