using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Models;
using FlorenceKernels.Nn;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Training;

/// <summary>Scores a detector by COCO's protocol; the area of an object is that of its box.</summary>
/// <param name="detector">The detector.</param> <param name="parameters">Its weights.</param>
/// <param name="device">Where they live.</param> <param name="dtype">Element type of the weights.</param>
public sealed class DetectionEvaluator(Detector detector, ParameterSet parameters, Device device, DType dtype = DType.F32)
{
    /// <summary>Detects in all samples, <paramref name="batchSize"/> at a time, and compares.</summary>
    public CocoScores Score(IReadOnlyList<DetectionSample> samples, int batchSize = 16)
    {
        var wasTraining = parameters.IsTraining;
        parameters.IsTraining = false;
        try
        {
            CocoDetection[] found = [.. samples.Chunk(batchSize).SelectMany((chunk, n) => Detect(chunk, n * batchSize))];
            CocoObject[] objects = [.. samples.SelectMany((s, i) => s.Objects.Select(o => Object(i, o)))];
            return CocoBoxAp.Evaluate(objects, found, [.. Enumerable.Range(0, detector.Config.Classes).Select(c => (long)c)]);
        }
        finally { parameters.IsTraining = wasTraining; }
    }

    private CocoDetection[] Detect(DetectionSample[] samples, int first)
    {
        using var scope = TensorScope.Begin();
        var images = DetectionBatch.Of(samples).Images(device, dtype);
        var found = detector.Detect(images, [.. samples.Select(s => (s.Height, s.Width))]);
        return [.. found.SelectMany((boxes, i) => boxes.Select(d => new CocoDetection(first + i, d.Class, Box(d.Box), d.Score)))];
    }

    private static CocoObject Object(int image, GroundTruth o) => new(image, o.Class, Box(o.Box), o.Box.Area, IsCrowd: false);

    private static CocoBox Box(BoundingBox b) => new(b.X1, b.Y1, b.Width, b.Height);
}
