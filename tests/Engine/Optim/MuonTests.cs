using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Nn;
using FlorenceKernels.Optim;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;
using FlorenceKernels.Testing;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

public sealed class MuonTests
{
    private const double Rate = 0.01, Decay = 0.2, Momentum = 0.95;

    public static IEnumerable<TheoryDataRow<string>> Devices => TestDevices.Names.Select(d => new TheoryDataRow<string>(d));

    // Tall, and a convolution kernel, which counts as [out, in·k·k] and is wide.
    [Theory, MemberData(nameof(Devices))]
    public void Steps_match_the_formula_in_double(string device)
    {
        Shape[] shapes = [[7, 3], [4, 2, 3, 1]];
        using var model = new ParameterSet(TestDevices.Open(device), 3, DType.F64);
        foreach (var (shape, i) in shapes.Select((s, i) => (s, i))) { model.Root.Get($"p{i}", shape, Init.Normal(1)); }
        using var muon = new Muon(WeightDecayRules.Apply(model, (_, _) => true), new MuonOptions(Momentum, Decay));
        var expected = model.Named.ToDictionary(p => p.Key, p => p.Value.ToArray<double>());
        var momenta = expected.ToDictionary(p => p.Key, p => new double[p.Value.Length]);
        for (ulong t = 1; t <= 2; t++)
        {
            foreach (var (name, p) in model.Named)
            {
                p.SetGrad(Tensor.Normal(p.Shape, 0, 1, t, name[1], p.DType, p.Device));
                Oracle(expected[name], momenta[name], p.Grad!.ToArray<double>(), p.Shape[0]);
            }

            muon.Step(Rate);
        }

        foreach (var (name, p) in expected) { Assert.All(p.Zip(model[name].ToArray<double>()), e => Assert.Equal(e.First, e.Second, 1e-10)); }
    }

    // uuᵀ of a nearly orthogonal wide u has its eigenvalues, the squared singular values, near 1; their sum is the trace.
    [Theory, InlineData(16, 48), InlineData(48, 16), InlineData(31, 31), InlineData(1, 7)]
    public void The_direction_is_nearly_orthogonal(int rows, int columns)
    {
        using var scope = TensorScope.Begin();
        var u = Muon.Orthogonal(Tensor.Normal([rows, columns], 0, 3, 1, 2, DType.F64), 5);
        var gram = rows <= columns ? F.MatMul(u, u.T()) : F.MatMul(u.T(), u);
        var side = Math.Min(rows, columns);
        for (ulong probe = 1; probe <= 20; probe++)
        {
            var x = F.L2Normalize(Tensor.Normal([side, 1], 0, 1, probe, 3, DType.F64), 0);
            Assert.InRange(F.Sum(x * F.MatMul(gram, x)).Item(), 0.4, 1.5);
        }
    }

    [Fact]
    public void A_gradient_of_zeros_only_decays()
    {
        using var model = new ParameterSet(seed: 3);
        var p = model.Root.Get("weight", [4, 6], Init.Normal(1));
        using var muon = new Muon(WeightDecayRules.Apply(model), new MuonOptions(WeightDecay: Decay));
        var before = p.ToArray<float>();
        p.SetGrad(Tensor.ZerosLike(p));
        muon.Step(Rate);
        Assert.All(before.Zip(p.ToArray<float>()), pair => Assert.Equal(pair.First * (1 - Rate * Decay), pair.Second, 1e-6));
    }

    [Fact]
    public void A_vector_is_refused_by_name()
    {
        using var model = new ParameterSet();
        model.Root.Get("norm.weight", [4], Init.Ones);
        var error = Assert.Throws<FlorenceException>(() => new Muon(WeightDecayRules.Apply(model)));
        Assert.Contains("'norm.weight' is [4]", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("image_encoder.layers.0.blocks.0.mlp.fc1.weight", true), InlineData("image_encoder.patch_embed.proj.weight", true)]
    [InlineData("text_encoder.token_embedding.weight", false), InlineData("text_projection", false)]
    [InlineData("image_encoder.layers.0.blocks.0.attn.relative_position_bias_table", false)]
    public void Hidden_matrices_are_told_by_name(string name, bool isHidden)
    {
        using var scope = TensorScope.Begin();
        Assert.Equal(isHidden, Muon.IsHidden(name, Tensor.Zeros([4, 4])));
    }

    private static void Oracle(double[] p, double[] momentum, double[] gradient, int rows)
    {
        var columns = p.Length / rows;
        var u = new double[p.Length];
        for (var i = 0; i < p.Length; i++)
        {
            momentum[i] = Momentum * momentum[i] + (1 - Momentum) * gradient[i];
            u[i] = Momentum * momentum[i] + (1 - Momentum) * gradient[i];
        }

        var norm = Math.Sqrt(u.Sum(v => v * v)) + 1e-7;
        u = [.. u.Select(v => v / norm)];
        for (var step = 0; step < 5; step++)
        {
            // The same polynomial on either side of a matrix: a·u + b·(uuᵀ)u + c·(uuᵀ)²u.
            var gram = Product(u, Transposed(u, rows, columns), rows, columns, rows);
            double[] first = Product(gram, u, rows, rows, columns), second = Product(gram, first, rows, rows, columns);
            for (var i = 0; i < u.Length; i++) { u[i] = 3.4445 * u[i] - 4.775 * first[i] + 2.0315 * second[i]; }
        }

        var size = Rate * 0.2 * Math.Sqrt(Math.Max(rows, columns));
        for (var i = 0; i < p.Length; i++) { p[i] = p[i] * (1 - Rate * Decay) - size * u[i]; }
    }

    private static double[] Transposed(double[] x, int rows, int columns)
    {
        var y = new double[x.Length];
        for (var i = 0; i < x.Length; i++) { y[i % columns * rows + i / columns] = x[i]; }
        return y;
    }

    private static double[] Product(double[] x, double[] y, int rows, int inner, int columns)
    {
        var z = new double[rows * columns];
        for (var i = 0; i < rows; i++)
        {
            for (var j = 0; j < columns; j++)
            {
                for (var k = 0; k < inner; k++) { z[i * columns + j] += x[i * inner + k] * y[k * columns + j]; }
            }
        }

        return z;
    }
}
