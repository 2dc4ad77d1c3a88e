using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Models;
using FlorenceKernels.Nn;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;
using Xunit;

namespace FlorenceKernels.Tests.Models;

/// <summary>What the golden cases of the Dynamic Head do not have: the released size, first values, refused pyramids.</summary>
public sealed class DynamicHeadTests
{
    private static readonly DynamicHeadConfig Small = new() { Channels = 16, Blocks = 2, NormGroups = 4 };

    [Fact]
    public void Released_size_has_the_published_parameters()
    {
        using var set = new ParameterSet(isMeta: true);
        _ = new DynamicHead(new DynamicHeadConfig(), set.Root);
        Assert.Equal(6 * 1_917_276, set.Count);
        Assert.Equal([27, 256, 3, 3], set["dyhead_tower.5.offset.weight"].Shape.AsSpan().ToArray());
    }

    [Theory, InlineData(CoarserLevel.Compat), InlineData(CoarserLevel.Crop), InlineData(CoarserLevel.Resample)]
    public void Every_mode_keeps_the_pyramid_and_trains_all_parameters(CoarserLevel mode)
    {
        using var scope = TensorScope.Begin();
        using var set = new ParameterSet(seed: 3);
        var head = new DynamicHead(Small with { CoarserLevel = mode }, set.Root);
        var levels = Pyramid(2, [(9, 7), (5, 4), (3, 2)]);
        var result = head.Forward(levels);
        Assert.Equal(levels.Select(l => l.Shape.ToString()), result.Select(l => l.Shape.ToString()));
        result.Select(l => F.Sum(l * l)).Aggregate((a, b) => a + b).Backward();
        Assert.Equal([], set.Named.Where(p => p.Value.Grad is null).Select(p => p.Key));
    }

    // With one level nothing is coarser or finer.
    [Fact]
    public void Single_level_uses_its_own_branch_only()
    {
        using var scope = TensorScope.Begin();
        using var set = new ParameterSet(seed: 3);
        var result = new DynamicHead(Small with { Blocks = 1 }, set.Root).Forward(Pyramid(1, [(4, 4)]));
        F.Sum(result[0]).Backward();
        var unused = set.Named.Where(p => p.Value.Grad is null).Select(p => p.Key);
        Assert.All(unused, name => Assert.Matches(@"DyConv\.[02]\.", name));
        Assert.Equal(8, unused.Count());
    }

    [Fact]
    public void Zero_offsets_sample_as_an_ordinary_convolution_at_half_strength()
    {
        using var scope = TensorScope.Begin();
        using var set = new ParameterSet(seed: 3, dtype: DType.F64);
        var config = Small with { Blocks = 1, ZeroOffsets = true };
        var x = Pyramid(1, [(5, 6)], DType.F64)[0];
        var y = new DynamicHead(config, set.Root).Forward([x])[0].ToArray<double>();
        var plain = F.Conv2d(x, set["dyhead_tower.0.DyConv.1.conv.weight"] * 0.5, padding: 1);
        var z = F.GroupNorm(plain, 4);
        var score = F.Linear(F.Mean(z, [2, 3]), set["dyhead_tower.0.AttnConv.1.weight"].Reshape(1, 16));
        z *= F.HardSigmoid(F.Relu(score)).Reshape(1, 1, 1, 1);
        using var own = new ParameterSet(dtype: DType.F64);
        var relu = new DyRelu(16, own.Root);
        _ = own.Load(own.Names.ToDictionary(n => n, n => set[$"dyhead_tower.0.relu.{n}"]));
        Assert.All(relu.Forward(z).ToArray<double>().Zip(y), p => Assert.Equal(p.First, p.Second, 1e-10));
    }

    [Fact]
    public void Pyramid_that_does_not_halve_is_refused()
    {
        using var set = new ParameterSet();
        var head = new DynamicHead(Small, set.Root);
        var thrown = Assert.Throws<ShapeException>(() => head.Forward(Pyramid(1, [(8, 8), (5, 4)])));
        Assert.Equal("dynamic_head: level 1 is [1, 16, 5, 4], expected [1, 16, 4, 4]", thrown.Message);
        Assert.Throws<ShapeException>(() => head.Forward([]));
    }

    [Fact]
    public void Groups_that_do_not_fit_are_refused()
    {
        using var set = new ParameterSet();
        var thrown = Assert.Throws<FlorenceException>(() => new DynamicHead(new DynamicHeadConfig { Channels = 24 }, set.Root));
        Assert.Contains("24 channels must be a multiple of normGroups 16", thrown.Message, StringComparison.Ordinal);
    }

    private static List<Tensor> Pyramid(int batch, (int H, int W)[] sizes, DType dtype = DType.F32) =>
        [.. sizes.Select((s, i) => Tensor.Uniform([batch, 16, s.H, s.W], -1, 1, 11, (ulong)i, dtype))];
}
