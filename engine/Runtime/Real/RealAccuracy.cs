using System;
using System.Collections.Generic;
using System.Linq;

namespace FlorenceKernels.Runtime;

/// <summary>How far a function may be from its exact value, and where its special values are not those of <see cref="Math"/>.
/// The allowed error is the larger of <see cref="Absolute"/> and <see cref="Allowed"/> units in the last place of the exact
/// value.</summary>
/// <param name="Functions">Members of <see cref="IReal{TSelf}"/> or <see cref="RealMath"/>.</param>
/// <param name="Ulps">Units in the last place.</param> <param name="Reason">Why it is not less.</param>
internal sealed record RealBound(string[] Functions, double Ulps, string Reason)
{
    /// <summary>True for GPUs only, false for the CPU only, null for both.</summary>
    public bool? OnGpu { get; init; }

    /// <summary>True for f64 only, false for f32 only, null for both.</summary>
    public bool? IsF64 { get; init; }

    /// <summary>Units in the last place per unit of |x|.</summary>
    public double PerX { get; init; }

    /// <summary>Units in the last place per unit of x².</summary>
    public double PerSquare { get; init; }

    /// <summary>Error allowed in any case.</summary>
    public double Absolute { get; init; }

    /// <summary>The bound holds up to this |x|.</summary>
    public double Range { get; init; } = double.PositiveInfinity;

    /// <summary>Results beyond <see cref="Range"/> are NaN.</summary>
    public bool IsNaNBeyond { get; init; }

    /// <summary>Results below this magnitude may be 0.</summary>
    public double ZeroBelow { get; init; }

    /// <summary>The error is in units of the larger of a·b and the result: the product was rounded first.</summary>
    public bool IsOfProduct { get; init; }

    /// <summary>±∞ gives NaN.</summary>
    public bool IsNaNAtInfinity { get; init; }

    /// <summary>A zero may have either sign.</summary>
    public bool HasAnyZero { get; init; }

    /// <summary>The error allowed at <paramref name="x"/>.</summary>
    public double Allowed(double x) => Ulps + PerX * Math.Abs(x) + PerSquare * x * x;
}

/// <summary>The documented accuracy of everything formulas are written with. What is not listed is within 2 units in the last
/// place of the exact value, and NaN, infinities and signed zeros are those of <see cref="Math"/>. Every line is tested on every
/// device.</summary>
internal static class RealAccuracy
{
    private const double ExpZero32 = 1.67e-38, ExpZero64 = 3.2e-308;
    private const string Underflow =
        "results below √2 times the smallest normal number are 0, because the scale 2ⁿ⁻¹ must be one";
    private const string Tail = "rounding x² is x²/2 units of e^{−x²/2}";
    private const string Tail32 = Tail + ", and 1.22·x²/2 more go with the exponent of ex2.approx";

    private static readonly RealBound Default = new([], 2, "the aim");

