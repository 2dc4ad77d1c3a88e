using System.Collections.Generic;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Benchmarks;

/// <summary>Inference of the image tower: against libtorch, and against ONNX Runtime on the exported graph.</summary>
internal static class InferRows
{
    private const double Allowed = 1e-3;

    public static IEnumerable<RatioRow> Rows =>
    [
        new CoSwinInferRow("coswin-t-infer-b8", 1.5, Batch: 8, ImageSize: 224) { Tolerance = Allowed },
        new CoSwinInferRow("coswin-t-infer-b8-onnx", 1, Batch: 8, ImageSize: 224, IsOnnx: true) { Tolerance = Allowed },
        new CoSwinInferRow("coswin-t-infer-b1-onnx", 1, Batch: 1, ImageSize: 224, IsOnnx: true) { Tolerance = Allowed },
    ];
}

/// <summary>Pooled features of CoSwin-T.</summary>
internal sealed record CoSwinInferRow(string Name, double Goal, int Batch, int ImageSize, bool IsOnnx = false) : RatioRow(Name, Goal)
{
    public override string PeerName => IsOnnx ? "ONNX Runtime" : base.PeerName;

    public int[] ImageShape => [Batch, 3, ImageSize, ImageSize];

    public override IWorkload Ours(Device device) => new OursCoSwinInfer(this, device);

    public override IWorkload Peer() => IsOnnx ? new OnnxCoSwinInfer(this) : new TorchCoSwinInfer(this);
}
