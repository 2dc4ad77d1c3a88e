using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.CompilerServices;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Optim;

/// <summary>Settings of <see cref="Lamb"/>.</summary>
/// <param name="Beta1">Decay of the first moment.</param> <param name="Beta2">Decay of the second moment.</param> <param name="Epsilon">Added to the denominator.</param>
/// <param name="WeightDecay">Added to the direction of parameters that decay.</param> <param name="MaxGradNorm">Global gradient norm above which gradients shrink.</param>
public sealed record LambOptions(double Beta1 = 0.9, double Beta2 = 0.999, double Epsilon = 1e-6, double WeightDecay = 0.01, double MaxGradNorm = 1);

/// <summary>Layer-wise adaptive moments (You et al. 2020), in timm's NvLamb form: Adam's direction plus decay, scaled per tensor by
/// ‖p‖/‖direction‖ where decay applies.</summary>
public sealed class Lamb(IEnumerable<OptimizedParameter> parameters, LambOptions? options = null) : Optimizer(parameters, "m", "v", "direction")
{
    private readonly LambOptions _options = options ?? new LambOptions();

    private protected override void Update(OptimizedParameter[] targets, double learningRate)
    {
        var o = _options;
        var norm = ClipGradNorm.Norm(targets.Select(t => t.Tensor.Grad!), 2);
        MultiTensor.Run<DirectionRule>([.. targets.Select(p => Target(p, o.Beta1, 1 - o.Beta1, o.Beta2, 1 - o.Beta2,
            1 / Correction(o.Beta1, p), 1 / Math.Sqrt(Correction(o.Beta2, p)), o.Epsilon, p.Decays ? o.WeightDecay : 0,
            1 / Math.Max(1, norm / o.MaxGradNorm)))]);
        var trust = Trust(targets);
        MultiTensor.Run<MoveRule>([.. targets.Select((p, i) => Target(p, learningRate * trust[i]))]);
    }

    // ‖p‖/‖direction‖ where the parameter decays and both are positive, else 1.
    private double[] Trust(OptimizedParameter[] targets)
    {
        if (_options.WeightDecay == 0) { return [.. targets.Select(_ => 1.0)]; }
        var weights = ChunkSums.Run<SquareTerm>([.. targets.Select(p => p.Tensor)]);
        var directions = ChunkSums.Run<SquareTerm>([.. targets.Select(p => State(p)[2])]);
        double One(OptimizedParameter p, int i) =>
            p.Decays && weights[i] > 0 && directions[i] > 0 ? Math.Sqrt(weights[i] / directions[i]) : 1;
        return [.. targets.Select(One)];
    }

    private readonly struct DirectionRule : IUpdateRule
    {
        public static int States => 3;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Update<R> Apply<R>(R p, R g, R a, R b, R c, Constants<R> k) where R : struct, IReal<R>
        {
            g *= k.K8;
            var m = k.K0 * a + k.K1 * g;
            var v = k.K2 * b + k.K3 * g * g;
            return new Update<R>(p, m, v, k.K4 * m / (R.Sqrt(v) * k.K5 + k.K6) + k.K7 * p);
        }
    }

    private readonly struct MoveRule : IUpdateRule
    {
        public static int States => 3;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Update<R> Apply<R>(R p, R g, R a, R b, R c, Constants<R> k) where R : struct, IReal<R> => new(p - k.K0 * c, a, b, c);
    }
}
