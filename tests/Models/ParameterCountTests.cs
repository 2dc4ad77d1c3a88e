using System.Linq;
using FlorenceKernels.Models;
using FlorenceKernels.Nn;
using FlorenceKernels.Runtime;
using Xunit;

namespace FlorenceKernels.Tests.Models;

/// <summary>Constructors against the published sizes.</summary>
public sealed class ParameterCountTests
{
    [Theory]
    [InlineData("tiny", 7, 224, 29_462_874)]
    [InlineData("tiny", 12, 384, 29_512_554)]
    [InlineData("small", 7, 224, 50_780_778)]
    [InlineData("small", 12, 384, 50_882_298)]
    [InlineData("base", 7, 224, 90_194_744)]
    [InlineData("base", 12, 384, 90_330_104)]
    [InlineData("large", 7, 224, 202_753_236)]
    [InlineData("large", 12, 384, 202_956_276)]
    public void CoSwin_has_the_derived_size(string preset, int window, int imageSize, long expected)
    {
        using var set = new ParameterSet(isMeta: true);
        _ = new CoSwin(FlorenceConfig.Load(preset).Image with { Window = window, ImageSize = imageSize }, set.Root);
        Assert.Equal(expected, set.Count);
    }

    [Fact]
    public void Inferred_CoSwin_H_has_the_published_637_million()
    {
        using var set = new ParameterSet(isMeta: true);
        _ = new CoSwin(FlorenceConfig.Load("huge").Image, set.Root);
        Assert.Equal(637.4, set.Count / 1e6, 0.05);
    }

    [Theory]
    [InlineData(96, new[] { 2, 2, 6, 2 }, new[] { 3, 6, 12, 24 }, 28_288_354)]
    [InlineData(96, new[] { 2, 2, 18, 2 }, new[] { 3, 6, 12, 24 }, 49_606_258)]
    [InlineData(128, new[] { 2, 2, 18, 2 }, new[] { 4, 8, 16, 32 }, 87_768_224)]
    [InlineData(192, new[] { 2, 2, 18, 2 }, new[] { 6, 12, 24, 48 }, 196_532_476)]
    public void Swin_with_a_1000_class_head_has_the_published_size(int width, int[] depths, int[] heads, long expected)
    {
        using var set = new ParameterSet(isMeta: true);
        _ = new CoSwin(new CoSwinConfig { EmbedDim = width, Depths = [.. depths], Heads = [.. heads], Embed = EmbedKind.Patch, Classes = 1000 }, set.Root);
        Assert.Equal(expected, set.Count);
    }

    [Fact]
    public void CvT_has_the_published_size()
    {
        long Count(CvTConfig config)
        {
            using var set = new ParameterSet(isMeta: true);
            _ = new CvT(config, set.Root);
            return set.Count;
        }

        Assert.Equal(19_997_480, Count(CvTConfig.CvT13));
        Assert.Equal(31.6, Count(CvTConfig.CvT21) / 1e6, 0.05);
        Assert.Equal(277.2, Count(CvTConfig.CvTW24) / 1e6, 0.05);
    }

    [Theory]
    [InlineData(512, 12, 63_165_952)]
    [InlineData(768, 12, 123_060_480)]
    [InlineData(1024, 12, 201_829_376)]
    [InlineData(1024, 16, 252_214_272)]
    public void Text_tower_has_the_published_size(int width, int layers, long expected)
    {
        using var set = new ParameterSet(isMeta: true);
        _ = new TextTransformer(new TextConfig { Width = width, Layers = layers }, set.Root);
        Assert.Equal(expected, set.Count);
    }

    [Fact]
    public void Every_preset_builds_and_round_trips_as_JSON()
    {
        Assert.True(FlorenceConfig.Presets.Length >= 6);
        foreach (var preset in FlorenceConfig.Presets)
        {
            var config = FlorenceConfig.Load(preset);
            var again = FlorenceConfig.Parse(config.ToJson(), preset);
            Assert.Equal(config.ToJson(), again.ToJson());
            using var set = new ParameterSet(isMeta: true);
            _ = new FlorenceKernels.Models.Florence(config, set.Root);
            Assert.Equal(set.Names.Count, set.Names.Distinct().Count());
        }
    }

    [Theory]
    [InlineData("{\"image\":{\"embedDim\":96,\"depths\":[2],\"heads\":[3]},\"text\":{\"width\":64},\"embedDimm\":3}", "embedDimm")]
    [InlineData("{\"image\":{\"embedDim\":96,\"depths\":[2,2],\"heads\":[3]},\"text\":{\"width\":64}}", "2 depths but 1 head counts")]
    [InlineData("{\"image\":{\"embedDim\":97,\"depths\":[2],\"heads\":[3]},\"text\":{\"width\":64}}", "not a multiple of its 3 heads")]
    [InlineData("{\"image\":", "models.json")]
    public void A_wrong_configuration_is_refused_with_its_reason(string json, string says)
    {
        var error = Assert.Throws<FlorenceException>(() => FlorenceConfig.Parse(json, "models.json"));
        Assert.Contains(says, error.Message, System.StringComparison.Ordinal);
    }

    [Fact]
    public void An_unknown_model_lists_the_known_ones() =>
        Assert.Contains("tiny", Assert.Throws<FlorenceException>(() => FlorenceConfig.Load("tyny")).Message, System.StringComparison.Ordinal);
}
