using System;
using System.Collections.Generic;

namespace FlorenceKernels.Tensors;

/// <summary>Ends the tensors made inside it: <c>using var step = TensorScope.Begin();</c>. What the graph still needs lives on in the
/// graph's own holds; what the caller still needs is named with <see cref="Keep"/>. Scopes nest and belong to a thread.</summary>
public sealed class TensorScope : IDisposable
{
    [ThreadStatic] private static TensorScope? s_current;

    private readonly TensorScope? _outer;
    private readonly List<Tensor> _tensors = [];
    private bool _ended;

    private TensorScope(TensorScope? outer) => _outer = outer;

    /// <summary>Opens a scope on this thread.</summary>
    public static TensorScope Begin() => s_current = new TensorScope(s_current);

    /// <summary>Moves a tensor to the surrounding scope (or out of all scopes) and returns it.</summary>
    public Tensor Keep(Tensor tensor)
    {
        tensor.Scope = null;
        if (_outer is not null) { _outer.Add(tensor); }
        return tensor;
    }

    /// <summary>Moves a tensor out of all scopes: its new owner disposes it.</summary>
    public static Tensor Release(Tensor tensor)
    {
        tensor.Scope = null;
        return tensor;
    }

    /// <summary>Ends the scope: every tensor made inside and not kept gives its memory back.</summary>
    public void Dispose()
    {
        if (_ended) { return; }
        _ended = true;
        s_current = _outer;
        foreach (var tensor in _tensors)
        {
            if (ReferenceEquals(tensor.Scope, this)) { tensor.Dispose(); }
        }

        _tensors.Clear();
    }

    internal static void Track(Tensor tensor) => s_current?.Add(tensor);

    private void Add(Tensor tensor)
    {
        tensor.Scope = this;
        _tensors.Add(tensor);
    }
}
