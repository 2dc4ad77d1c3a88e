using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Models;
using FlorenceKernels.Nn;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;
using Xunit;

namespace FlorenceKernels.Tests.Models;

/// <summary>The rules of the detector that the reference cases do not reach.</summary>
public sealed class DetectorTests
{
    private static readonly int[] Strides = [8, 16, 32, 64, 128];

    private static readonly DetectorConfig Small = new()
    {
        Backbone = new CoSwinConfig
        {
            EmbedDim = 8,
            Depths = [1, 1, 1],
            Heads = [1, 2, 2],
            Window = 4,
            ImageSize = 64,
            Embed = EmbedKind.Patch,
            StemStride = 8,
        },
        Classes = 2,
        DynamicHead = new DynamicHeadConfig { Channels = 16, Blocks = 1, NormGroups = 4 },
        SizeDivisor = 64,
    };

    private static IReadOnlyList<BoundingBox[]> Levels(int side) => Anchors.Pyramid(Strides.Select(s => (side / s, side / s)), Strides, 8);

    [Fact]
    public void Object_that_is_an_anchor_is_found_by_it()
    {
        var levels = Levels(256);
        var first = levels[0].Length;                       // P4 begins
        var anchor = levels[1][8 * 16 + 7];
        var assignment = AtssAssigner.Assign(levels, [new(anchor, 3)]);
        Assert.Equal(128, anchor.Width);
        Assert.Contains(first + 8 * 16 + 7, assignment.Positives);
        Assert.Equal(1, AtssAssigner.Centerness(anchor, anchor));
    }

    [Fact]
    public void Image_without_objects_is_all_background()
    {
        var assignment = AtssAssigner.Assign(Levels(128), []);
        Assert.Empty(assignment.Positives);
        Assert.All(assignment.Labels([]), label => Assert.Equal(0, label));
    }

    [Fact]
    public void Single_candidate_has_no_deviation_and_is_background()
    {
        BoundingBox box = new(0, 0, 64, 64);
        Assert.Empty(AtssAssigner.Assign([[box]], [new(box, 0)]).Positives);
    }

    [Fact]
    public void Anchor_of_two_equal_objects_takes_the_first()
    {
        var levels = Levels(256);
        GroundTruth[] twins = [new(levels[1][40], 1), new(levels[1][40], 2)];
        Assert.All(AtssAssigner.Assign(levels, twins).Positives, a => Assert.Equal(0, AtssAssigner.Assign(levels, twins).Object[a]));
        Assert.NotEmpty(AtssAssigner.Assign(levels, twins).Positives);
    }

    [Fact]
    public void Batch_without_objects_has_losses_and_gradients_of_zero_for_boxes()
    {
        using var scope = TensorScope.Begin();
        Tensor Map(int channels) => Parameter(Tensor.Uniform([2, channels, 4, 4], -1, 1, 7, (ulong)channels));
        HeadOutput output = new([Map(3)], [Map(4)], [Map(1)]);
        var asked = new List<double>();
        double Average(double value)
        {
            asked.Add(value);
            return value;
        }

        var losses = new AtssLoss(new()).Compute(output, [Anchors.Level(4, 4, 8, 8)], [[], []], Average);
        losses.Total.Backward();
        Assert.Equal([0, 0], asked); // a rank without objects still takes part in both means
        Assert.Equal(0, losses.Box.Item());
        Assert.Equal(0, losses.Centerness.Item());
        Assert.True(losses.Classification.Item() > 0);
        Assert.All(output.Deltas[0].Grad!.ToArray<float>(), g => Assert.Equal(0, g));
        Assert.Contains(output.Logits[0].Grad!.ToArray<float>(), g => g != 0);
    }

    [Fact]
    public void Losses_refuse_objects_of_another_batch()
    {
        HeadOutput output = new([Tensor.Zeros([1, 3, 4, 4])], [Tensor.Zeros([1, 4, 4, 4])], [Tensor.Zeros([1, 1, 4, 4])]);
        var loss = new AtssLoss(new());
        Assert.Contains("2 lists of objects for 1", Assert.Throws<ShapeException>(() => loss.Compute(output, [Anchors.Level(4, 4, 8, 8)], [[], []])).Message);
        Assert.Contains("anchors", Assert.Throws<ShapeException>(() => loss.Compute(output, [Anchors.Level(4, 5, 8, 8)], [[]])).Message);
    }

    [Fact]
    public void Rescaled_detections_lie_in_the_image_and_have_an_area()
    {
        Detection[] found = [new(new(-4, 2, 6, 8), 0.9f, 1), new(new(-9, 0, -2, 5), 0.8f, 2), new(new(0, 0, 40, 40), 0.7f, 3)];
        var fitted = AtssInference.Rescale(found, (10, 20), (20, 60));
        Assert.Equal([new(new(0, 4, 18, 16), 0.9f, 1), new(new(0, 0, 60, 20), 0.7f, 3)], fitted);
    }

