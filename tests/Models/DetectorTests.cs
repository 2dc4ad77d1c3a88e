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
        DetectorConfig config = new()
        {
            BackboneChannels = [8, 8, 8],
            Classes = 2,
            DynamicHead = new DynamicHeadConfig { Channels = 16, Blocks = 1, NormGroups = 4 },
        };
        var detector = new Detector(config, set.Root);
        Tensor[] maps = [Tensor.Uniform([1, 8, 16, 16], -1, 1, 1), Tensor.Uniform([1, 8, 8, 8], -1, 1, 2), Tensor.Uniform([1, 8, 4, 4], -1, 1, 3)];
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
            var loss = detector.Losses(detector.Forward(maps), [[truth]]).Total;
            loss.Backward();
            return loss.Item();
        }
    }

    [Fact]
    public void Configuration_that_does_not_fit_is_refused()
    {
        Assert.Contains("3 and 5", Assert.Throws<FlorenceException>(() => new DetectorConfig { Strides = [8, 16] }.Validated()).Message);
        Assert.Contains("positive", Assert.Throws<FlorenceException>(() => new DetectorConfig { Classes = 0 }.Validated()).Message);
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
