using System.Linq;
using FlorenceKernels.Models;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Training;

/// <summary>Training of the detector on boxes: the sum of the three ATSS losses (Florence §2.4).</summary>
public sealed class DetectionTask(Detector detector, Device device, DType dtype = DType.F32) : ITrainingTask<DetectionBatch>
{
    /// <inheritdoc/>
    public Tensor Loss(DetectionBatch batch)
    {
        using var scope = TensorScope.Begin();
        var output = detector.Forward(batch.Images(device, dtype));
        return scope.Keep(detector.Losses(output, [.. batch.Samples.Select(s => s.Objects)]).Total);
    }

    /// <inheritdoc/>
    public string Describe(DetectionBatch batch) =>
        $"{string.Join(", ", batch.Samples.Take(16).Select(s => s.Id))}{(batch.Samples.Count > 16 ? ", …" : "")}";
}
