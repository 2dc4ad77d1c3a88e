using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;
using TorchSharp;
using Xunit;
using TorchTensor = TorchSharp.torch.Tensor;

namespace FlorenceKernels.Tests.Peers;

/// <summary>An input of a comparison: reals in [Low, High), or ids below <paramref name="Ids"/> when that is above 0.</summary>
public sealed record Input(int[] Shape, double Low = -1, double High = 1, int Ids = 0)
{
    public static implicit operator Input(int[] shape) => new(shape);
}

/// <summary>Runs one function here and in libtorch on the same numbers and compares the result and all gradients, in f64 and f32. The
/// cotangent is random: a sum would hide an op whose rows sum to a constant.</summary>
internal static class Opinion
{
    public const double Tight64 = 1e-10, Tight32 = 2e-5;

    public static void Compare(int seed, IReadOnlyList<Input> inputs, Func<Tensor[], Tensor> ours, Func<TorchTensor[], TorchTensor> peer)
    {
        RequireLibtorch();
        var values = inputs.Select((input, i) => Draw(input, new Random(1000 * seed + i))).ToArray();
        foreach (var (dtype, tolerance) in ((DType, double)[])[(DType.F64, Tight64), (DType.F32, Tight32)])
        {
            var mine = Ours(inputs, values, ours, dtype, seed);
            var theirs = Theirs(inputs, values, peer, dtype, seed);
            Assert.Equal(theirs.Count, mine.Count);
            for (var i = 0; i < mine.Count; i++) { Near(i == 0 ? "result" : $"gradient {i - 1}", dtype, mine[i], theirs[i], tolerance); }
        }
    }

    /// <summary>Skips the test where libtorch can not be loaded.</summary>
    public static void RequireLibtorch()
    {
        if (Fault.Value is { } fault) { Assert.Skip($"libtorch can not be loaded ({fault}); see tools/torchsharp-on-debian12.sh"); }
    }

    public static void Near(string what, DType dtype, double[] mine, double[] theirs, double tolerance)
    {
        Assert.Equal(theirs.Length, mine.Length);
        var limit = tolerance * Math.Max(1e-3, theirs.Select(Math.Abs).DefaultIfEmpty(0).Max());
        for (var i = 0; i < mine.Length; i++)
        {
            Assert.True(Math.Abs(mine[i] - theirs[i]) <= limit, $"{what} in {dtype}: element {i} is {mine[i]:g9}, libtorch says {theirs[i]:g9} (allowed {limit:g3})");
        }
    }

    private static Lazy<string?> Fault { get; } = new(() =>
    {
        try
        {
            using var one = torch.ones(1);
            return null;
        }
        catch (Exception e) when (e is TypeInitializationException or DllNotFoundException or NotSupportedException or EntryPointNotFoundException)
        {
            return (e.InnerException ?? e).Message.ReplaceLineEndings(" ");
        }
    });

    private static double[] Draw(Input input, Random random) => [.. Enumerable.Range(0, input.Shape.Aggregate(1, (n, d) => n * d))
        .Select(_ => input.Ids > 0 ? random.Next(input.Ids) : (float)(input.Low + (input.High - input.Low) * random.NextDouble()))];

    private static List<double[]> Ours(IReadOnlyList<Input> inputs, double[][] values, Func<Tensor[], Tensor> function, DType dtype, int seed)
    {
        using var scope = TensorScope.Begin();
        var x = inputs.Select((input, i) => input.Ids > 0
            ? Tensor.From(Array.ConvertAll(values[i], v => (long)v), input.Shape) : Leaf(values[i], input.Shape, dtype)).ToArray();
        var y = function(x);
        y.Backward(Tensor.FromDoubles(Draw(new Input([.. y.Shape.AsSpan()]), new Random(seed)), y.Shape, dtype));
        List<double[]> all = [Doubles(y), .. x.Where(t => t.RequiresGrad).Select(t => Doubles(t.Grad!))];
        foreach (var t in x) { t.ZeroGrad(); }
        return all;
    }

    private static Tensor Leaf(double[] values, int[] shape, DType dtype)
    {
        var x = Tensor.FromDoubles(values, shape, dtype);
        x.RequiresGrad = true;
        return x;
    }

    private static double[] Doubles(Tensor t) => t.Detach().To(DType.F64).ToArray<double>();

    private static List<double[]> Theirs(IReadOnlyList<Input> inputs, double[][] values, Func<TorchTensor[], TorchTensor> function, DType dtype, int seed)
    {
        using var scope = torch.NewDisposeScope();
        var type = dtype == DType.F64 ? torch.ScalarType.Float64 : torch.ScalarType.Float32;
        var x = inputs.Select((input, i) =>
        {
            var t = torch.tensor(values[i], [.. input.Shape.Select(d => (long)d)]);
            return input.Ids > 0 ? t.to_type(torch.ScalarType.Int64) : t.to_type(type).requires_grad_();
        }).ToArray();
        var y = function(x);
        var cotangent = Draw(new Input([.. y.shape.Select(d => (int)d)]), new Random(seed));
        var grads = torch.autograd.grad([y], [.. x.Where(t => t.requires_grad)], [torch.tensor(cotangent, y.shape).to_type(type)]);
        return [.. grads.Prepend(y).Select(t => t.detach().to_type(torch.ScalarType.Float64).contiguous().data<double>().ToArray())];
    }
}
