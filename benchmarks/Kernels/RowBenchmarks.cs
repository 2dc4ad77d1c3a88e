using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Parameters;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Benchmarks;

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

/// <summary>GELU by the error function: x and y once forward; x, dy and dx once backward.</summary>
[Config(typeof(KernelConfig))]
public class GeluBenchmark : KernelBenchmark
{
    private const int Count = 25088 * 384;
    private Tensor _x = null!;

    [GlobalSetup]
    public void Setup() =>
        _x = Input([Count], true);

    [Benchmark]
    public void Forward() => Measure(() => F.Gelu(_x.Detach()));

    [Benchmark]
    public void ForwardBackward() => Measure(() => F.Gelu(_x));

    internal override KernelWork Work(string method, ParameterInstances parameters) =>
        new(0, 4.0 * Count * (method == nameof(Forward) ? 2 : 5));
}
