using System.Linq;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

public static partial class F
{
    /// <summary>Each group of C/groups channels of each sample is normalised to mean 0 and biased variance 1, then scaled by γ and shifted by
    /// β per channel. Wu, He 2018.</summary>
    /// <param name="x">[N, C, ...]</param> <param name="groups">Divides C.</param> <param name="gamma">[C], or null.</param>
    /// <param name="beta">[C], or null.</param> <param name="eps">Added to the variance.</param>
    /// <exception cref="ShapeException">The groups do not divide C, or γ or β is not [C].</exception>
    public static Tensor GroupNorm(Tensor x, int groups, Tensor? gamma = null, Tensor? beta = null, double eps = 1e-5)
    {
        Check.SameFloat("group_norm", x);
        Check.That(x.Rank >= 2, $"group_norm: x is {x.Shape}, expected [N, C, ...]");
        var c = x.Shape[1];
        Check.That(groups > 0 && c % groups == 0, $"group_norm: {groups} groups do not divide {c} channels");
        Affine1("group_norm", x, gamma, beta, c);
        if (x.Count == 0) { return PerChannel(x * 1.0, gamma, beta); }
        var perGroup = checked((int)(x.Count / ((long)x.Shape[0] * groups)));
        return PerChannel(LayerNorm(x.Reshape(x.Shape[0] * groups, perGroup), eps: eps).Reshape(x.Shape), gamma, beta);
    }

    /// <summary>Each channel is normalised over samples and positions. While training by the batch's own mean and biased variance, and the
    /// running statistics move by <paramref name="momentum"/> towards the batch's mean and unbiased variance; else by the running statistics.
    /// Ioffe, Szegedy 2015.</summary>
    /// <param name="x">[N, C, ...]</param> <param name="gamma">[C], or null.</param> <param name="beta">[C], or null.</param>
    /// <param name="runningMean">[C]; changed in place while training; may be null then.</param>
    /// <param name="runningVar">[C]; as <paramref name="runningMean"/>.</param>
    /// <param name="training">Which statistics normalise.</param> <param name="momentum">Weight of the new statistics.</param>
    /// <param name="eps">Added to the variance.</param>
    /// <exception cref="ShapeException">A size is wrong, statistics are missing, or training with one value per channel.</exception>
    public static Tensor BatchNorm(Tensor x, Tensor? gamma = null, Tensor? beta = null, Tensor? runningMean = null, Tensor? runningVar = null,
        bool training = false, double momentum = 0.1, double eps = 1e-5)
    {
        Check.SameFloat("batch_norm", x);
        Check.That(x.Rank >= 2, $"batch_norm: x is {x.Shape}, expected [N, C, ...]");
        var c = x.Shape[1];
        Affine1("batch_norm", x, gamma, beta, c);
        Affine1("batch_norm", x, runningMean, runningVar, c);
        Check.That(training || (runningMean is not null && runningVar is not null), $"batch_norm: runningMean and runningVar are needed unless training");
        if (!training)
        {
            var scale = Rsqrt(ChannelShape(runningVar!, x.Rank) + eps);
            return PerChannel((x - ChannelShape(runningMean!, x.Rank)) * scale, gamma, beta);
        }

        Check.That(x.Count == 0 || x.Count > c, $"batch_norm: training needs more than one value per channel, x is {x.Shape}");
        if (x.Count == 0) { return PerChannel(x * 1.0, gamma, beta); }
        var byChannel = x.Transpose(0, 1);
        MoveStatistics(x, runningMean, runningVar, momentum);
        var normal = LayerNorm(byChannel.Reshape(c, -1), eps: eps).Reshape(byChannel.Shape).Transpose(0, 1);
        return PerChannel(normal, gamma, beta);
    }

    private static void MoveStatistics(Tensor x, Tensor? mean, Tensor? variance, double momentum)
    {
        using var noGrad = GradMode.NoGrad();
        using var scope = TensorScope.Begin();
        int[] axes = [.. Enumerable.Range(0, x.Rank).Where(i => i != 1)];
        if (mean is not null) { CopyOp.Into(mean, mean * (1 - momentum) + Mean(x, axes) * momentum); }
        if (variance is not null) { CopyOp.Into(variance, variance * (1 - momentum) + Var(x, axes) * momentum); }
    }

    private static Tensor PerChannel(Tensor x, Tensor? gamma, Tensor? beta)
    {
        if (gamma is not null) { x *= ChannelShape(gamma, x.Rank); }
        return beta is null ? x : x + ChannelShape(beta, x.Rank);
    }

    private static Tensor ChannelShape(Tensor t, int rank) => t.Reshape([t.Shape[0], .. Enumerable.Repeat(1, rank - 2)]);
}
