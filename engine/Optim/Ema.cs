using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.CompilerServices;
using FlorenceKernels.Nn;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Optim;

/// <summary>Exponential moving average of a model's parameters and buffers: a ← d·a + (1 − d)·p. Early steps use min(d, (1 +
/// t)/(10 + t)), so that the average forgets the random start; <paramref name="warms"/> switches that off.</summary>
public sealed class Ema(ParameterSet parameters, double decay, bool warms = true) : IDisposable
{
    /// <summary>Name of the number of updates among the state tensors.</summary>
    public const string UpdatesName = "ema.updates";

    private readonly Dictionary<string, Tensor> _average = parameters.State.ToDictionary(p => p.Key,
        p => TensorScope.Release(p.Value.Clone()), StringComparer.Ordinal);
    private long _updates;

    /// <summary>Moves the average towards the parameters.</summary>
    public void Update(ParameterSet set)
    {
        using var noGrad = GradMode.NoGrad();
        _updates++;
        var d = warms ? Math.Min(decay, (1.0 + _updates) / (10 + _updates)) : decay;
        double[] constants = [d, 1 - d, 0, 0, 0, 0, 0, 0, 0];
        MultiTensor.Run<AverageRule>([.. set.State.Select(p => new UpdateTarget(_average[p.Key], p.Value, [], constants))]);
    }

    /// <summary>The averages by parameter name.</summary>
    public IEnumerable<KeyValuePair<string, Tensor>> Named => _average;

    /// <summary>The averages, and the number of updates, for checkpoints.</summary>
    public IEnumerable<KeyValuePair<string, Tensor>> StateTensors() => _average.Append(KeyValuePair.Create(UpdatesName, Tensor.From([_updates], [])));

    /// <summary>Takes over the averages of a checkpoint.</summary>
    public void LoadState(IReadOnlyDictionary<string, Tensor> source)
    {
        foreach (var (name, tensor) in _average)
        {
            if (!source.TryGetValue(name, out var value)) { throw new FlorenceException($"the average lacks '{name}'; it belongs to another model"); }
            tensor.Assign(value);
        }

        _updates = source.TryGetValue(UpdatesName, out var updates) ? (long)updates.Item() : 0;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in _average.Values) { tensor.Dispose(); }
    }

    private readonly struct AverageRule : IUpdateRule
    {
        public static int States => 0;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Update<R> Apply<R>(R p, R g, R a, R b, R c, Constants<R> k) where R : struct, IReal<R> => new(k.K0 * p + k.K1 * g, a, b, c);
    }
}
