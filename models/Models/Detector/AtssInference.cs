using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Models;

/// <summary>From predictions to detections: class probabilities above a threshold, times centerness, the best of each level,
/// decoded, then class by class without overlaps. Boxes may reach past the image; <see cref="Rescale"/> clips them.</summary>
public sealed class AtssInference(AtssInferenceConfig config)
{
    /// <summary>The detections of each image in descending score.</summary>
    /// <param name="output">The head's predictions.</param> <param name="anchors">Anchors per level.</param>
    public IReadOnlyList<Detection[]> Detect(HeadOutput output, IReadOnlyList<BoundingBox[]> anchors)
    {
        using var noGrad = GradMode.NoGrad();
        return [.. Enumerable.Range(0, output.Images).Select(image => Image(output, anchors, image))];
    }

    /// <summary>Detections of an image that was resized, in pixels of the original: scaled, clipped to it, and without those that
    /// have no area left.</summary>
    public static Detection[] Rescale(IEnumerable<Detection> detections, (int Height, int Width) size,
        (int Height, int Width) original)
    {
        float sx = (float)original.Width / size.Width, sy = (float)original.Height / size.Height;
        Detection Fit(Detection d) => d with
        {
            Box = new(
                Math.Clamp(d.Box.X1 * sx, 0, original.Width), Math.Clamp(d.Box.Y1 * sy, 0, original.Height),
                Math.Clamp(d.Box.X2 * sx, 0, original.Width), Math.Clamp(d.Box.Y2 * sy, 0, original.Height)),
        };
        return [.. detections.Select(Fit).Where(d => d.Box is { Width: > 0, Height: > 0 })];
    }

    private Detection[] Image(HeadOutput output, IReadOnlyList<BoundingBox[]> anchors, int image)
    {
        using var scope = TensorScope.Begin();
        var found = new List<Detection>();
        for (var l = 0; l < anchors.Count; l++)
        {
            Tensor Of(Tensor map) => HeadOutput.Locations(map.Slice(0, image, 1)).Select(0, 0);
            found.AddRange(Level(Of(output.Logits[l]), Of(output.Centerness[l]), Of(output.Deltas[l]), anchors[l]));
        }

        if (found.Count == 0) { return []; }
        var device = output.Logits[0].Device;
        var boxes = BoundingBox.ToTensor([.. found.Select(d => d.Box)], DType.F32, device);
        var scores = Tensor.From([.. found.Select(d => d.Score)], [found.Count], device);
        var classes = Tensor.From([.. found.Select(d => (long)d.Class)], [found.Count]);
        var kept = F.Nms(boxes, scores, config.NmsThreshold, classes).ToArray<long>();
        return [.. kept.Take(config.MaxDetections).Select(i => found[(int)i])];
    }

    // The best (location, class) pairs of a level: logits [A, K], centerness [A, 1], deltas [A, 4].
    private Detection[] Level(Tensor logits, Tensor centerness, Tensor deltas, BoundingBox[] anchors)
    {
        var classes = logits.Shape[1];
        var probability = F.Sigmoid(logits);
        var scores = (probability * F.Sigmoid(centerness)).To(DType.F32).ToArray<float>();
        var isSure = F.Greater(probability, config.ScoreThreshold).ToArray<bool>();
        int[] best =
        [
            .. Enumerable.Range(0, scores.Length).Where(i => isSure[i]).OrderByDescending(i => scores[i])
                .Take(config.CandidatesPerLevel),
        ];
        if (best.Length == 0) { return []; }
        var index = Tensor.From([.. best.Select(i => (long)(i / classes))], [best.Length]);
        var at = BoundingBox.ToTensor([.. best.Select(i => anchors[i / classes])], deltas.DType, deltas.Device);
        var boxes = BoundingBox.FromTensor(BoxCoder.Decode(F.IndexSelect(deltas, 0, index), at));
        return [.. best.Select((i, k) => new Detection(boxes[k], scores[i], i % classes))];
    }
}
