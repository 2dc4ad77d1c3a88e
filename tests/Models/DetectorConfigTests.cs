using FlorenceKernels.Models;
using FlorenceKernels.Nn;
using FlorenceKernels.Runtime;
using Xunit;

namespace FlorenceKernels.Tests.Models;

/// <summary>Detectors as data.</summary>
public sealed class DetectorConfigTests
{
    [Fact]
    public void Presets_are_read_and_written_alike()
    {
        Assert.Equal(["nano", "tiny"], DetectorConfig.Presets);
        Assert.DoesNotContain(FlorenceConfig.Presets, p => p.Contains("detector", System.StringComparison.Ordinal));
        foreach (var name in DetectorConfig.Presets)
        {
            var text = DetectorConfig.Load(name).ToJson();
            Assert.Equal(text, DetectorConfig.Parse(text, "again").ToJson());
        }
    }

    [Fact]
    public void Tiny_has_the_parameters_of_its_parts()
    {
        using var set = new ParameterSet(isMeta: true);
        _ = new Detector(DetectorConfig.Load("tiny"), set.Root);
        const long Norms = 2 * (192 + 384 + 768), Backbone = 29_462_874 - 2 * 768 + Norms; // CoSwin-T, its last norm replaced
        const long Pyramid = 256 * (192 + 384 + 768) + 3 * 256 + 5 * (9 * 256 * 256 + 256);
        const long Block = 3 * (9 * 256 * 256 + 256 + 512) + 257 + 27 * (9 * 256 + 1) + 256 * 64 + 64 + 64 * 1024 + 1024;
        const long Head = 257 * (80 + 4 + 1) + 5;
        Assert.Equal(Backbone + Pyramid + 6 * Block + Head, set.Count);
    }

    [Fact]
    public void Configuration_that_contradicts_itself_is_refused()
    {
        var good = DetectorConfig.Load("tiny");
        static string Error(DetectorConfig config) => Assert.Throws<FlorenceException>(config.Validated).Message;
        Assert.Contains("3 or more and 5", Error(good with { Strides = [8, 16] }));
        Assert.Contains("3 or more and 5", Error(good with { Backbone = good.Backbone with { Depths = [2, 2], Heads = [3, 6] } }));
        Assert.Contains("positive", Error(good with { Classes = 0 }));
        Assert.Contains("positive", Error(good with { SizeDivisor = 0 }));
        var shallow = good.Backbone with { Depths = [2, 2, 6], Heads = [3, 6, 12] };
        Assert.Contains("last stages have 4, 8, 16", Error(good with { Backbone = shallow }));
    }

    [Theory]
    [InlineData("""{ "classes": 3 }""", "backbone")]
    [InlineData("""{ "backbone": { "embedDim": 8, "depths": [1, 1, 1, 1], "heads": [1, 1, 1, 1] }, "clases": 3 }""", "clases")]
    [InlineData("""{ "dynamicHead": { "coarserLevel": "zoom" } }""", "dynamicHead.coarserLevel': 'zoom'")]
    [InlineData("{", "")]
    public void Json_that_is_wrong_names_the_file_and_the_fault(string json, string fault)
    {
        var message = Assert.Throws<FlorenceException>(() => DetectorConfig.Parse(json, "mine.json")).Message;
        Assert.StartsWith("mine.json: ", message);
        Assert.Contains(fault, message);
    }

    [Fact]
    public void Unknown_preset_lists_those_that_exist() =>
        Assert.Contains("nano, tiny", Assert.Throws<FlorenceException>(() => DetectorConfig.Load("giant")).Message);
}
