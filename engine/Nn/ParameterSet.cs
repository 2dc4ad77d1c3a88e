using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Nn;

/// <summary>All parameters of a model by their dotted names, in order of creation, with the state every module shares: device, element
/// type, seed, step and training mode. Modules ask it for their weights through <see cref="Weights"/>, so model code is the same whether
/// weights are drawn or loaded.</summary>
/// <param name="device">Where the parameters live; the CPU by default.</param>
/// <param name="seed">Seed of initial weights, drop path and dropout.</param>
/// <param name="dtype">Element type.</param>
/// <param name="isMeta">Parameters have names and shapes but share one zero, as on torch's meta device: for counting and planning.</param>
public sealed class ParameterSet(Device? device = null, ulong seed = 0, DType dtype = DType.F32, bool isMeta = false) : IDisposable
{
    private readonly Dictionary<string, Tensor> _byName = new(StringComparer.Ordinal), _buffers = new(StringComparer.Ordinal);
    private readonly List<string> _names = [], _bufferNames = [];
    private uint _streams;

    /// <summary>Where the parameters live.</summary>
    public Device Device { get; } = device ?? Device.Cpu;

    /// <summary>Their element type.</summary>
    public DType DType { get; } = dtype;

    /// <summary>Seed of initial weights and of drop path and dropout.</summary>
    public ulong Seed { get; } = seed;

    /// <summary>Training step: part of the address of every random number drawn in a forward pass, so that a repeated step repeats them.</summary>
    public long Step { get; set; }

    /// <summary>True while training: drop path and dropout are active.</summary>
    public bool IsTraining { get; set; }

    /// <summary>Names in order of creation.</summary>
    public IReadOnlyList<string> Names => _names;

    /// <summary>Parameters in order of creation.</summary>
    public IEnumerable<KeyValuePair<string, Tensor>> Named => _names.Select(n => KeyValuePair.Create(n, _byName[n]));

    /// <summary>Buffers in order of creation: what belongs to the model's state but is not trained, such as running
    /// statistics.</summary>
    public IEnumerable<KeyValuePair<string, Tensor>> Buffers => _bufferNames.Select(n => KeyValuePair.Create(n, _buffers[n]));

    /// <summary>Parameters, then buffers: what a checkpoint holds.</summary>
    public IEnumerable<KeyValuePair<string, Tensor>> State => Named.Concat(Buffers);

    /// <summary>Number of scalars in the parameters.</summary>
    public long Count => _byName.Values.Sum(p => p.Count);

    /// <summary>A parameter or buffer by name.</summary>
    /// <exception cref="FlorenceException">There is none of that name.</exception>
    public Tensor this[string name] => _byName.TryGetValue(name, out var p) || _buffers.TryGetValue(name, out p) ? p
        : throw new FlorenceException($"the model has no parameter '{name}'; it has {_names.Count}, for example '{_names.FirstOrDefault()}'");

    /// <summary>The root path, from which modules take their weights.</summary>
    public Weights Root => new(this, "");

    /// <summary>Drops all gradients.</summary>
    public void ZeroGrad()
    {
        foreach (var p in _byName.Values) { p.ZeroGrad(); }
    }

    /// <summary>Gives all memory back.</summary>
    public void Dispose()
    {
        foreach (var p in _byName.Values)
        {
            p.ZeroGrad();
            p.Dispose();
        }

        foreach (var b in _buffers.Values) { b.Dispose(); }
    }

    /// <summary>A stream number no other module has.</summary>
    internal uint NextStream() => ++_streams;

    internal Tensor Create(string name, Shape shape, Init init)
    {
        var p = Draw(name, shape, init);
        p.RequiresGrad = true;
        _byName.Add(name, p);
        _names.Add(name);
        return p;
    }

    internal Tensor CreateBuffer(string name, Shape shape, Init init)
    {
        var b = Draw(name, shape, init);
        _buffers.Add(name, b);
        _bufferNames.Add(name);
        return b;
    }

    private Tensor Draw(string name, Shape shape, Init init)
    {
        if (_byName.ContainsKey(name) || _buffers.ContainsKey(name))
        {
            throw new FlorenceException($"parameter '{name}' is made twice; give the second module its own path");
        }

        return TensorScope.Release(isMeta ? Tensor.Zeros([], DType, Device).Expand(shape) : init.Draw(shape, this, name));
    }
}

/// <summary>A path into a <see cref="ParameterSet"/>: <c>w["blocks"][3]["attn"].Get("bias", [96])</c> is <c>blocks.3.attn.bias</c>.</summary>
public readonly struct Weights
{
    private readonly string _path;

    internal Weights(ParameterSet set, string path)
    {
        Set = set;
        _path = path;
    }

    /// <summary>The set that owns the parameters.</summary>
    public ParameterSet Set { get; }

    /// <summary>The path one name deeper.</summary>
    public Weights this[string name] => new(Set, Join(name));

    /// <summary>The path one number deeper.</summary>
    public Weights this[int index] => this[index.ToString()];

    /// <summary>Makes the parameter of this name with initial values by <paramref name="init"/>.</summary>
    public Tensor Get(string name, Shape shape, Init init) => Set.Create(Join(name), shape, init);

    /// <summary>Makes the buffer of this name: saved and loaded with the parameters, but neither trained nor counted.</summary>
    public Tensor GetBuffer(string name, Shape shape, Init init) => Set.CreateBuffer(Join(name), shape, init);

    private string Join(string name) => _path.Length == 0 ? name : $"{_path}.{name}";
}
