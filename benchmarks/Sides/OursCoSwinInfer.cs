using System.Collections.Generic;
using FlorenceKernels.Models;
using FlorenceKernels.Nn;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Benchmarks;

/// <summary>This engine's inference.</summary>
internal sealed class OursCoSwinInfer : IWorkload
{
    private readonly ParameterSet _parameters;
    private readonly CoSwin _model;
    private readonly Tensor _images;
    private readonly Device _device;

    public OursCoSwinInfer(CoSwinInferRow row, Device device)
    {
        _device = device;
        _parameters = new ParameterSet(device);
        _model = CoSwinT.Build(_parameters, row.ImageSize);
        _images = Tensor.From(Values.Uniform("images", row.ImageShape), row.ImageShape, device);
    }

    public void Run()
    {
        using var noGrad = GradMode.NoGrad();
        using var scope = TensorScope.Begin();
        _ = _model.Forward(_images);
        _device.Synchronize();
    }

    public IReadOnlyList<float[]> Results()
    {
        using var noGrad = GradMode.NoGrad();
        using var scope = TensorScope.Begin();
        return [_model.Forward(_images).ToArray<float>()];
    }

    public void Dispose()
    {
        _parameters.Dispose();
        _images.Dispose();
        _device.Allocator.EmptyCache();
    }
}
