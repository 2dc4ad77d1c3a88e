using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Models;

/// <summary>The detector's three losses; they are trained on their sum.</summary>
/// <param name="Classification">Focal loss of every location and class.</param>
/// <param name="Box">1 − GIoU of the positives.</param>
/// <param name="Centerness">Cross-entropy of the positives' centerness.</param>
public sealed record DetectionLosses(Tensor Classification, Tensor Box, Tensor Centerness)
{
    /// <summary>What is minimised.</summary>
    public Tensor Total => Classification + Box + Centerness;
}

/// <summary>The ATSS losses (arXiv 1912.02424; Dynamic Head's released code), with n the number of positives and c* their
/// centerness:
/// <code>
/// classification = Σ over all locations and classes FL / n
/// box            = w·Σ over positives c*·(1 − GIoU) / Σ c*
/// centerness     = Σ over positives BCE(c, c*) / n
/// </code></summary>
public sealed class AtssLoss(AtssLossConfig config)
{
    /// <summary>The losses of a batch.</summary>
    /// <param name="output">The head's predictions.</param> <param name="anchors">Anchors per level.</param>
    /// <param name="images">The objects of each image.</param>
    /// <param name="averageOverRanks">Turns a rank's n or Σ c* into the mean over all ranks; every rank calls it twice per
    /// batch.</param>
    /// <exception cref="ShapeException">Images or anchors are not as many as the predictions'.</exception>
    public DetectionLosses Compute(HeadOutput output, IReadOnlyList<BoundingBox[]> anchors,
        IReadOnlyList<IReadOnlyList<GroundTruth>> images,
        Func<double, double>? averageOverRanks = null)
    {
        Check.That(images.Count == output.Images, $"atss_loss: {images.Count} lists of objects for {output.Images} images");
        var fits = anchors.Select(l => l.Length).SequenceEqual(output.Sizes.Select(s => s.Height * s.Width));
        Check.That(fits, $"atss_loss: the levels' anchors are not as many as their locations");
        var targets = Targets.Of(anchors, images, config.TopK);
        Tensor logits = HeadOutput.Rows(output.Logits), deltas = HeadOutput.Rows(output.Deltas),
            centers = HeadOutput.Rows(output.Centerness);
        var average = averageOverRanks ?? (v => v);
        double positives = Math.Max(1, average(targets.Rows.Length)), weight = average(targets.Centerness.Sum());
        var labels = Tensor.From(targets.Labels, [targets.Labels.Length], logits.Device);
        var classification = F.SigmoidFocalLoss(logits, labels, config.Alpha, config.Gamma) / positives;
        // Without positives the graph still reaches the predictions, so that every rank's gradients exist.
        if (targets.Rows.Length == 0) { return new(classification, F.Sum(deltas) * 0, F.Sum(centers) * 0); }
        return new(classification, Box(deltas, targets) * (config.BoxWeight / weight), Center(centers, targets) / positives);
    }

    // Σ c*·(1 − GIoU).
    private static Tensor Box(Tensor deltas, Targets targets)
    {
        Tensor Boxes(BoundingBox[] boxes) => BoundingBox.ToTensor(boxes, deltas.DType, deltas.Device);
        var predicted = BoxCoder.Decode(F.IndexSelect(deltas, 0, targets.Index), Boxes(targets.Anchors));
        var loss = 1 - F.GeneralizedBoxIoU(predicted, Boxes(targets.Objects));
        return F.Sum(loss * targets.CenternessLike(deltas));
    }

    private static Tensor Center(Tensor centers, Targets targets) => F.BinaryCrossEntropyWithLogits(
        F.IndexSelect(centers, 0, targets.Index).Flatten(), targets.CenternessLike(centers), Reduction.Sum);

    /// <summary>What the locations of a batch should say. Rows: the positive ones.</summary>
    private sealed record Targets(long[] Labels, long[] Rows, BoundingBox[] Anchors, BoundingBox[] Objects, double[] Centerness)
    {
        public Tensor Index => Tensor.From(Rows, [Rows.Length]);

        public Tensor CenternessLike(Tensor like) => Tensor.FromDoubles(Centerness, [Rows.Length], like.DType, like.Device);

        public static Targets Of(IReadOnlyList<BoundingBox[]> levels, IReadOnlyList<IReadOnlyList<GroundTruth>> images, int topK)
        {
            BoundingBox[] anchors = [.. levels.SelectMany(l => l)];
            List<long> labels = [], rows = [];
            List<BoundingBox> positives = [], objects = [];
            for (var i = 0; i < images.Count; i++)
            {
                var assignment = AtssAssigner.Assign(levels, images[i], topK);
                labels.AddRange(assignment.Labels(images[i]));
                foreach (var a in assignment.Positives)
                {
                    rows.Add((long)i * anchors.Length + a);
                    positives.Add(anchors[a]);
                    objects.Add(images[i][assignment.Object[a]].Box);
                }
            }

            double[] centerness = [.. positives.Zip(objects, (a, o) => (double)AtssAssigner.Centerness(a, o))];
            return new([.. labels], [.. rows], [.. positives], [.. objects], centerness);
        }
    }
}
