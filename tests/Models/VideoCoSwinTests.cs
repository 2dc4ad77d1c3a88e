using System;
using System.Linq;
using FlorenceKernels.Models;
using FlorenceKernels.Nn;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;
using Xunit;

namespace FlorenceKernels.Tests.Models;

/// <summary>What the golden cases of Video-Swin do not have: convolutional embeddings, windows of their own depth in each stage, the
/// inflated model's exactness on still clips, published sizes.</summary>
public sealed class VideoCoSwinTests
{
    private const int Side = 48, Frames = 8;

    // Shifted and unshifted blocks, several windows in time, padding in space (maps 12 and 6, window 4), a clipped last stage.
    [Theory]
    [InlineData(EmbedKind.Convolution, 3)]
    [InlineData(EmbedKind.Convolution, 1)]
    [InlineData(EmbedKind.Patch, 1)]
    public void Still_clip_gives_the_image_tokens_in_every_frame(EmbedKind embed, int mergeDepth)
    {
        using var scope = TensorScope.Begin();
        using var noGrad = GradMode.NoGrad();
        using var images = new ParameterSet(seed: 3, dtype: DType.F64);
        using var clips = new ParameterSet(seed: 4, dtype: DType.F64);
        var config = Config() with { Image = Image() with { Embed = embed }, MergeDepth = mergeDepth };
        var (image, video) = (new CoSwin(config.Image, images.Root), new VideoCoSwin(config, clips.Root));
        Inflate(images, clips, config, Inflation.Average);
        var x = Tensor.Normal([2, 3, Side, Side], 0, 1, 5, 0, DType.F64);
        var expected = image.Encode(x);
        var actual = video.Encode(F.Repeat(x.Unsqueeze(2), 1, 1, Frames, 1, 1));
        Assert.Equal([2, Frames / 2, 12, 12, 8], actual.Stages[0].Shape.ToArray());
        AllFramesAre(expected.Tokens, actual.Tokens);
        foreach (var (map, frames) in expected.Stages.Zip(actual.Stages)) { AllFramesAre(map, frames); }
        Assert.Equal(0, Difference(expected.Pooled, actual.Pooled), 1e-10);
    }

    [Fact]
    public void Moving_clip_does_not_give_the_tokens_of_its_frames()
    {
        using var scope = TensorScope.Begin();
        using var noGrad = GradMode.NoGrad();
        using var clips = new ParameterSet(seed: 4, dtype: DType.F64);
        var video = new VideoCoSwin(Config(), clips.Root);
        var x = Tensor.Normal([1, 3, Frames, Side, Side], 0, 1, 5, 0, DType.F64);
        Tensor forward = video.Encode(x).Tokens, backward = video.Encode(F.Flip(x, [2])).Tokens;
        Assert.True(Difference(F.Flip(backward, [1]), forward) > 1e-4);
    }

    [Fact]
    public void Central_inflation_puts_the_kernel_into_the_middle_frame()
    {
        using var scope = TensorScope.Begin();
        using var images = new ParameterSet(seed: 3, dtype: DType.F64);
        using var clips = new ParameterSet(seed: 4, dtype: DType.F64);
        var config = Config();
        _ = (new CoSwin(config.Image, images.Root), new VideoCoSwin(config, clips.Root));
        Inflate(images, clips, config, Inflation.CentralFrame);
        const string Name = "layers.0.downsample.proj.weight";
        Assert.Equal([16, 8, 3, 3, 3], clips[Name].Shape.ToArray());
        Assert.Equal(0, Difference(images[Name], clips[Name].Slice(2, 1, 1).Squeeze(2)));
        Assert.Equal(0, Difference(F.Sum(F.Abs(images[Name])), F.Sum(F.Abs(clips[Name]))), 1e-12);
    }

