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

/// <summary>Optimisers beyond the reference cases: many tensors of odd sizes, state, thread counts, refusals.</summary>
[Collection(nameof(CpuSettings))]
public sealed class OptimTests
{
    // Around one vector, one chunk and several chunks; one empty.
    private static readonly int[] Sizes = [1, 17, 33, 0, (1 << 14) + 1, 40001];

    public static IEnumerable<TheoryDataRow<string>> Devices => TestDevices.Names.Select(d => new TheoryDataRow<string>(d));

    [Theory, MemberData(nameof(Devices))]
    public void AdamW_over_many_tensors_matches_the_formula(string device)
    {
        using var model = Model(TestDevices.Open(device), DType.F32);
        using var adamw = new AdamW(WeightDecayRules.Apply(model, (_, _) => true),
            new AdamWOptions { Beta2 = 0.98, Epsilon = 1e-6, WeightDecay = 0.2 });
        var expected = model.Named.ToDictionary(p => p.Key, p => Doubles(p.Value));
        var (m, v) = (expected.ToDictionary(p => p.Key, p => new double[p.Value.Length]),
            expected.ToDictionary(p => p.Key, p => new double[p.Value.Length]));
        for (var t = 1; t <= 3; t++)
        {
            SetGrads(model, t);
            foreach (var (name, p) in expected)
            {
                var g = Doubles(model[name].Grad!);
                for (var i = 0; i < p.Length; i++)
                {
                    p[i] -= 0.01 * 0.2 * p[i];
                    m[name][i] = 0.9 * m[name][i] + 0.1 * g[i];
                    v[name][i] = 0.98 * v[name][i] + 0.02 * g[i] * g[i];
                    var denominator = Math.Sqrt(v[name][i] / (1 - Math.Pow(0.98, t))) + 1e-6;
                    p[i] -= 0.01 * (m[name][i] / (1 - Math.Pow(0.9, t))) / denominator;
                }
            }

            adamw.Step(0.01);
        }

        foreach (var (name, p) in expected)
        {
            Assert.All(p.Zip(Doubles(model[name])), pair => Assert.Equal(pair.First, pair.Second, 1e-6));
        }
    }

    [Theory, MemberData(nameof(Devices))]
    public void Norms_over_many_tensors_match_the_formula(string device)
    {
        using var model = Model(TestDevices.Open(device), DType.F32);
        SetGrads(model, 1);
        double[] all = [.. model.Named.SelectMany(p => Doubles(p.Value.Grad!))];
        Assert.Equal(all.Sum(Math.Abs), ClipGradNorm.Apply(model, double.PositiveInfinity, 1),
            1e-6 * all.Sum(Math.Abs));
        Assert.Equal(all.Max(Math.Abs), ClipGradNorm.Apply(model, double.PositiveInfinity, double.PositiveInfinity));
        var norm = Math.Sqrt(all.Sum(g => g * g));
        Assert.Equal(norm, ClipGradNorm.Apply(model, norm / 3), 1e-6 * norm);
        Assert.Equal(norm / 3, ClipGradNorm.Apply(model, norm), 1e-6 * norm);
    }

    [Theory, MemberData(nameof(Devices))]
    public void A_gradient_that_is_not_finite_is_reported_and_left_alone(string device)
    {
        using var model = Model(TestDevices.Open(device), DType.F32);
        foreach (var bad in new[] { float.NaN, float.PositiveInfinity })
        {
            foreach (var at in new[] { 0, 5000, 40000 })
            {
                var values = Enumerable.Repeat(3f, 40001).ToArray();
                values[at] = bad;
                model["p5"].SetGrad(Tensor.From(values, [40001], model.Device));
                foreach (var norm in new[] { 1, 2, double.PositiveInfinity })
                {
                    Assert.False(double.IsFinite(ClipGradNorm.Apply(model, 1, norm)), $"{bad} at {at}, {norm}");
                }
                Assert.Equal(values, model["p5"].Grad!.ToArray<float>());
            }
        }
    }

