using System;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tests.Engine;

/// <summary>One result against its exact value and the documented bound.</summary>
/// <param name="Ulps">Error in units in the last place; infinite where the kind of result is wrong.</param>
/// <param name="IsAllowed">Whether the bound covers it.</param>
internal readonly record struct IntrinsicError(double Ulps, bool IsAllowed)
{
    private static readonly IntrinsicError None = new(0, true), WrongKind = new(double.PositiveInfinity, false);

    /// <summary>Judges <paramref name="y"/> = f(<paramref name="a"/>, <paramref name="b"/>).</summary>
    public static IntrinsicError Of(RealBound bound, double a, double b, double exact, double y, bool isDouble)
    {
        var isNaN = double.IsNaN(exact) || (bound.IsNaNAtInfinity && double.IsInfinity(a))
            || (bound.IsNaNBeyond && Math.Abs(a) > bound.Range);
        if (isNaN || double.IsNaN(y)) { return isNaN && double.IsNaN(y) ? None : WrongKind; }
        if (double.IsInfinity(exact)) { return y == exact ? None : WrongKind; }
        if (y == 0 && (exact == 0 || Math.Abs(exact) < bound.ZeroBelow))
        {
            return exact != 0 || bound.HasAnyZero || double.IsNegative(exact) == double.IsNegative(y) ? None : WrongKind;
        }

        if (Math.Abs(a) > bound.Range) { return Math.Abs(y) <= 1.001 ? None : WrongKind; }
        var scale = bound.IsOfProduct ? Math.Max(Math.Abs(a * b), Math.Abs(exact)) : Math.Abs(exact);
        var error = isDouble ? Error64(exact, y) : Math.Abs(Beyond32(y) - Beyond32(exact));
        var ulps = error / (isDouble ? Ulp64(scale) : Ulp32(scale));
        return new IntrinsicError(ulps, ulps <= bound.Allowed(a) || error <= bound.Absolute);
    }

    // 2¹²⁸ is where f32 would go on.
    private static double Beyond32(double v) => Math.Clamp(v, -Math.Pow(2, 128), Math.Pow(2, 128));

    private static double Error64(double exact, double y) =>
        double.IsInfinity(y) ? Math.Abs(Math.CopySign(double.MaxValue, y) - exact) + Ulp64(double.MaxValue) : Math.Abs(y - exact);

    private static double Ulp32(double scale) => Math.ScaleB(1, Math.Clamp(Math.ILogB(scale), -126, 127) - 23);

    private static double Ulp64(double scale) => Math.ScaleB(1, Math.Clamp(Math.ILogB(scale), -1022, 1023) - 52);
}
