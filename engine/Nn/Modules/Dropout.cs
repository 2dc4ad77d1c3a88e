using FlorenceKernels.Tensors;

namespace FlorenceKernels.Nn;

/// <summary>In training, each element is zero with probability <paramref name="dropProb"/>, else scaled by 1/(1 − dropProb);
/// otherwise nothing. Srivastava et al. 2014.</summary>
public sealed class Dropout(double dropProb, Weights w) : TensorModule(w)
{
    private readonly ulong _stream = w.Set.NextStream();

    /// <summary>Any shape.</summary>
    public override Tensor Forward(Tensor x) => Set.IsTraining && dropProb > 0
        ? F.Dropout(x, dropProb, Set.Seed, (_stream << 32) + (ulong)Set.Step) : x;
}
