using System;
using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Parameters;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Benchmarks;

/// <summary>Square products.</summary>
[Config(typeof(KernelConfig))]
public class MatMulBenchmark : KernelBenchmark
{
    private Tensor _a = null!, _b = null!;

    [Params(256, 1024)]
    public int Size { get; set; }

    [GlobalSetup]
    public void Setup() => (_a, _b) = (Input([Size, Size]), Input([Size, Size]));

    [Benchmark]
    public void Forward() => Measure(() => F.MatMul(_a, _b));

    internal override KernelWork Work(string method, ParameterInstances parameters) => new(2 * Math.Pow((int)parameters[nameof(Size)], 3), 0);
}

/// <summary>Many small products: the scores of 49-token windows.</summary>
[Config(typeof(KernelConfig))]
public class BatchedMatMulBenchmark : KernelBenchmark
{
    private const int Batch = 512, Rows = 49, Inner = 32;
    private Tensor _a = null!, _b = null!;

    [GlobalSetup]
    public void Setup() =>
        (_a, _b) = (Input([Batch, Rows, Inner]), Input([Batch, Inner, Rows]));

    [Benchmark]
    public void Forward() => Measure(() => F.MatMul(_a, _b));

    internal override KernelWork Work(string method, ParameterInstances parameters) =>
        new(2.0 * Batch * Rows * Inner * Rows, 0);
}

/// <summary>The widening layer of an MLP with its activation; backward is two more products and the slope.</summary>
[Config(typeof(KernelConfig))]
public class LinearGeluBenchmark : KernelBenchmark
{
    private const int Rows = 25088, Inputs = 96, Outputs = 384;
    private Tensor _x = null!, _weight = null!, _bias = null!;

    [GlobalSetup]
    public void Setup() =>
        (_x, _weight, _bias) = (Input([Rows, Inputs], true), Input([Outputs, Inputs], true), Input([Outputs], true));

    [Benchmark]
    public void Forward() => Measure(() => F.Linear(_x.Detach(), _weight.Detach(), _bias.Detach(), Activation.GeluErf));

    [Benchmark]
    public void ForwardBackward() => Measure(() => F.Linear(_x, _weight, _bias, Activation.GeluErf));

    internal override KernelWork Work(string method, ParameterInstances parameters) =>
        new(2.0 * Rows * Inputs * Outputs * (method == nameof(Forward) ? 1 : 3), 0);
}
