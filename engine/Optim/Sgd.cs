using System.Collections.Generic;
using System.Linq;
using System.Runtime.CompilerServices;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Optim;

/// <summary>Settings of <see cref="Sgd"/>.</summary>
/// <param name="Momentum">Decay of the velocity.</param> <param name="WeightDecay">Added to the gradient of parameters that decay.</param>
/// <param name="Nesterov">Look ahead along the velocity.</param>
public sealed record SgdOptions(double Momentum = 0, double WeightDecay = 0, bool Nesterov = false);

/// <summary>Stochastic gradient descent with momentum, as torch: g ← g + wd·p, u ← μu + g, p ← p − lr·u (Nesterov: g + μu).</summary>
public sealed class Sgd(IEnumerable<OptimizedParameter> parameters, SgdOptions? options = null) : Optimizer(parameters, "velocity")
{
    private readonly SgdOptions _options = options ?? new SgdOptions();

    private protected override void Update(OptimizedParameter[] targets, double learningRate) => MultiTensor.Run<SgdRule>([.. targets.Select(p =>
        Target(p, _options.Momentum, p.Decays ? _options.WeightDecay : 0, learningRate, _options.Nesterov ? 1 : 0, _options.Nesterov ? _options.Momentum : 1))]);

    private readonly struct SgdRule : IUpdateRule
    {
        public static int States => 1;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Update<R> Apply<R>(R p, R g, R a, R b, R c, Constants<R> k) where R : struct, IReal<R>
        {
            g += k.K1 * p;
            var velocity = k.K0 * a + g;
            return new Update<R>(p - k.K2 * (k.K3 * g + k.K4 * velocity), velocity, b, c);
        }
    }
}