    [Fact]
    public void Bits_do_not_depend_on_the_number_of_threads()
    {
        var count = CpuThreads.Count;
        try
        {
            var runs = new[] { 1, 2, 3 }.Select(threads =>
            {
                CpuThreads.Count = threads;
                using var model = Model(Device.Cpu, DType.F32);
                using var adamw = new AdamW(model);
                using var lamb = Make("lamb", model);
                SetGrads(model, 1);
                var norm = ClipGradNorm.Apply(model, 0.5);
                adamw.Step(0.01);
                lamb.Step(0.01);
                var bits = model.Named.SelectMany(p => p.Value.ToArray<float>()).Select(BitConverter.SingleToInt32Bits);
                return bits.Append(norm.GetHashCode()).ToArray();
            }).ToArray();
            Assert.Equal(runs[0], runs[1]);
            Assert.Equal(runs[0], runs[2]);
        }
        finally { CpuThreads.Count = count; }
    }

    [Fact]
    public void A_step_is_one_kernel_and_AdamW_needs_no_synchronisation()
    {
        using var model = Model(Device.Cpu, DType.F32);
        using var adamw = new AdamW(model);
        SetGrads(model, 1);
        var launches = Device.Cpu.Counters.Launches;
        adamw.Step(0.01);
        Assert.Equal(1, Device.Cpu.Counters.Launches - launches);
    }

    [Theory, InlineData("adamw"), InlineData("amsgrad"), InlineData("sgd"), InlineData("lamb"), InlineData("muon")]
    public void Saved_state_goes_on_bit_for_bit(string kind)
    {
        using var straight = Model(Device.Cpu, DType.F32);
        using var resumed = Model(Device.Cpu, DType.F32);
        using var optimizer = Make(kind, straight);
        for (var t = 1; t <= 4; t++) { Step(straight, optimizer, t); }
        using var first = Make(kind, resumed);
        for (var t = 1; t <= 2; t++) { Step(resumed, first, t); }
        using var second = Make(kind, resumed);
        second.LoadState(first.StateTensors().ToDictionary(p => p.Key, p => p.Value));
        for (var t = 3; t <= 4; t++) { Step(resumed, second, t); }
        foreach (var (a, b) in straight.Named.Concat(optimizer.StateTensors()).Zip(resumed.Named.Concat(second.StateTensors())))
        {
            Assert.Equal(a.Key, b.Key);
            Assert.Equal(Doubles(a.Value), Doubles(b.Value));
        }
    }

    [Theory, MemberData(nameof(Devices))]
    public void A_late_first_gradient_is_corrected_as_a_first_one(string device)
    {
        // Adam's first step from zero moments is lr·g/(|g| + ε), whenever it comes: the corrections cancel (1 − β) exactly.
        foreach (var kind in new[] { "adamw", "amsgrad", "lamb" })
        {
            using var model = Model(TestDevices.Open(device), DType.F64);
            using var optimizer = Make(kind, model, decays: false);
            for (var t = 1; t <= 5; t++)
            {
                SetGrads(model, t);
                model["p4"].ZeroGrad();
                optimizer.Step(0.01);
            }

            var before = Doubles(model["p4"]);
            SetGrads(model, 6);
            var norm = Math.Sqrt(model.Named.SelectMany(p => Doubles(p.Value.Grad!)).Sum(g => g * g));
            var (shrink, epsilon) = kind == "lamb" ? (Math.Max(1, norm), 1e-6) : (1, 1e-8);
            double[] grads = [.. Doubles(model["p4"].Grad!).Select(g => g / shrink)];
            var expected = before.Zip(grads, (p, g) => p - 0.01 * g / (Math.Abs(g) + epsilon));
            optimizer.Step(0.01);
            Assert.All(expected.Zip(Doubles(model["p4"])), pair => Assert.Equal(pair.First, pair.Second, 1e-12));
        }
    }

