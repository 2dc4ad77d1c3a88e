using FlorenceKernels.Tensors;

namespace FlorenceKernels.Nn;

/// <summary>Stochastic depth: in training, a sample's branch is dropped with probability <paramref name="dropProb"/>, else scaled by
/// 1/(1 − dropProb). Huang et al. 2016.</summary>
public sealed class DropPath(double dropProb, Weights w) : TensorModule(w)
{
    private readonly ulong _stream = w.Set.NextStream();

    /// <summary>Drop probabilities of a stack of blocks: linear from 0 in the first to <paramref name="rate"/> in the last.</summary>
    public static double[] LinearRates(int blocks, double rate)
    {
        var rates = new double[blocks];
        for (var k = 1; k < blocks; k++) { rates[k] = rate * k / (blocks - 1); }
        return rates;
    }

    /// <summary>[B, ...] → [B, ...].</summary>
    public override Tensor Forward(Tensor x) => Set.IsTraining && dropProb > 0
        ? F.DropPath(x, dropProb, Set.Seed, (_stream << 32) + (ulong)Set.Step) : x;
}
