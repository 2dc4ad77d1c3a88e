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

    internal override KernelWork Work(string method, ParameterInstances parameters) => new(2 * System.Math.Pow((int)parameters[nameof(Size)], 3), 0);
}

/// <summary>The widening layer of an MLP with its activation.</summary>
[Config(typeof(KernelConfig))]
public class LinearGeluBenchmark : KernelBenchmark
{
    private const int Rows = 25088, Inputs = 96, Outputs = 384;
    private Tensor _x = null!, _weight = null!, _bias = null!;

    [GlobalSetup]
    public void Setup() => (_x, _weight, _bias) = (Input([Rows, Inputs]), Input([Outputs, Inputs]), Input([Outputs]));

    [Benchmark]
    public void Forward() => Measure(() => F.Linear(_x, _weight, _bias, Activation.GeluErf));

    internal override KernelWork Work(string method, ParameterInstances parameters) => new(2.0 * Rows * Inputs * Outputs, 0);
}

/// <summary>LayerNorm of CoSwin-T's first stage: x and y once forward; x, dy and dx once backward.</summary>
[Config(typeof(KernelConfig))]
public class LayerNormBenchmark : KernelBenchmark
{
    private const int Rows = 25088, Width = 96;
    private Tensor _x = null!, _gamma = null!, _beta = null!, _frozen = null!, _one = null!, _zero = null!;

    [GlobalSetup]
    public void Setup()
    {
        (_x, _gamma, _beta) = (Input([Rows, Width], true), Input([Width], true), Input([Width], true));
        (_frozen, _one, _zero) = (Input([Rows, Width]), Input([Width]), Input([Width]));
    }

    [Benchmark]
    public void Forward() => Measure(() => F.LayerNorm(_frozen, _one, _zero));

    [Benchmark]
    public void ForwardBackward() => Measure(() => F.LayerNorm(_x, _gamma, _beta));

    internal override KernelWork Work(string method, ParameterInstances parameters) => new(0, 4.0 * Rows * Width * (method == nameof(Forward) ? 2 : 5));
}

/// <summary>Softmax over rows of a thousand: x and y once forward; y, dy and dx once backward.</summary>
[Config(typeof(KernelConfig))]
public class SoftmaxBenchmark : KernelBenchmark
{
    private const int Rows = 4096, Width = 1000;
    private Tensor _x = null!, _frozen = null!;

    [GlobalSetup]
    public void Setup() => (_x, _frozen) = (Input([Rows, Width], true), Input([Rows, Width]));

    [Benchmark]
    public void Forward() => Measure(() => F.Softmax(_frozen));

    [Benchmark]
    public void ForwardBackward() => Measure(() => F.Softmax(_x));

    internal override KernelWork Work(string method, ParameterInstances parameters) => new(0, 4.0 * Rows * Width * (method == nameof(Forward) ? 2 : 5));
}

/// <summary>Shifted-window attention of CoSwin-T's first stage: two products of 49x49x32 per window and head forward, five more backward.</summary>
[Config(typeof(KernelConfig))]
public class WindowAttentionBenchmark : KernelBenchmark
{
    private const int Batch = 8, Side = 56, Width = 96, Heads = 3, Window = 7;
    private Tensor _qkv = null!, _table = null!, _frozen = null!;

    [GlobalSetup]
    public void Setup()
    {
        _table = Input([(2 * Window - 1) * (2 * Window - 1), Heads], true);
        (_qkv, _frozen) = (Input([Batch, Side, Side, 3 * Width], true), Input([Batch, Side, Side, 3 * Width]));
    }

    [Benchmark]
    public void Forward() => Measure(() => F.WindowAttention(_frozen, _table.Detach(), Heads, new WindowShape(Window, Window, 3, 3)));

    [Benchmark]
    public void ForwardBackward() => Measure(() => F.WindowAttention(_qkv, _table, Heads, new WindowShape(Window, Window, 3, 3)));

    internal override KernelWork Work(string method, ParameterInstances parameters) =>
        new(2.0 * Batch * Side * Side * Window * Window * Width * (method == nameof(Forward) ? 2 : 7), 0);
}

/// <summary>The stem of CoSwin.</summary>
[Config(typeof(KernelConfig))]
public class ConvEmbedBenchmark : KernelBenchmark
{
    private const int Batch = 8, Side = 224, Width = 96;
    private Tensor _x = null!, _weight = null!, _frozen = null!;

    [GlobalSetup]
    public void Setup() => (_x, _weight, _frozen) = (Input([Batch, 3, Side, Side]), Input([Width, 3, 7, 7], true), Input([Width, 3, 7, 7]));

    [Benchmark]
    public void Forward() => Measure(() => F.ConvTokens(_x, _frozen, null, 4, 2));

    [Benchmark]
    public void ForwardBackward() => Measure(() => F.ConvTokens(_x, _weight, null, 4, 2));

    internal override KernelWork Work(string method, ParameterInstances parameters) =>
        new(2.0 * Batch * Side / 4 * Side / 4 * Width * 147 * (method == nameof(Forward) ? 1 : 2), 0);
}
