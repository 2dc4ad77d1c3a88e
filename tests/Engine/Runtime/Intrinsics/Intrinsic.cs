using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Tests.Engine;

/// <summary>A function of <c>IReal</c> or <c>RealMath</c>: its kernel, its exact value in f64, and where its inputs lie.</summary>
/// <param name="Name">The member's name.</param>
/// <param name="Low">Start of the range that a third of the inputs is drawn from.</param>
/// <param name="High">End of that range.</param> <param name="Run">y ← f(a, b, c).</param> <param name="Exact">f in f64.</param>
/// <param name="From">Inputs below are not in the domain, or NaN where every number is.</param>
/// <param name="To">Inputs above are not.</param>
internal sealed record Intrinsic(string Name, double Low, double High, Action<Tensor, Tensor, Tensor, Tensor> Run,
    Func<double, double, double, double> Exact, double From = double.NaN, double To = double.NaN)
{
    public static IReadOnlyList<Intrinsic> All { get; } =
    [
        Of<AddMap>("Add", -10, 10, (a, b, _) => a + b), Of<SubMap>("Sub", -10, 10, (a, b, _) => a - b),
        Of<MulMap>("Mul", -10, 10, (a, b, _) => a * b), Of<DivMap>("Div", -10, 10, (a, b, _) => a / b),
        Of<NegMap>("Neg", -10, 10, (a, _, _) => -a), Of<MultiplyAddMap>("MultiplyAdd", -10, 10, Math.FusedMultiplyAdd),
        Of<HornerMap>("Horner", -2, 2, (a, b, _) => Math.FusedMultiplyAdd(a, b, 0.75)),
        Of<OfIntMap>("OfInt", -10, 10, (a, _, _) => a * -3),
        Of<SqrtMap>("Sqrt", 0, 1e6, (a, _, _) => Math.Sqrt(a)), Of<AbsMap>("Abs", -10, 10, (a, _, _) => Math.Abs(a)),
        Of<MaxMap>("Max", -10, 10, (a, b, _) => a > b ? a : b), Of<MinMap>("Min", -10, 10, (a, b, _) => a < b ? a : b),
        Of<ClampMap>("Max(Min)", -10, 10, (a, _, _) => a > 3 ? 3 : a < -2 ? -2 : a),
        Of<FloorMap>("Floor", -1e7, 1e7, (a, _, _) => Math.Floor(a)), Of<ExpMap>("Exp", -100, 90, (a, _, _) => Math.Exp(a)),
        Of<LogMap>("Log", 0, 4, (a, _, _) => Math.Log(a)), Of<SinMap>("Sin", -10, 10, (a, _, _) => Math.Sin(a)),
        Of<CosMap>("Cos", -10, 10, (a, _, _) => Math.Cos(a)),
        Of<MillsHalfMap>("MillsHalf", 0, 12, (a, _, _) => NormalOracle.Mills(a), 0, 39),
        Of<ErfSmallMap>("ErfSmall", 0, 0.25, (a, _, _) => NormalOracle.ErfSmall(a), 0, 0.25),
        Of<IfGreaterMap>("IfGreater", -10, 10, (a, b, c) => a > b ? c : -c),
        Of<IfEqualMap>("IfEqual", -10, 10, (a, b, c) => a == b ? c : -c),
        Of<TanhMap>("Tanh", -10, 10, (a, _, _) => Math.Tanh(a)), Of<SigmoidMap>("Sigmoid", -100, 40, (a, _, _) => Sigmoid(a)),
        Of<Log1PMap>("Log1P", -0.9, 4, (a, _, _) => Log1P(a)),
        Of<NormalPdfMap>("NormalPdf", -14, 14, (a, _, _) => NormalOracle.Pdf(a)),
        Of<NormalCdfMap>("NormalCdf", -14, 8, (a, _, _) => NormalOracle.Cdf(a)),
        Of<GeluErfMap>("GeluErf", -14, 8, (a, _, _) => NormalOracle.Gelu(a)),
        Of<GeluErfSlopeMap>("GeluErfSlope", -14, 8, (a, _, _) => NormalOracle.GeluSlope(a)),
        Of<ErfMap>("Erf", -6, 6, (a, _, _) => NormalOracle.Erf(a)),
    ];

    /// <summary>Every special value (with every other, for functions of several inputs), then equal parts of random bit patterns,
    /// of the function's own range, and of magnitudes 1e-6 to 1e3; in four of a hundred the second input equals the first.</summary>
    public double[][] Inputs(int count, bool isDouble)
    {
        double[] special = [.. Specials(isDouble).Where(IsInDomain)];
        var random = new Random(11);
        var rows = new List<double[]>();
        foreach (var a in special)
        {
            foreach (var b in special) { rows.Add([a, b, special[rows.Count % special.Length]]); }
        }

        while (rows.Count < count)
        {
            var a = Draw(random, rows.Count % 3, isDouble);
            var b = random.Next(25) == 0 ? a : Draw(random, rows.Count % 3, isDouble);
            rows.Add([a, b, Draw(random, rows.Count % 3, isDouble)]);
        }

        return [.. Enumerable.Range(0, 3).Select(i => rows.Select(row => row[i]).ToArray())];
    }

    public override string ToString() => Name;

    private static double[] Specials(bool isDouble) =>
    [
        0.0, -0.0, double.NaN, double.PositiveInfinity, double.NegativeInfinity, 1, -1, 0.5, -0.5, 2,
        .. isDouble
            ? (double[])[double.Epsilon, -double.Epsilon, 1e-310, -1e-310, 2.2250738585072014e-308, double.MaxValue, double.MinValue,
                Math.BitDecrement(1.0), Math.BitIncrement(1.0), 4503599627370497.5, 710, -745]
            : [float.Epsilon, -float.Epsilon, 1e-40f, -1e-40f, 1.17549435e-38f, float.MaxValue, float.MinValue,
                MathF.BitDecrement(1f), MathF.BitIncrement(1f), 8388607.5, 89, -104],
    ];

    private bool IsInDomain(double x) => !(x < From) && !(x > To);

    private double Draw(Random random, int kind, bool isDouble)
    {
        while (true)
        {
            var x = kind switch
            {
                0 => isDouble ? BitConverter.Int64BitsToDouble(random.NextInt64(long.MinValue, long.MaxValue))
                    : BitConverter.Int32BitsToSingle((int)random.NextInt64(int.MinValue, int.MaxValue)),
                1 => Low + (High - Low) * random.NextDouble(),
                _ => (random.Next(2) * 2 - 1) * Math.Pow(10, -6 + 9 * random.NextDouble()),
            };
            x = isDouble ? x : (float)x;
            if (IsInDomain(x)) { return x; }
        }
    }

    private static Intrinsic Of<TMap>(string name, double low, double high, Func<double, double, double, double> exact,
        double from = double.NaN, double to = double.NaN)
        where TMap : struct, IMap =>
        new(name, low, high, (y, a, b, c) => Map.Run<TMap>(name, y, a, b, c), exact, from, to);

    private static double Sigmoid(double x) => x < 0 ? Math.Exp(x) / (1 + Math.Exp(x)) : 1 / (1 + Math.Exp(-x));

    // Kahan: the rounding of u = 1 + x is the same in the logarithm and in u − 1.
    private static double Log1P(double x)
    {
        var u = 1 + x;
        if (u == 1) { return x; }
        return double.IsFinite(u) && u > 0 ? Math.Log(u) * (x / (u - 1)) : Math.Log(u);
    }
}
