using System;
using System.Collections.Generic;
using static TorchSharp.torch;

namespace FlorenceKernels.Benchmarks;

/// <summary>libtorch's inference, in its inference mode.</summary>
internal sealed class TorchCoSwinInfer : IWorkload
{
    private readonly TorchCoSwin _model;
    private readonly Tensor _images;

    public TorchCoSwinInfer(CoSwinInferRow row)
    {
        _model = new TorchCoSwin(CoSwinT.Width, CoSwinT.Depths, CoSwinT.Heads, CoSwinT.Window, row.ImageSize, Values.Weight);
        _images = tensor(Values.Uniform("images", row.ImageShape), [.. Array.ConvertAll(row.ImageShape, d => (long)d)]);
    }

    public void Run()
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        _ = _model.Forward(_images);
    }

    public IReadOnlyList<float[]> Results()
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        return [_model.Forward(_images).data<float>().ToArray()];
    }

    public void Dispose()
    {
        _model.Dispose();
        _images.Dispose();
    }
}