    [Fact]
    public void A_checkpoint_with_one_step_for_all_still_loads()
    {
        using var straight = Model(Device.Cpu, DType.F32);
        using var resumed = Model(Device.Cpu, DType.F32);
        using var optimizer = Make("adamw", straight);
        for (var t = 2; t <= 3; t++) { Step(straight, optimizer, t); }
        foreach (var (name, p) in straight.Named) { resumed[name].Assign(p); }
        var old = optimizer.StateTensors().Where(p => !p.Key.StartsWith("step/", StringComparison.Ordinal))
            .ToDictionary(p => p.Key, p => p.Value);
        old["step"] = Tensor.From([2L], []);
        using var second = Make("adamw", resumed);
        second.LoadState(old);
        Step(straight, optimizer, 4);
        Step(resumed, second, 4);
        foreach (var (a, b) in straight.Named.Zip(resumed.Named)) { Assert.Equal(Doubles(a.Value), Doubles(b.Value)); }
        Assert.Equal(3, second.StepCount("p1"));
    }

    [Fact]
    public void State_that_lacks_a_parameters_step_is_refused_whole()
    {
        using var model = Model(Device.Cpu, DType.F32);
        using var optimizer = Make("adamw", model);
        Step(model, optimizer, 1);
        var state = optimizer.StateTensors().Where(p => p.Key != "step/p1").ToDictionary(p => p.Key, p => p.Value);
        using var second = Make("adamw", model);
        var e = Assert.Throws<FlorenceException>(() => second.LoadState(state));
        Assert.Contains("'step/p1'", e.Message, StringComparison.Ordinal);
        Assert.All(second.StateTensors(), p => Assert.All(Doubles(p.Value), v => Assert.Equal(0, v)));
    }

    [Theory]
    [InlineData(50, false, 2.5025e-4), InlineData(100, false, 4.878865e-4), InlineData(100, true, 5e-4)]
    [InlineData(500, false, 2.525e-4), InlineData(500, true, 2.954779e-4), InlineData(1000, false, 5e-6)]
    public void Timm_cosine_matches_the_worked_example(long step, bool prefix, double expected) =>
        Assert.Equal(expected, LrSchedules.TimmCosine(step, prefix ? 900 : 1000, 100, 5e-4, 5e-6, 5e-7, prefix), 5e-11);

    [Fact]
    public void Default_rule_exempts_vectors_tables_and_embeddings()
    {
        string[] exempt = ["text_encoder.token_embedding.weight", "text_encoder.positional_embedding", "logit_scale",
            "image_encoder.layers.0.blocks.0.attn.relative_position_bias_table", "image_encoder.absolute_pos_embed"];
        using var scope = TensorScope.Begin();
        Tensor matrix = Tensor.Zeros([4, 4]), vector = Tensor.Zeros([4]);
        Assert.All(exempt, name => Assert.False(WeightDecayRules.Default(name, matrix), name));
        Assert.True(WeightDecayRules.Default("image_encoder.patch_embed.proj.weight", matrix));
        Assert.False(WeightDecayRules.Default("image_encoder.norm.weight", vector));
    }

    private static Optimizer Make(string kind, ParameterSet model, bool decays = true)
    {
        var parameters = WeightDecayRules.Apply(model, (_, _) => decays);
        return kind switch
        {
            "sgd" => new Sgd(parameters, new SgdOptions(Momentum: 0.9)),
            "lamb" => new Lamb(parameters),
            "muon" => new Muon(parameters.Where(p => p.Tensor.Rank > 1)),
            _ => new AdamW(parameters, new AdamWOptions { Amsgrad = kind == "amsgrad" }),
        };
    }

    private static void Step(ParameterSet model, Optimizer optimizer, int t)
    {
        SetGrads(model, t);
        if (t == 1) { model["p2"].ZeroGrad(); } // steps differ between parameters from here on
        optimizer.Step(0.01);
    }

    private static ParameterSet Model(Device device, DType dtype)
    {
        var model = new ParameterSet(device, 3, dtype);
        for (var i = 0; i < Sizes.Length; i++) { model.Root.Get($"p{i}", [Sizes[i]], Init.Normal(1)); }
        model.Root.Get("q0", [24, 40], Init.Normal(1));
        return model;
    }

    private static void SetGrads(ParameterSet model, int t)
    {
        foreach (var (name, p) in model.Named)
        {
            p.SetGrad(Tensor.Normal(p.Shape, 0, 1, (ulong)t, (ulong)name[1], p.DType, p.Device));
        }
    }

    private static double[] Doubles(Tensor t)
    {
        using var scope = TensorScope.Begin();
        return t.Detach().To(DType.F64).ToArray<double>();
    }
}
