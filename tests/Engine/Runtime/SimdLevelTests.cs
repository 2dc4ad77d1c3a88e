using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.OpCases;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

[Collection(nameof(CpuSettings))]
public sealed class SimdLevelTests : IDisposable
{
    private readonly SimdLevel _level = SimdLevels.Current;

    public static TheoryData<string> Elementwise =>
        [.. new ElementwiseCases().Cases.Where(c => c.Inputs.Length > 0).Select(c => c.Op).Distinct()];

    private static SimdLevel[] Levels => [.. Enum.GetValues<SimdLevel>().Where(l => l <= SimdLevels.Best)];

    public void Dispose() => SimdLevels.Current = _level;

    [Theory, MemberData(nameof(Elementwise))]
    public void All_widths_agree(string op)
    {
        foreach (var row in new ElementwiseCases().Cases.Where(c => c.Op == op)) { Agree(row, 1e-6); }
    }

    [Fact]
    public void Sums_of_all_widths_agree()
    {
        foreach (var row in new SumCases().Cases) { Agree(row, 2e-6); }
    }

    [Theory, InlineData(false), InlineData(true)]
    public void An_element_does_not_depend_on_its_place_in_the_row(bool isDouble)
    {
        Func<Tensor, Tensor>[] functions = [F.Exp, F.Tanh, F.Sigmoid, F.Erf, x => F.Gelu(x), F.Silu, F.Sqrt, x => x * 3 + 1];
        foreach (var level in Levels)
        {
            SimdLevels.Current = level;
            using var scope = TensorScope.Begin();
            var x = Tensor.Uniform([67], -4, 4, seed: 3, dtype: isDouble ? DType.F64 : DType.F32);
            foreach (var f in functions.Select((g, i) => (Run: g, Number: i)))
            {
                var whole = f.Run(x).To(DType.F64).ToArray<double>();
                for (var i = 0; i < 67; i++)
                {
                    var alone = f.Run(x.Slice(0, i, 1)).Item();
                    Assert.True(alone.Equals(whole[i]) || (double.IsNaN(alone) && double.IsNaN(whole[i])),
                        $"function {f.Number} at {level}, element {i}: {whole[i]:g17} in the row, {alone:g17} alone");
                }
            }
        }
    }

    private static void Agree(OpCase row, double tolerance)
    {
        var results = new List<double[]>();
        foreach (var level in Levels)
        {
            SimdLevels.Current = level;
            using var scope = TensorScope.Begin();
            using var noGrad = GradMode.NoGrad();
            results.Add(row.Run(row.Make(Device.Cpu, DType.F32)).To(DType.F64).ToArray<double>());
        }

        foreach (var other in results.Skip(1))
        {
            Assert.Equal(results[0], other, (a, b) => a.Equals(b) || Math.Abs(a - b) <= tolerance * Math.Max(1, Math.Abs(a)));
        }
    }
}
