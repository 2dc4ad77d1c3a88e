using System;
using System.Collections.Generic;
using FlorenceKernels.Nn;
using Microsoft.ML.OnnxRuntime;

namespace FlorenceKernels.Benchmarks;

/// <summary>ONNX Runtime's inference of the exported graph: all its graph optimisations, one node after another, each on all cores. Its
/// threads wait as OpenMP's are told to, so that it gets the better of both ways too.</summary>
internal sealed class OnnxCoSwinInfer : IWorkload
{
    private readonly InferenceSession _session;
    private readonly RunOptions _run = new();
    private readonly OrtValue _images;

    public OnnxCoSwinInfer(CoSwinInferRow row)
    {
        using var options = new SessionOptions
        {
            GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL,
            ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
            IntraOpNumThreads = Environment.ProcessorCount,
        };
        var isActive = Environment.GetEnvironmentVariable("OMP_WAIT_POLICY") != "PASSIVE";
        options.AddSessionConfigEntry("session.intra_op.allow_spinning", isActive ? "1" : "0");
        using var parameters = new ParameterSet();
        var config = CoSwinT.Build(parameters, row.ImageSize).Config;
        _session = new InferenceSession(OnnxCoSwin.Write(config, parameters, row.Batch, row.ImageSize, row.ImageSize), options);
        _images = OrtValue.CreateTensorValueFromMemory(Values.Uniform("images", row.ImageShape), Array.ConvertAll(row.ImageShape, d => (long)d));
    }

    public void Run()
    {
        using var results = Forward();
    }

    public IReadOnlyList<float[]> Results()
    {
        using var results = Forward();
        return [results[0].GetTensorDataAsSpan<float>().ToArray()];
    }

    public void Dispose()
    {
        _images.Dispose();
        _run.Dispose();
        _session.Dispose();
    }

    private IDisposableReadOnlyCollection<OrtValue> Forward() =>
        _session.Run(_run, [OnnxCoSwin.InputName], [_images], [OnnxCoSwin.OutputName]);
}
