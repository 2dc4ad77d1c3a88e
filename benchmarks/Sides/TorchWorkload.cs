using System;
using System.Collections.Generic;
using System.Linq;
using static TorchSharp.torch;

namespace FlorenceKernels.Benchmarks;

/// <summary>The same function of libtorch on the same inputs.</summary>
internal sealed class TorchWorkload : IWorkload
{
    private readonly Tensor[] _inputs;
    private readonly Tensor[] _leaves;
    private readonly Func<Tensor[], Tensor> _function;
    private Tensor? _cotangent;

    public TorchWorkload(string name, IReadOnlyList<Arg> args, Func<Tensor[], Tensor> function)
    {
        _function = function;
        _inputs = [.. args.Select((arg, i) => Make(arg, $"{name}.{i}"))];
        _leaves = [.. _inputs.Where(x => x.requires_grad)];
    }

    public void Run()
    {
        using var scope = NewDisposeScope();
        _ = Step();
    }

    public IReadOnlyList<float[]> Results()
    {
        using var scope = NewDisposeScope();
        var (y, gradients) = Step();
        return [.. gradients.Prepend(y).Select(t => t.detach().contiguous().data<float>().ToArray())];
    }

    public void Dispose()
    {
        foreach (var x in _inputs) { x.Dispose(); }
        _cotangent?.Dispose();
    }

    private (Tensor Y, IEnumerable<Tensor> Gradients) Step()
    {
        var y = _function(_inputs);
        if (_leaves.Length == 0) { return (y, []); }
        int[] shape = [.. y.shape.Select(d => (int)d)];
        _cotangent ??= tensor(Values.Uniform("cotangent", shape), y.shape).DetachFromDisposeScope();
        return (y, autograd.grad([y], _leaves, [_cotangent]));
    }

    private static Tensor Make(Arg arg, string name)
    {
        long[] shape = [.. arg.Shape.Select(d => (long)d)];
        return arg.Ids > 0
            ? tensor(Values.Ids(name, arg.Shape, arg.Ids), shape)
            : tensor(Values.Uniform(name, arg.Shape, arg.Low, arg.High), shape, requires_grad: arg.NeedsGrad);
    }
}
