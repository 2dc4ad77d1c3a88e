using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.CompilerServices;
using FlorenceKernels.Nn;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Optim;

/// <summary>Gradient clipping by one norm over all gradients, as torch's <c>clip_grad_norm_</c>: g ← g·min(1, max/(norm + 1e-6)).</summary>
public static class ClipGradNorm
{
    private const double Small = 1e-6;

    /// <summary>Clips and returns the norm before clipping. A norm that is not finite leaves the gradients as they are.</summary>
    /// <param name="set">The parameters.</param> <param name="maxNorm">Largest allowed norm.</param> <param name="normType">1, 2 or infinity.</param>
    public static double Apply(ParameterSet set, double maxNorm, double normType = 2) => Apply(set.Named.Select(p => p.Value), maxNorm, normType);

    /// <inheritdoc cref="Apply(ParameterSet, double, double)"/>
    public static double Apply(IEnumerable<Tensor> parameters, double maxNorm, double normType = 2)
    {
        var gradients = parameters.Select(Dense).OfType<Tensor>().ToArray();
        var norm = Norm(gradients, normType);
        var scale = maxNorm / (norm + Small);
        if (!(scale < 1) || !double.IsFinite(norm)) { return norm; }
        MultiTensor.Run<ScaleRule>([.. gradients.Select(g => new UpdateTarget(g, g, [], [scale, 0, 0, 0, 0, 0, 0, 0, 0]))]);
        return norm;
    }

    /// <summary>The norm of all elements of all tensors together, summed in a fixed order; the device is waited for once.</summary>
    /// <exception cref="FlorenceException">The norm type is not 1, 2 or infinity.</exception>
    public static double Norm(IEnumerable<Tensor> tensors, double normType)
    {
        Tensor[] all = [.. tensors];
        return normType switch
        {
            2 => Math.Sqrt(ChunkSums.Run<SquareTerm>(all).Sum()),
            1 => ChunkSums.Run<AbsTerm>(all).Sum(),
            double.PositiveInfinity => ChunkSums.Run<LargestTerm>(all).Aggregate(0.0, Math.Max),
            _ => throw new FlorenceException($"clip_grad_norm: norm type {normType} is not 1, 2 or infinity"),
        };
    }

    // Gradients are scaled in place, so one that was set with strides is replaced by a dense copy.
    private static Tensor? Dense(Tensor parameter)
    {
        if (parameter.Grad is { IsContiguous: false } strided) { parameter.SetGrad(strided.Clone()); }
        return parameter.Grad;
    }

    private readonly struct ScaleRule : IUpdateRule
    {
        public static int States => 0;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Update<R> Apply<R>(R p, R g, R a, R b, R c, Constants<R> k) where R : struct, IReal<R> => new(p * k.K0, a, b, c);
    }
}
