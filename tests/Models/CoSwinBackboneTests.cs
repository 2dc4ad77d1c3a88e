using System.Linq;
using FlorenceKernels.Models;
using FlorenceKernels.Nn;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;
using Xunit;

namespace FlorenceKernels.Tests.Models;

/// <summary>The image encoder as a backbone, beyond the reference cases, which have patches and no positions.</summary>
public sealed class CoSwinBackboneTests
{
    private static readonly CoSwinConfig Config = new()
    {
        EmbedDim = 4,
        Depths = [1, 2, 1],
        Heads = [1, 2, 2],
        Window = 4,
        ImageSize = 32,
        WindowRule = WindowRule.PadKeepShift,
    };

    [Fact]
    public void Maps_are_the_encoders_stages_through_a_LayerNorm()
    {
        using var scope = TensorScope.Begin();
        using ParameterSet encoder = new(seed: 5, dtype: DType.F64), backbone = new(seed: 5, dtype: DType.F64);
        var x = Tensor.Uniform([2, 3, 32, 32], -1, 1, 9, dtype: DType.F64);
        var stages = new CoSwin(Config, encoder.Root).Encode(x).Stages;
        var maps = new CoSwinBackbone(Config, backbone.Root).Forward(x); // equal names, equal seeds: equal weights
        Assert.Equal(3, maps.Count);
        foreach (var (stage, map) in stages.Zip(maps))
        {
            var expected = F.LayerNorm(stage).Permute(0, 3, 1, 2).Contiguous().ToArray<double>();
            Assert.All(expected.Zip(map.Contiguous().ToArray<double>()), e => Assert.Equal(e.First, e.Second, 1e-12));
        }
    }

    [Theory, InlineData(EmbedKind.Patch, false), InlineData(EmbedKind.Convolution, false), InlineData(EmbedKind.Convolution, true)]
    public void Images_of_any_size_have_maps_of_their_size_over_the_stride(EmbedKind embed, bool isEarly)
    {
        using var scope = TensorScope.Begin();
        using var set = new ParameterSet(seed: 5);
        var config = Config with { Embed = embed, AbsolutePositions = true };
        if (isEarly) { config = config with { EarlyConvolutions = [4], EarlyKernel = 7, StemKernel = 3, StemPadding = 1 }; }
        var backbone = new CoSwinBackbone(config, set.Root, firstStage: 1);
        Assert.Equal([8, 16], backbone.Channels);
        Assert.Equal(isEarly ? [16, 32] : [8, 16], backbone.Strides);
        foreach (var (h, w) in new[] { (32, 32), (61, 75), (33, 40), (5, 90) })
        {
            var maps = backbone.Forward(Tensor.Uniform([1, 3, h, w], -1, 1, 3));
            foreach (var (map, (c, s)) in maps.Zip(backbone.Channels.Zip(backbone.Strides)))
            {
                Assert.Equal([1, c, (h + s - 1) / s, (w + s - 1) / s], map.Shape.AsSpan().ToArray());
            }

            maps.Select(F.Square).Select(m => F.Sum(m)).Aggregate((a, b) => a + b).Backward();
            Assert.NotNull(set["absolute_pos_embed"].Grad);
        }

        Assert.Equal(["norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias"],
            set.Names.Where(n => n.StartsWith("norm", System.StringComparison.Ordinal)));
    }

    [Fact]
    public void Positions_are_stretched_over_maps_of_another_size()
    {
        using var scope = TensorScope.Begin();
        using var set = new ParameterSet(dtype: DType.F64);
        var positions = new PositionTable(4, 2, set.Root);
        // Channel 0 grows by 1 per row, channel 1 is 7 everywhere.
        double[] table = [.. Enumerable.Range(0, 16).SelectMany(i => new double[] { i / 4, 7 })];
        set["absolute_pos_embed"].Assign(Tensor.From(table, [1, 16, 2]));
        var same = positions.AddTo(Tensor.Ones([1, 4, 4, 2], DType.F64)).ToArray<double>();
        Assert.Equal(table.Select(v => v + 1), same);
        var other = positions.AddTo(Tensor.Zeros([1, 8, 6, 2], DType.F64)).ToArray<double>();
        double At(int row, int column, int channel) => other[(row * 6 + column) * 2 + channel];
        for (var column = 0; column < 6; column++)
        {
            // Row 3 of 8 lies at (3 + ½)/2 − ½ = 1.25 of 4; cubic convolution with a = −¾ weighs rows 0 … 3 by
            // −27/256, 225/256, 67/256, −9/256. Row 4 mirrors it.
            Assert.Equal((225 + 2 * 67 - 3 * 9) / 256.0, At(3, column, 0), 1e-12);
            Assert.Equal(3 - (225 + 2 * 67 - 3 * 9) / 256.0, At(4, column, 0), 1e-12);
            Assert.All(Enumerable.Range(0, 8), row => Assert.Equal(7, At(row, column, 1), 1e-12));
        }
    }

    [Fact]
    public void Stage_that_does_not_exist_is_refused()
    {
        using var set = new ParameterSet(isMeta: true);
        Assert.Contains("no stage 3", Assert.Throws<FlorenceException>(() => new CoSwinBackbone(Config, set.Root, firstStage: 3)).Message);
    }

    [Fact]
    public void Images_of_other_channels_are_refused()
    {
        using var scope = TensorScope.Begin();
        using var set = new ParameterSet();
        var backbone = new CoSwinBackbone(Config, set.Root);
        Assert.Throws<ShapeException>(() => backbone.Forward(Tensor.Zeros([1, 4, 32, 32])));
    }
}