    private static readonly RealBound[] Table =
    [
        new(["Neg", "Abs", "Max", "Min", "Max(Min)", "Floor", "IfGreater", "IfEqual"], 0, "exact"),
        new(["Div", "Sqrt"], 3, "PTX rounds correctly; OpenCL may be 2.5 and 3 off") { OnGpu = true, IsF64 = false },
        new(["Add", "Sub", "Mul", "Div", "Sqrt", "OfInt"], 0.501, "correctly rounded"),
        new(["MultiplyAdd", "Horner"], 1.5, "fused or not, as the device's compiler likes") { OnGpu = true, IsOfProduct = true },
        new(["MultiplyAdd", "Horner"], 0.501, "fused"),
        new(["Exp"], 2, "ex2.approx(x·log₂e): the product is rounded and log₂e too, together |x|·7.3e-8 of the result")
            { OnGpu = true, IsF64 = false, PerX = 1.25 },
        new(["Exp"], 2, Underflow) { IsF64 = false, ZeroBelow = ExpZero32 },
        new(["Exp"], 2, Underflow) { IsF64 = true, ZeroBelow = ExpZero64 },
        new(["Log"], 2, "lg2.approx is 2⁻²² off between ½ and 2, where the logarithm is small")
            { OnGpu = true, IsF64 = false, Absolute = 4.8e-7 },
        new(["Log"], 4, ".NET's vectorised logarithm") { IsF64 = true },
        new(["Sin", "Cos"], 2, "sin.approx is 2⁻²⁰·⁵ off within 2π and worse beyond; ask for f64 where that matters")
            { OnGpu = true, IsF64 = false, Absolute = 7e-7, Range = 6.28 },
        new(["Sin", "Cos"], 3, "π/2 in three parts reduces no more than that")
            { OnGpu = true, IsF64 = true, Range = Gpu64.LargestAngle, IsNaNBeyond = true },
        new(["MillsHalf"], 8, "polynomial 6e-8; read where e^{−x²/2} is not 0") { IsF64 = false, Range = 13.3 },
        new(["MillsHalf"], 200, "polynomial 7e-15") { IsF64 = true, Range = 38.7 },
        new(["ErfSmall"], 4, "polynomial and oracle, a unit or two each") { IsF64 = true },
        new(["Tanh"], 4, "two sums, a division and e^{2x}"),
        new(["Sigmoid"], 3, "as Exp; 1/(1 + e⁻ˣ) is 0 where e⁻ˣ overflows")
            { OnGpu = true, IsF64 = false, PerX = 1.25, ZeroBelow = 3e-39 },
        new(["Sigmoid"], 3, "1/(1 + e⁻ˣ) is 0 where e⁻ˣ overflows") { IsF64 = false, ZeroBelow = 3e-39 },
        new(["Sigmoid"], 4, "1/(1 + e⁻ˣ) is 0 where e⁻ˣ overflows") { IsF64 = true, ZeroBelow = 5.6e-309 },
        new(["Log1P"], 5, "as Log, of 1 + x rounded") { OnGpu = true, IsF64 = false, Absolute = 5e-7 },
        new(["Log1P"], 5, "1 + x is rounded from ¼ on") { IsF64 = false },
        new(["Log1P"], 8, "1 + x is rounded from ¼ on; .NET's logarithm") { IsF64 = true },
        new(["NormalPdf"], 3, Tail32) { OnGpu = true, IsF64 = false, PerSquare = 1.15 },
        new(["NormalPdf"], 3, Tail) { IsF64 = false, PerSquare = 0.5, ZeroBelow = ExpZero32 },
        new(["NormalPdf"], 3, Tail) { IsF64 = true, PerSquare = 0.5, ZeroBelow = ExpZero64 },
        new(["NormalCdf"], 6, Tail32) { OnGpu = true, IsF64 = false, PerSquare = 1.15 },
        new(["NormalCdf"], 6, Tail) { IsF64 = false, PerSquare = 0.5, ZeroBelow = ExpZero32 },
        new(["NormalCdf"], 200, Tail + "; polynomial of MillsHalf") { IsF64 = true, PerSquare = 0.5, ZeroBelow = ExpZero64 },
        new(["GeluErf"], 6, Tail32 + "; no operation is spent on infinities")
            { OnGpu = true, IsF64 = false, PerSquare = 1.15, IsNaNAtInfinity = true, HasAnyZero = true },
        new(["GeluErf"], 6, Tail + "; no operation is spent on infinities")
            { IsF64 = false, PerSquare = 0.5, ZeroBelow = ExpZero32, IsNaNAtInfinity = true, HasAnyZero = true },
        new(["GeluErf"], 200, Tail + "; polynomial of MillsHalf; no operation is spent on infinities")
            { IsF64 = true, PerSquare = 0.5, ZeroBelow = ExpZero64, IsNaNAtInfinity = true, HasAnyZero = true },
        new(["GeluErfSlope"], 6, "a sum that crosses 0 near −0.75; no operation is spent on infinities")
            { IsF64 = false, Absolute = 2.4e-7, IsNaNAtInfinity = true, HasAnyZero = true },
        new(["GeluErfSlope"], 6, "a sum that crosses 0 near −0.75; no operation is spent on infinities")
            { IsF64 = true, Absolute = 4e-15, IsNaNAtInfinity = true, HasAnyZero = true },
        new(["Erf"], 4, "2Φ − 1 from ½ on") { IsF64 = false },
        new(["Erf"], 10, "2Φ − 1 from ½ on; polynomial of MillsHalf") { IsF64 = true },
    ];

    /// <summary>The names that lines exist for.</summary>
    public static IEnumerable<string> Listed => Table.SelectMany(b => b.Functions);

    /// <summary>The bound of a function on a kind of device; the first line that fits.</summary>
    public static RealBound Of(string function, bool isGpu, bool isF64) => Array.Find(Table, b =>
        b.Functions.Contains(function) && (b.OnGpu ?? isGpu) == isGpu && (b.IsF64 ?? isF64) == isF64) ?? Default;
}
