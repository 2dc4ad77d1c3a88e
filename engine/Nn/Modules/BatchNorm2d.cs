using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Nn;

/// <summary>Each channel normalised over the batch and all positions: in training by the batch's own statistics, which the
/// running ones follow, else by the running ones. Ioffe, Szegedy 2015. <c>weight</c>, <c>bias</c>, and the buffers
/// <c>running_mean</c>,
/// <c>running_var</c>, all [C].</summary>
public sealed class BatchNorm2d : TensorModule
{
    private readonly Tensor _weight, _bias, _mean, _variance;
    private readonly double _eps, _momentum;

    /// <summary>Over maps of <paramref name="channels"/>; <paramref name="momentum"/> is the weight of a new batch in the running
    /// statistics.</summary>
    public BatchNorm2d(int channels, Weights w, double eps = 1e-5, double momentum = 0.1) : base(w)
    {
        _weight = w.Get("weight", [channels], Init.Ones);
        _bias = w.Get("bias", [channels], Init.Zeros);
        _mean = w.GetBuffer("running_mean", [channels], Init.Zeros);
        _variance = w.GetBuffer("running_var", [channels], Init.Ones);
        (_eps, _momentum) = (eps, momentum);
    }

    /// <summary>[B, C, H, W] → [B, C, H, W].</summary>
    /// <exception cref="ShapeException">x has another rank or other channels, or training is given one value per
    /// channel.</exception>
    public override Tensor Forward(Tensor x)
    {
        Check.HasRank("batch_norm", "x", x, 4, "[B, C, H, W]");
        return F.BatchNorm(x, _weight, _bias, _mean, _variance, Set.IsTraining, _momentum, _eps);
    }
}
