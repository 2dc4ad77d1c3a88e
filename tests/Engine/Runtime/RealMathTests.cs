using System;
using System.Linq;
using FlorenceKernels.OpCases;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

/// <summary>Accuracy of the formulas at every vector width, over 10,000 inputs, in units in the last place of the exact value.</summary>
[Collection(nameof(CpuSettings))]
public sealed class RealMathTests : IDisposable
{
    private const int Inputs = 10_000;
    private readonly SimdLevel _level = SimdLevels.Current;
    private readonly TensorScope _scope = TensorScope.Begin();

    public static TheoryData<SimdLevel, string> Rows
    {
        get
        {
            var rows = new TheoryData<SimdLevel, string>();
            foreach (var level in Enum.GetValues<SimdLevel>().Where(l => l <= SimdLevels.Best))
            {
                foreach (var function in Functions) { rows.Add(level, function.Name); }
            }

            return rows;
        }
    }

    private static readonly Function[] Functions =
    [
        new("exp", x => F.Exp(x), Math.Exp, -80, 80, 2, 2), new("exp near 0", x => F.Exp(x), Math.Exp, -0.01, 0.01, 1.5, 1.5),
        new("log", x => F.Log(x), Math.Log, 1e-6, 1e6, 2, 2),
        new("sin", x => F.Sin(x), Math.Sin, -10, 10, 2, 4), new("cos", x => F.Cos(x), Math.Cos, -10, 10, 2, 4),
        new("sqrt", x => F.Sqrt(x), Math.Sqrt, 0, 1e6, 0.51, 0.51),
        new("tanh", x => F.Tanh(x), Math.Tanh, -12, 12, 4, 4), new("tanh near 0", x => F.Tanh(x), Math.Tanh, -0.7, 0.7, 4, 4),
        new("sigmoid", x => F.Sigmoid(x), v => 1 / (1 + Math.Exp(-v)), -40, 40, 4, 4),
        new("silu", x => F.Silu(x), v => v / (1 + Math.Exp(-v)), -40, 40, 4, 4),
        new("erf", x => F.Erf(x), Erf, -4, 4, 4, 24), new("erf near 0", x => F.Erf(x), Erf, -0.5, 0.5, 3, 4),
        // In the tail the rounding of x² alone is x²/4 units of e^{−x²/2}; the value itself is below 4e-3 there.
        new("gelu", x => F.Gelu(x), v => v * NormalCdf(v), -3, 6, 6, 60), new("gelu tail", x => F.Gelu(x), v => v * NormalCdf(v), -6, -3, 24, 128),
    ];

    public void Dispose()
    {
        SimdLevels.Current = _level;
        _scope.Dispose();
    }

    [Theory, MemberData(nameof(Rows))]
    public void A_function_is_exact_to_a_few_units_in_the_last_place(SimdLevel level, string name)
    {
        SimdLevels.Current = level;
        var f = Functions.Single(g => g.Name == name);
        var x32 = Tensor.Uniform([Inputs], f.Low, f.High, seed: 17).ToArray<float>();
        var y32 = f.Run(Tensor.From(x32, [Inputs])).ToArray<float>();
        var (worst32, at32) = Worst(x32.Length, i => f.Exact(x32[i]) is var exact ? (y32[i] - exact) / Ulp32(exact) : 0);
        Assert.True(worst32 <= f.Ulps32, $"{name} f32 at {level}: {worst32:f2} ulp at x = {x32[at32]:g9}");
        var x64 = Tensor.Uniform([Inputs], f.Low, f.High, seed: 18, dtype: DType.F64).ToArray<double>();
        var y64 = f.Run(Tensor.From(x64, [Inputs])).ToArray<double>();
        var (worst64, at64) = Worst(x64.Length, i => f.Exact(x64[i]) is var exact ? (y64[i] - exact) / Ulp64(exact) : 0);
        Assert.True(worst64 <= f.Ulps64, $"{name} f64 at {level}: {worst64:f2} ulp at x = {x64[at64]:g17}");
    }

    private static (double Worst, int At) Worst(int count, Func<int, double> error)
    {
        var (worst, at) = (0.0, 0);
        for (var i = 0; i < count; i++)
        {
            var e = Math.Abs(error(i));
            if (!(e <= worst)) { (worst, at) = (e, i); }
        }

        return (worst, at);
    }

    private static double Ulp32(double exact)
    {
        var a = Math.Max(Math.Abs((float)exact), 1.17549435e-38f);
        return (double)MathF.BitIncrement(a) - a;
    }

    private static double Ulp64(double exact) => Math.BitIncrement(Math.Abs(exact)) - Math.Abs(exact);

    // Series where its terms fall from the start, else one minus the tail.
    private static double Erf(double x) => Math.Abs(x) < 1 ? ElementwiseCases.Erf(x) : Math.Sign(x) * (1 - Tail(Math.Abs(x)));

    // Φ(x) = erfc(−x/√2)/2.
    private static double NormalCdf(double x) => x > -Math.Sqrt(2) ? 0.5 * (1 + Erf(x / Math.Sqrt(2))) : 0.5 * Tail(-x / Math.Sqrt(2));

    // erfc by its continued fraction e^{−z²}/√π · 1/(z + ½/(z + 1/(z + 3/2/(z + …)))).
    private static double Tail(double z)
    {
        double f = 0;
        for (var k = 500; k > 0; k--) { f = k / 2.0 / (z + f); }
        return Math.Exp(-z * z) / ((z + f) * Math.Sqrt(Math.PI));
    }

    private sealed record Function(
        string Name, Func<Tensor, Tensor> Run, Func<double, double> Exact, double Low, double High, double Ulps32, double Ulps64);
}
