using System.Collections.Generic;
using System.Linq;
using static TorchSharp.torch;

namespace FlorenceKernels.Benchmarks;

/// <summary>The peer's training step.</summary>
internal sealed class TorchCoSwinStep : IWorkload
{
    private readonly TorchCoSwin _model;
    private readonly optim.Optimizer _optimizer;
    private readonly Tensor _images, _cotangent;

    public TorchCoSwinStep(CoSwinStepRow row)
    {
        _model = new TorchCoSwin(CoSwinT.Width, CoSwinT.Depths, CoSwinT.Heads, CoSwinT.Window, row.ImageSize, Values.Weight);
        _optimizer = optim.AdamW(_model.Parameters.Values, CoSwinStepRow.LearningRate, weight_decay: CoSwinStepRow.WeightDecay);
        _images = tensor(Values.Uniform("images", row.ImageShape), [.. row.ImageShape.Select(d => (long)d)]);
        _cotangent = tensor(Values.Uniform("cotangent", [row.Batch, CoSwinT.Features]), [row.Batch, CoSwinT.Features]);
    }

    public void Run()
    {
        using var scope = NewDisposeScope();
        _optimizer.zero_grad();
        _model.Forward(_images).backward([_cotangent]);
        _optimizer.step();
    }

    public IReadOnlyList<float[]> Results()
    {
        using var scope = NewDisposeScope();
        _optimizer.zero_grad();
        var y = _model.Forward(_images);
        y.backward([_cotangent]);
        List<float[]> all = [y.detach().data<float>().ToArray()];
        foreach (var name in _model.Parameters.Keys.Order()) { all.Add(_model.Parameters[name].grad!.contiguous().data<float>().ToArray()); }
        return all;
    }

    public void Dispose()
    {
        _optimizer.Dispose();
        _model.Dispose();
        _images.Dispose();
        _cotangent.Dispose();
    }
}
