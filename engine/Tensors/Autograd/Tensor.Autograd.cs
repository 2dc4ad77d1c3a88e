using System;
using System.Collections.Generic;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

public sealed partial class Tensor
{
    private List<Func<Tensor, Tensor?>>? _hooks;
    private List<Action<Tensor>>? _accumulated;

    /// <summary>True when gradients flow to this tensor. Settable on leaves of floating type.</summary>
    /// <exception cref="AutogradException">Set on the result of a recorded op, or on integers.</exception>
    public bool RequiresGrad
    {
        get => _requiresGrad || GradFn is not null;
        set
        {
            if (GradFn is not null) { throw new AutogradException("RequiresGrad is set on leaves only; Detach() a computed tensor first"); }
            if (value && !DType.IsFloat()) { throw new AutogradException($"a {DType.Name()} tensor can not require a gradient"); }
            _requiresGrad = value;
        }
    }

    /// <summary>The op that made this tensor, when it was recorded.</summary>
    public GradFn? GradFn { get; internal set; }

    /// <summary>True for tensors that no recorded op made.</summary>
    public bool IsLeaf => GradFn is null;

    /// <summary>Accumulated gradient of a leaf, owned by the leaf; null before the first backward.</summary>
    public Tensor? Grad { get; private set; }

    /// <summary>Runs reverse-mode differentiation from this tensor and adds to the <see cref="Grad"/> of every leaf that requires it.</summary>
    /// <param name="gradient">Gradient of the objective by this tensor; 1 by default, for scalars only.</param>
    /// <param name="retainGraph">Keeps what the graph saved, for a second backward.</param>
    /// <exception cref="AutogradException">Nothing requires a gradient, or the graph was used up.</exception>
    public void Backward(Tensor? gradient = null, bool retainGraph = false) => BackwardPass.Run(this, gradient, retainGraph);

    /// <summary>Drops the gradient; its memory goes back to the allocator.</summary>
    public void ZeroGrad()
    {
        Grad?.Dispose();
        Grad = null;
    }

    /// <summary>Calls <paramref name="hook"/> with this tensor's gradient when it is complete; a tensor it returns replaces the gradient.</summary>
    public void RegisterHook(Func<Tensor, Tensor?> hook)
    {
        if (GradFn is { } fn) { (fn.Hooks ??= []).Add(hook); }
        else { (_hooks ??= []).Add(hook); }
    }

    /// <summary>Calls <paramref name="hook"/> with this leaf after a backward added to its gradient; gradient buckets start their all-reduce here.</summary>
    public void RegisterPostAccumulateHook(Action<Tensor> hook) => (_accumulated ??= []).Add(hook);

    /// <summary>Replaces the gradient (an optimiser's clip, an all-reduce); takes ownership.</summary>
    public void SetGrad(Tensor? gradient)
    {
        if (gradient is not null) { Check.HasShape("SetGrad", "gradient", gradient, Shape); }
        if (!ReferenceEquals(Grad, gradient)) { Grad?.Dispose(); }
        Grad = gradient is null ? null : TensorScope.Release(gradient);
    }

    internal void AccumulateGrad(Tensor gradient)
    {
        var dy = Hooked(gradient, _hooks);
        if (Grad is null) { Grad = TensorScope.Release(BackwardPass.IsUnique(dy) ? dy.Untracked() : dy.Clone()); }
        else { CopyOp.AddInPlace(Grad, dy); }
        foreach (var hook in _accumulated ?? []) { hook(this); }
    }

    internal static Tensor Hooked(Tensor gradient, List<Func<Tensor, Tensor?>>? hooks)
    {
        foreach (var hook in hooks ?? []) { gradient = hook(gradient) ?? gradient; }
        return gradient;
    }
}