    [Fact]
    public void Nothing_above_the_threshold_is_no_detection()
    {
        HeadOutput output = new([Tensor.Full([1, 3, 4, 4], -9)], [Tensor.Zeros([1, 4, 4, 4])], [Tensor.Zeros([1, 1, 4, 4])]);
        Assert.Empty(Assert.Single(new AtssInference(new()).Detect(output, [Anchors.Level(4, 4, 8, 8)])));
    }

    [Fact]
    public void Detector_learns_one_object()
    {
        using var set = new ParameterSet(seed: 3);
        var detector = new Detector(Small, set.Root);
        var image = Tensor.Uniform([1, 3, 128, 128], -1, 1, 1);
        GroundTruth truth = new(new(20, 24, 90, 100), 1);
        Step(); // gradients reach every part
        Assert.All(set.Named.Where(p => !p.Key.Contains("DyConv", StringComparison.Ordinal)), p => Assert.NotNull(p.Value.Grad));
        set.ZeroGrad();
        double first = Step(), last = first;
        for (var i = 0; i < 60; i++)
        {
            Descend(set);
            last = Step();
        }

        Assert.True(last < first / 2, $"the loss went from {first} to {last}");

        double Step()
        {
            using var scope = TensorScope.Begin();
            var loss = detector.Losses(detector.Forward(image), [[truth]]).Total;
            loss.Backward();
            return loss.Item();
        }
    }

    [Fact]
    public void Detections_lie_in_their_images_and_fall_in_score()
    {
        using var scope = TensorScope.Begin();
        using var set = new ParameterSet(seed: 3);
        var detector = new Detector(Small with { Inference = new() { ScoreThreshold = 0, MaxDetections = 20 } }, set.Root);
        var images = Tensor.Uniform([2, 3, 70, 90], -1, 1, 1); // no multiple of the divisor: padded
        var found = detector.Detect(images, [(40, 90), (70, 33)]);
        foreach (var (boxes, (h, w)) in found.Zip(new[] { (40f, 90f), (70f, 33f) }))
        {
            Assert.NotEmpty(boxes);
            Assert.All(boxes, d => Assert.True(d.Box is { X1: >= 0, Y1: >= 0, Width: > 0, Height: > 0 }, $"{d}"));
            Assert.All(boxes, d => Assert.True(d.Box.X2 <= w && d.Box.Y2 <= h, $"{d}"));
            Assert.Equal(boxes.Select(d => d.Score).OrderDescending(), boxes.Select(d => d.Score));
        }

        Assert.All(detector.Detect(images)[1], d => Assert.InRange(d.Box.X2, 0, 90));
        Assert.Contains("1 sizes for 2 images", Assert.Throws<ShapeException>(() => detector.Detect(images, [(40, 90)])).Message);
        Assert.Throws<ShapeException>(() => detector.Forward(Tensor.Zeros([3, 64, 64])));
    }

    [Fact]
    public void Detector_takes_over_a_pretrained_image_encoder()
    {
        using var scope = TensorScope.Begin();
        using ParameterSet florence = new(seed: 1), set = new(seed: 2);
        _ = new Florence(FlorenceConfig.Load("nano") with { Image = Small.Backbone }, florence.Root);
        _ = new Detector(Small, set.Root);
        var report = set.Load(DetectorWeights.FromFlorence(florence.State), isStrict: false);
        Assert.Empty(report.Unused);
        const string Layer = "layers.1.blocks.0.attn.qkv.weight";
        var backbone = set.Names.Where(n => n.StartsWith("fpn.bottom_up.", StringComparison.Ordinal));
        Assert.Equal(backbone.Where(n => !n.Contains("up.norm", StringComparison.Ordinal)).Order(), report.Loaded.Order());
        Assert.Equal(florence[$"image_encoder.{Layer}"].ToArray<float>(), set[$"fpn.bottom_up.{Layer}"].ToArray<float>());
    }

    private static Tensor Parameter(Tensor x)
    {
        x.RequiresGrad = true;
        return x;
    }

    // One step of normalised gradient descent.
    private static void Descend(ParameterSet set)
    {
        using var scope = TensorScope.Begin();
        using var noGrad = GradMode.NoGrad();
        foreach (var (_, p) in set.Named)
        {
            if (p.Grad is not { } g) { continue; }
            p.Assign(p - g * (0.02 / (1e-6 + Math.Sqrt(F.Sum(F.Square(g)).Item()))));
        }

        set.ZeroGrad();
    }
}