    [Fact]
    public void Every_parameter_gets_a_gradient_and_the_head_drops_only_in_training()
    {
        using var scope = TensorScope.Begin();
        using var set = new ParameterSet(seed: 4);
        var video = new VideoCoSwin(Config() with { Image = Image() with { Classes = 5, PreNorm = true } }, set.Root);
        var pooled = video.Forward(Tensor.Normal([2, 3, Frames, Side, Side], 0, 1, 5));
        var scores = video.Classify(pooled);
        F.Sum(F.Square(scores)).Backward();
        Assert.All(set.Named, p => Assert.True(p.Value.Grad is not null, p.Key));
        Assert.Equal(0, Difference(scores, video.Classify(pooled)));
        set.IsTraining = true;
        Assert.True(Difference(scores, video.Classify(pooled)) > 0);
    }

    [Theory]
    [InlineData(96, new[] { 2, 2, 6, 2 }, new[] { 3, 6, 12, 24 }, 27_850_470)]
    [InlineData(96, new[] { 2, 2, 18, 2 }, new[] { 3, 6, 12, 24 }, 49_509_078)]
    [InlineData(128, new[] { 2, 2, 18, 2 }, new[] { 4, 8, 16, 32 }, 87_638_984)]
    [InlineData(192, new[] { 2, 2, 18, 2 }, new[] { 6, 12, 24, 48 }, 196_339_116)]
    public void Video_Swin_has_the_size_of_the_released_backbone(int width, int[] depths, int[] heads, long expected)
    {
        using var set = new ParameterSet(isMeta: true);
        var image = new CoSwinConfig
        {
            EmbedDim = width,
            Depths = [.. depths],
            Heads = [.. heads],
            Embed = EmbedKind.Patch,
            WindowRule = WindowRule.Clip,
        };
        _ = new VideoCoSwin(new VideoCoSwinConfig { Image = image, WindowDepths = [8, 8, 8, 8] }, set.Root);
        Assert.Equal(expected, set.Count);
    }

    // The published 647 M leave no room for merging kernels of several frames.
    [Fact]
    public void Inferred_Video_CoSwin_H_has_the_published_647_million()
    {
        using var set = new ParameterSet(isMeta: true);
        var image = FlorenceConfig.Load("huge").Image with { Window = 12, ImageSize = 384 };
        _ = new VideoCoSwin(new VideoCoSwinConfig { Image = image, WindowDepths = [8, 8, 8, 8], MergeDepth = 1 }, set.Root);
        Assert.Equal(647, Math.Round(set.Count / 1e6));
    }

    [Fact]
    public void A_wrong_configuration_is_refused_with_its_reason()
    {
        static void Refused(VideoCoSwinConfig config, string says) => Assert.Contains(says,
            Assert.Throws<FlorenceException>(config.Validated).Message, StringComparison.Ordinal);
        Refused(Config() with { MergeDepth = 2 }, "mergeDepth odd");
        Refused(Config() with { WindowDepths = [2] }, "each of the 3 stages");
        Refused(Config() with { Image = Image() with { AbsolutePositions = true } }, "absolutePositions");
        Refused(Config() with { Image = Image() with { Embed = EmbedKind.Patch }, StemStrideDepth = 1 }, "must agree");
        Refused(Config() with { Image = Image() with { Heads = [3, 2, 4] } }, "not a multiple of its 3 heads");
    }

    private static VideoCoSwinConfig Config() => new() { Image = Image(), WindowDepths = [2, 2, 8] };

    private static CoSwinConfig Image() => new()
    {
        EmbedDim = 8,
        Depths = [2, 2, 1],
        Heads = [2, 2, 4],
        Window = 4,
        ImageSize = Side,
    };

    private static void Inflate(ParameterSet images, ParameterSet clips, VideoCoSwinConfig config, Inflation kind) =>
        clips.Load(VideoWeights.Inflate(images.State, clips.Named.ToDictionary(p => p.Key, p => p.Value.Shape), config, kind));

    private static void AllFramesAre(Tensor image, Tensor frames)
    {
        for (var t = 0; t < frames.Shape[1]; t++) { Assert.Equal(0, Difference(image, frames.Slice(1, t, 1).Squeeze(1)), 1e-10); }
    }

    private static double Difference(Tensor a, Tensor b)
    {
        Assert.Equal(a.Shape, b.Shape);
        return F.Max(F.Abs(a.Detach() - b.Detach())).To(DType.F64).ToArray<double>()[0];
    }
}
