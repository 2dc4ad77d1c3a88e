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
    private readonly Dictionary<string, long> _steps = new(StringComparer.Ordinal);

    private protected Optimizer(IEnumerable<OptimizedParameter> parameters, params string[] stateNames)
    {
        Parameters = [.. parameters];
        _stateNames = stateNames;
        foreach (var p in Parameters)
        {
            _steps[p.Name] = 0;
            _state[p.Name] = [.. stateNames.Select(_ => TensorScope.Release(Tensor.ZerosLike(p.Tensor)))];
        }
    }

    /// <summary>What is optimised, in a fixed order.</summary>
    public IReadOnlyList<OptimizedParameter> Parameters { get; }

    /// <summary>How often a parameter was updated. Bias corrections depend on it, so one that gets its first gradient late
    /// (unfrozen, or unused until then) starts at 1, as in torch.</summary>
    public long StepCount(string name) => _steps[name];

    /// <summary>One update of every parameter that has a gradient.</summary>
    public void Step(double learningRate)
    {
        using var noGrad = GradMode.NoGrad();
        using var scope = TensorScope.Begin();
        var targets = Parameters.Where(p => p.Tensor.Grad is not null).ToArray();
        foreach (var p in targets) { _steps[p.Name]++; }
        if (targets.Length > 0) { Update(targets, learningRate); }
    }

    /// <summary>The state by name (<c>m/layers.0.weight</c>, and the parameter's number of updates as
    /// <c>step/layers.0.weight</c>), for checkpoints.</summary>
    public IEnumerable<KeyValuePair<string, Tensor>> StateTensors()
    {
        foreach (var p in Parameters)
        {
            yield return KeyValuePair.Create(StepName(p), Tensor.From([_steps[p.Name]], []));
            foreach (var state in Moments(p)) { yield return state; }
        }
    }

    /// <summary>Takes over the state of a checkpoint. Checkpoints from before steps were counted per parameter have one
    /// <c>step</c>, which holds for all.</summary>
    /// <exception cref="FlorenceException">A state tensor is missing or has another shape; nothing is changed then.</exception>
    public void LoadState(IReadOnlyDictionary<string, Tensor> source)
    {
        var wanted = Parameters.SelectMany(Moments).ToArray();
        foreach (var (name, tensor) in wanted) { Check.HasShape("optimizer state", name, Find(source, name), tensor.Shape); }
        var shared = source.GetValueOrDefault("step");
        var steps = Parameters.Select(p => (p.Name, Step: (long)(shared ?? Find(source, StepName(p))).Item())).ToArray();
        foreach (var (name, tensor) in wanted) { tensor.Assign(source[name]); }
        foreach (var (name, step) in steps) { _steps[name] = step; }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in _state.Values.SelectMany(s => s)) { tensor.Dispose(); }
        GC.SuppressFinalize(this);
    }

    /// <summary>Adam's bias correction of a moment that decays by β: 1 − βᵗ, t the parameter's own number of updates.</summary>
    private protected double Correction(double beta, OptimizedParameter p) => 1 - Math.Pow(beta, _steps[p.Name]);

    private protected abstract void Update(OptimizedParameter[] targets, double learningRate);

    private protected Tensor[] State(OptimizedParameter p) => _state[p.Name];

    private protected UpdateTarget Target(OptimizedParameter p, params double[] constants) =>
        new(p.Tensor, Dense(p.Tensor.Grad!), State(p), [.. constants, .. new double[9 - constants.Length]]);

    private static string StepName(OptimizedParameter p) => $"step/{p.Name}";

    private static Tensor Find(IReadOnlyDictionary<string, Tensor> source, string name) =>
        source.TryGetValue(name, out var value) ? value
            : throw new FlorenceException($"the optimizer state lacks '{name}'; it belongs to another optimizer or model");

    private IEnumerable<KeyValuePair<string, Tensor>> Moments(OptimizedParameter p) =>
        _stateNames.Zip(_state[p.Name], (kind, tensor) => KeyValuePair.Create($"{kind}/{p.Name}", tensor));

    private static Tensor Dense(Tensor gradient) => gradient.IsContiguous ? gradient : gradient.Contiguous();
}
