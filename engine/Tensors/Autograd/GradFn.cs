using System;
using System.Collections.Generic;
using System.Threading;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>The backward of one op: what it saved and how the gradient of its result becomes the gradients of its inputs. Derived classes
/// call <see cref="Save"/> in their constructor and read the saved tensors in <see cref="Backward"/>.</summary>
public abstract class GradFn
{
    private static long s_sequence;
    private readonly List<SavedTensor> _saved = [];
    private Tensor?[] _inputs = [];
    private int _holders;

    /// <summary>The op's name, for messages.</summary>
    public abstract string Name { get; }

    /// <summary>Order of recording; backward visits later nodes first.</summary>
    internal long Sequence { get; } = Interlocked.Increment(ref s_sequence);

    internal bool IsReleased { get; private set; }

    /// <summary>One edge per input, in the order given to <see cref="Tape.Record"/>; null where no gradient is wanted.</summary>
    internal ReadOnlySpan<Tensor?> Inputs => _inputs;

    /// <summary>The functions hooked on this node's result.</summary>
    internal List<Func<Tensor, Tensor?>>? Hooks { get; set; }

    /// <summary>Gradients of the inputs from the gradient of the result, in the order of the inputs; null for an input that needs none.</summary>
    protected internal abstract Tensor?[] Backward(Tensor dy);

    /// <summary>True when input <paramref name="index"/> needs a gradient; lets a backward skip work nobody asked for.</summary>
    protected bool Needs(int index) => _inputs[index] is not null;

    /// <summary>Holds a tensor's memory until this node's backward ran. A null stays null.</summary>
    protected SavedTensor Save(Tensor? tensor)
    {
        var saved = new SavedTensor(tensor, this);
        _saved.Add(saved);
        return saved;
    }

    internal void Connect(ReadOnlySpan<Tensor?> inputs)
    {
        _inputs = new Tensor?[inputs.Length];
        for (var i = 0; i < inputs.Length; i++)
        {
            if (inputs[i] is not { RequiresGrad: true } needed) { continue; }
            _inputs[i] = needed;
            needed.GradFn?.Hold();
        }
    }

    /// <summary>One more holder: the result tensor, a node that consumes it, or a running sweep.</summary>
    internal void Hold() => Interlocked.Increment(ref _holders);

    /// <summary>One holder less. A node nobody holds can never run, so it and what only it held let go of their memory at once,
    /// without recursion and without waiting for a finalizer.</summary>
    internal void Drop()
    {
        var orphans = new Stack<GradFn>();
        orphans.Push(this);
        while (orphans.TryPop(out var fn))
        {
            if (Interlocked.Decrement(ref fn._holders) == 0) { fn.Release(orphans); }
        }
    }

    /// <summary>Drops everything saved and the holds on the nodes before.</summary>
    internal void Release()
    {
        var orphans = new Stack<GradFn>();
        Release(orphans);
        while (orphans.TryPop(out var fn)) { fn.Drop(); }
    }

    private void Release(Stack<GradFn> dropped)
    {
        IsReleased = true;
        foreach (var saved in _saved) { saved.Release(); }
        _saved.Clear();
        foreach (var input in _inputs)
        {
            if (input?.GradFn is { } fn) { dropped.Push(fn); }
        }

        _inputs = [];
    }
}

/// <summary>A tensor held for backward. Reading it after an in-place change throws.</summary>
public sealed class SavedTensor
{
    private readonly GradFn _owner;
    private readonly int _version;
    private Tensor? _tensor;
    private readonly bool _isNull;

    internal SavedTensor(Tensor? tensor, GradFn owner)
    {
        _owner = owner;
        _isNull = tensor is null;
        _tensor = tensor?.Untracked();
        _version = tensor?.Storage.Version ?? 0;
    }

    /// <summary>The tensor as it was when saved; null if null was saved.</summary>
    /// <exception cref="AutogradException">It was changed in place since, or the graph was already used up.</exception>
    public Tensor? OrNull => _isNull ? null : Value;

    /// <summary>The tensor as it was when saved.</summary>
    /// <exception cref="AutogradException">It was changed in place since, or the graph was already used up.</exception>
    public Tensor Value
    {
        get
        {
            if (_tensor is null)
            {
                throw new AutogradException($"backward of {_owner.Name} ran already and dropped what it saved; pass retainGraph: true to the first Backward");
            }

            if (_tensor.Storage.Version != _version)
            {
                throw new AutogradException($"a tensor that {_owner.Name} saved for backward was changed in place afterwards; change a Clone() instead");
            }

            return _tensor;
        }
    }

    /// <summary>Reads like the tensor itself.</summary>
    public static implicit operator Tensor(SavedTensor saved) => saved.Value;

    internal void Release()
    {
        _tensor?.Dispose();
        _tensor = null;
    }
}

/// <summary>Records ops.</summary>
public static class Tape
{
    /// <summary>Makes <paramref name="y"/> the result of <paramref name="fn"/> if an input requires a gradient and recording is on; else drops
    /// what <paramref name="fn"/> saved.</summary>
    public static Tensor Record(Tensor y, GradFn fn, params ReadOnlySpan<Tensor?> inputs)
    {
        if (!Records(inputs))
        {
            fn.Release();
            return y;
        }

        fn.Connect(inputs);
        fn.Hold();
        y.GradFn = fn;
        return y;
    }

    /// <summary>True when an op over these inputs would be recorded; ops ask before computing what only backward needs.</summary>
    public static bool Records(params ReadOnlySpan<Tensor?> inputs)
    {
        if (!GradMode.IsEnabled) { return false; }
        foreach (var input in inputs)
        {
            if (input is { RequiresGrad: true }) { return true; }
        }

        return false;
    }
}

/// <summary>An op without a backward: asking for a gradient through it throws.</summary>
internal sealed class NotDifferentiable(string op, string advice) : GradFn
{
    public override string Name => op;

    protected internal override Tensor?[] Backward(Tensor dy) =>
        throw new AutogradException($"{op} has no gradient; {advice}");
}
