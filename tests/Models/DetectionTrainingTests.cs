using System.Linq;
using FlorenceKernels.Models;
using FlorenceKernels.Nn;
using FlorenceKernels.Runtime;
using FlorenceKernels.Training;
using Xunit;

namespace FlorenceKernels.Tests.Models;

/// <summary>Training on boxes.</summary>
public sealed class DetectionTrainingTests
{
    private const int Side = 96, Batch = 8, Steps = 100;

    [Fact]
    public void Detector_learns_to_find_shapes_it_has_not_seen()
    {
        using var set = new ParameterSet(seed: 1) { IsTraining = true };
        var detector = new Detector(DetectorConfig.Load("nano"), set.Root);
        using var trainer = new Trainer<DetectionBatch>(new DetectionTask(detector, Device.Cpu), set, new PretrainOptions
        {
            Optimizer = OptimizerKind.Muon,
            LearningRate = 2e-3,
            MatrixLearningRate = 8e-3,
            EmaDecay = 0,
        });
        DetectionSample[] heldOut = [.. Enumerable.Range(0, 64).Select(i => ShapeBoxes.Scene(2, i, Side))];
        var evaluator = new DetectionEvaluator(detector, set, Device.Cpu);
        Assert.InRange(evaluator.Score(heldOut).Ap50, 0, 0.05);
        Assert.True(set.IsTraining); // as it was
        double[] losses = [.. Enumerable.Range(0, Steps).Select(step => trainer.Step(Scenes(step), step, Steps).Loss)];
        double first = losses.Take(10).Average(), last = losses.TakeLast(10).Average();
        Assert.True(last < first / 1.6, $"the loss went from {first:g3} to {last:g3}"); // measured: 2.74 to 1.37
        var ap50 = evaluator.Score(heldOut).Ap50;
        Assert.True(ap50 > 0.6, $"AP50 on held-out scenes is {ap50:p0}"); // measured: 84 %
    }

    [Fact]
    public void Boxes_of_a_scene_and_of_its_mirror_image_hold_all_that_is_drawn()
    {
        var scene = ShapeBoxes.Scene(3, 4, 48);
        foreach (var sample in new[] { scene, scene.Flipped() })
        {
            bool IsDrawn(int i) => Enumerable.Range(0, 3).Any(c => sample.Pixels[c * 48 * 48 + i] != sample.Pixels[c * 48 * 48]);
            int[] drawn = [.. Enumerable.Range(0, 48 * 48).Where(IsDrawn)];
            Assert.NotEmpty(drawn);
            bool Holds(GroundTruth o, int i) => i % 48 is var x && i / 48 is var y
                && x >= o.Box.X1 && x < o.Box.X2 && y >= o.Box.Y1 && y < o.Box.Y2;
            Assert.All(drawn, i => Assert.Contains(sample.Objects, o => Holds(o, i)));
            Assert.All(sample.Objects, o => Assert.Contains(drawn, i => Holds(o, i) && i % 48 == (int)o.Box.X1));
        }

        Assert.NotEqual(scene.Pixels, scene.Flipped().Pixels);
        Assert.Equal(scene.Pixels, scene.Flipped().Flipped().Pixels);
    }

    [Fact]
    public void Batch_puts_images_of_different_sizes_into_the_upper_left_corner()
    {
        static DetectionSample Sample(int h, int w) => new($"{h}x{w}", [.. Enumerable.Range(1, 3 * h * w).Select(v => (float)v)], h, w, []);
        var batch = DetectionBatch.Of([Sample(1, 3), Sample(2, 2)]);
        Assert.Equal((2, 3), (batch.Height, batch.Width));
        Assert.Equal([1, 2, 3, 0, 0, 0, 4, 5, 6, 0, 0, 0, 7, 8, 9, 0, 0, 0], batch.Pixels[..18]);
        Assert.Equal([1, 2, 0, 3, 4, 0, 5, 6, 0, 7, 8, 0, 9, 10, 0, 11, 12, 0], batch.Pixels[18..]);
    }

    [Fact]
    public void Batch_of_nothing_or_of_a_torn_image_is_refused()
    {
        Assert.Contains("no samples", Assert.Throws<FlorenceException>(() => DetectionBatch.Of([])).Message);
        DetectionSample torn = new("torn", new float[5], 1, 2, []);
        Assert.Contains("'torn' has 5 values", Assert.Throws<FlorenceException>(() => DetectionBatch.Of([torn])).Message);
    }

    private static DetectionBatch Scenes(int step) =>
        DetectionBatch.Of([.. Enumerable.Range(0, Batch).Select(i => ShapeBoxes.Scene(1, step * Batch + i, Side))]);
}
