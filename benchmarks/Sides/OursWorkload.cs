using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Benchmarks;

/// <summary>A function of the engine on fixed inputs; backward with a fixed cotangent when an input asks for a gradient.</summary>
internal sealed class OursWorkload : IWorkload
{
    private readonly Device _device;
    private readonly Tensor[] _inputs;
    private readonly Func<Tensor[], Tensor> _function;
    private Tensor? _cotangent;

    public OursWorkload(string name, IReadOnlyList<Arg> args, Func<Tensor[], Tensor> function, Device device)
    {
        (_device, _function) = (device, function);
        _inputs = [.. args.Select((arg, i) => Make(arg, $"{name}.{i}"))];
    }

    public void Run()
    {
        using var scope = TensorScope.Begin();
        _ = Step();
        foreach (var x in _inputs) { x.ZeroGrad(); }
        _device.Synchronize();
    }

    public IReadOnlyList<float[]> Results()
    {
        using var scope = TensorScope.Begin();
        var y = Step();
        List<float[]> all = [y.Detach().ToArray<float>(), .. _inputs.Where(x => x.RequiresGrad).Select(x => x.Grad!.ToArray<float>())];
        foreach (var x in _inputs) { x.ZeroGrad(); }
        return all;
    }

    public void Dispose()
    {
        foreach (var x in _inputs) { x.Dispose(); }
        _cotangent?.Dispose();
        _device.Allocator.EmptyCache();
    }

    private Tensor Step()
    {
        var y = _function(_inputs);
        if (!y.RequiresGrad) { return y; }
        int[] shape = [.. y.Shape.AsSpan()];
        _cotangent ??= TensorScope.Release(Tensor.From(Values.Uniform("cotangent", shape), shape, _device));
        y.Backward(_cotangent);
        return y;
    }

    private Tensor Make(Arg arg, string name)
    {
        if (arg.Ids > 0) { return Tensor.From(Values.Ids(name, arg.Shape, arg.Ids), arg.Shape, _device); }
        var x = Tensor.From(Values.Uniform(name, arg.Shape, arg.Low, arg.High), arg.Shape, _device);
        x.RequiresGrad = arg.NeedsGrad;
        return x;
    }
}
