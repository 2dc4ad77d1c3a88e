using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Models;
using FlorenceKernels.Nn;
using FlorenceKernels.Optim;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Benchmarks;

/// <summary>This engine's training step.</summary>
internal sealed class OursCoSwinStep : IWorkload
{
    private readonly ParameterSet _parameters;
    private readonly CoSwin _model;
    private readonly AdamW _optimizer;
    private readonly Tensor _images, _cotangent;
    private readonly Device _device;

    public OursCoSwinStep(CoSwinStepRow row, Device device)
    {
        _device = device;
        _parameters = new ParameterSet(device) { IsTraining = true };
        _model = CoSwinT.Build(_parameters, row.ImageSize);
        _optimizer = new AdamW(_parameters, new AdamWOptions { WeightDecay = CoSwinStepRow.WeightDecay });
        _images = Tensor.From(Values.Uniform("images", row.ImageShape), row.ImageShape, device);
        int[] shape = [row.Batch, CoSwinT.Features];
        _cotangent = Tensor.From(Values.Uniform("cotangent", shape), shape, device);
    }

    public void Run()
    {
        _parameters.ZeroGrad();
        using var scope = TensorScope.Begin();
        _model.Forward(_images).Backward(_cotangent);
        _optimizer.Step(CoSwinStepRow.LearningRate);
        _device.Synchronize();
    }

    public IReadOnlyList<float[]> Results()
    {
        _parameters.ZeroGrad();
        using var scope = TensorScope.Begin();
        var y = _model.Forward(_images);
        y.Backward(_cotangent);
        return [y.Detach().ToArray<float>(), .. _parameters.Names.Order().Select(n => _parameters[n].Grad!.ToArray<float>())];
    }

    public void Dispose()
    {
        _optimizer.Dispose();
        _parameters.Dispose();
        _images.Dispose();
        _cotangent.Dispose();
        _device.Allocator.EmptyCache();
    }
}
