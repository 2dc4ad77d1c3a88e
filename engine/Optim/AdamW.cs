using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.CompilerServices;
using FlorenceKernels.Nn;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Optim;

/// <summary>Settings of <see cref="AdamW"/>.</summary>
public sealed record AdamWOptions
{
    /// <summary>Decay of the first moment.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the second moment.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Added to the denominator.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Weight decay of the parameters that decay.</summary>
    public double WeightDecay { get; init; } = 0.01;

    /// <summary>Divide by the largest second moment so far (Reddi et al. 2018).</summary>
    public bool Amsgrad { get; init; }

    /// <summary>Add the decay to the gradient, as the original Adam with L2; false decays weights directly.</summary>
    public bool IsCoupled { get; init; }
}

/// <summary>Adam with decoupled weight decay (Loshchilov and Hutter 2019): m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g²,
/// p ← (1 − lr·wd)p − lr·m̂/(√v̂ + ε), with m̂ = m/(1−β₁ᵗ), v̂ = v/(1−β₂ᵗ). One fused kernel over all tensors.</summary>
public sealed class AdamW : Optimizer
{
    private readonly AdamWOptions _options;

    /// <summary>An optimiser of a model's parameters, with <see cref="WeightDecayRules.Default"/>.</summary>
    public AdamW(ParameterSet parameters, AdamWOptions? options = null) : this(WeightDecayRules.Apply(parameters), options) { }

    /// <summary>An optimiser of chosen parameters.</summary>
    public AdamW(IEnumerable<OptimizedParameter> parameters, AdamWOptions? options = null)
        : base(parameters, options?.Amsgrad == true ? ["m", "v", "vmax"] : ["m", "v"]) => _options = options ?? new AdamWOptions();

    private protected override void Update(OptimizedParameter[] targets, double learningRate)
    {
        var o = _options;
        var steps = targets.Select(p =>
        {
            var decay = p.Decays ? o.WeightDecay : 0;
            double correction1 = Correction(o.Beta1, p), correction2 = Correction(o.Beta2, p);
            return Target(p, o.Beta1, 1 - o.Beta1, o.Beta2, 1 - o.Beta2, learningRate / correction1, 1 / Math.Sqrt(correction2), o.Epsilon,
                o.IsCoupled ? 1 : 1 - learningRate * decay, o.IsCoupled ? decay : 0);
        }).ToArray();
        if (o.Amsgrad) { MultiTensor.Run<AmsgradRule>(steps); } else { MultiTensor.Run<AdamRule>(steps); }
    }

    private readonly struct AdamRule : IUpdateRule
    {
        public static int States => 2;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Update<R> Apply<R>(R p, R g, R a, R b, R c, Constants<R> k) where R : struct, IReal<R>
        {
            g += k.K8 * p;
            var m = k.K0 * a + k.K1 * g;
            var v = k.K2 * b + k.K3 * g * g;
            return new Update<R>(k.K7 * p - k.K4 * m / (R.Sqrt(v) * k.K5 + k.K6), m, v, c);
        }
    }

    private readonly struct AmsgradRule : IUpdateRule
    {
        public static int States => 3;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Update<R> Apply<R>(R p, R g, R a, R b, R c, Constants<R> k) where R : struct, IReal<R>
        {
            g += k.K8 * p;
            var m = k.K0 * a + k.K1 * g;
            var v = k.K2 * b + k.K3 * g * g;
            var largest = R.Max(c, v);
            return new Update<R>(k.K7 * p - k.K4 * m / (R.Sqrt(largest) * k.K5 + k.K6), m, v, largest);
        }
    }
}
