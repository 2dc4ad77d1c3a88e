using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Optim;

/// <summary>A parameter as an optimiser sees it.</summary>
/// <param name="Name">Its dotted name; also names its state in checkpoints.</param> <param name="Tensor">The parameter.</param>
/// <param name="Decays">Whether weight decay applies.</param>
public sealed record OptimizedParameter(string Name, Tensor Tensor, bool Decays);

/// <summary>A first-order optimiser: reads gradients, updates parameters in place, keeps its state beside them on their device.</summary>
public abstract class Optimizer : IDisposable
{
    private readonly string[] _stateNames;
    private readonly Dictionary<string, Tensor[]> _state = new(StringComparer.Ordinal);

    private protected Optimizer(IEnumerable<OptimizedParameter> parameters, params string[] stateNames)
    {
        Parameters = [.. parameters];
        _stateNames = stateNames;
        foreach (var p in Parameters)
        {
            _state[p.Name] = [.. stateNames.Select(_ => TensorScope.Release(Tensor.ZerosLike(p.Tensor)))];
        }
    }

    /// <summary>What is optimised, in a fixed order.</summary>
    public IReadOnlyList<OptimizedParameter> Parameters { get; }

    /// <summary>Steps taken; bias corrections depend on it.</summary>
    public long StepCount { get; private set; }

    /// <summary>One update of every parameter that has a gradient.</summary>
    public void Step(double learningRate)
    {
        using var noGrad = GradMode.NoGrad();
        using var scope = TensorScope.Begin();
        StepCount++;
        var targets = Parameters.Where(p => p.Tensor.Grad is not null).ToArray();
        if (targets.Length > 0) { Update(targets, learningRate); }
    }

    /// <summary>The state by name (<c>m/layers.0.weight</c>, and <c>step</c>), for checkpoints.</summary>
    public IEnumerable<KeyValuePair<string, Tensor>> StateTensors()
    {
        yield return KeyValuePair.Create("step", Tensor.From([StepCount], []));
        foreach (var p in Parameters)
        {
            for (var i = 0; i < _stateNames.Length; i++) { yield return KeyValuePair.Create($"{_stateNames[i]}/{p.Name}", _state[p.Name][i]); }
        }
    }

    /// <summary>Takes over the state of a checkpoint.</summary>
    /// <exception cref="FlorenceException">A state tensor is missing or has another shape; nothing is changed then.</exception>
    public void LoadState(IReadOnlyDictionary<string, Tensor> source)
    {
        var wanted = StateTensors().ToArray();
        foreach (var (name, tensor) in wanted)
        {
            if (!source.TryGetValue(name, out var value)) { throw new FlorenceException($"the optimizer state lacks '{name}'; it belongs to another optimizer or model"); }
            Check.HasShape("optimizer state", name, value, tensor.Shape);
        }

        foreach (var (name, tensor) in wanted.Where(w => w.Key != "step")) { tensor.Assign(source[name]); }
        StepCount = (long)source["step"].Item();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in _state.Values.SelectMany(s => s)) { tensor.Dispose(); }
        GC.SuppressFinalize(this);
    }

    private protected abstract void Update(OptimizedParameter[] targets, double learningRate);

    private protected Tensor[] State(OptimizedParameter p) => _state[p.Name];

    private protected UpdateTarget Target(OptimizedParameter p, params double[] constants) =>
        new(p.Tensor, Dense(p.Tensor.Grad!), State(p), [.. constants, .. new double[9 - constants.Length]]);

    private static Tensor Dense(Tensor gradient) => gradient.IsContiguous ? gradient : gradient.Contiguous();
}
