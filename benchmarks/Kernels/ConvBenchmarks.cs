using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Parameters;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Benchmarks;

/// <summary>The convolutional embeddings of CoSwin with their LayerNorm: 7×7/4 on the picture, 3×3/2 between stages.</summary>
[Config(typeof(KernelConfig))]
public class ConvEmbedBenchmark : KernelBenchmark
{
    private const int Batch = 8;
    private Tensor _x = null!, _weight = null!, _gamma = null!, _beta = null!;

    [Params(7, 3)]
    public int Taps { get; set; }

    private bool IsStem => Taps == 7;

    private int Inputs => IsStem ? 3 : 96;

    private int Outputs => IsStem ? 96 : 192;

    [GlobalSetup]
    public void Setup()
    {
        _x = IsStem ? Input([Batch, 3, 224, 224]) : Input([Batch, 56, 56, 96], true);
        (_weight, _gamma, _beta) = (Input([Outputs, Inputs, Taps, Taps], true), Input([Outputs], true), Input([Outputs], true));
    }

    [Benchmark]
    public void Forward() => Measure(() => Embed(_x.Detach(), _weight.Detach(), _gamma.Detach(), _beta.Detach()));

    [Benchmark]
    public void ForwardBackward() => Measure(() => Embed(_x, _weight, _gamma, _beta));

    // The stem's input is the picture, which needs no gradient.
    internal override KernelWork Work(string method, ParameterInstances parameters)
    {
        Taps = (int)parameters[nameof(Taps)];
        var products = method == nameof(Forward) ? 1 : IsStem ? 2 : 3;
        var positions = IsStem ? 56 * 56 : 28 * 28;
        return new(2.0 * Batch * positions * Outputs * Inputs * Taps * Taps * products, 0);
    }

    private Tensor Embed(Tensor x, Tensor weight, Tensor gamma, Tensor beta) =>
        F.LayerNorm(F.ConvTokens(x, weight, null, IsStem ? 4 : 2, IsStem ? 2 : 1, channelsLast: !IsStem), gamma, beta);
}

/// <summary>Modulated deformable convolution of a Dynamic Head: its products count, not the sampling.</summary>
[Config(typeof(KernelConfig))]
public class DeformConvBenchmark : KernelBenchmark
{
    private const int Channels = 256, Height = 50, Width = 84, Taps = 9;
    private Tensor _x = null!, _offset = null!, _mask = null!, _weight = null!;

    [GlobalSetup]
    public void Setup() =>
        (_x, _weight, _offset, _mask) = (Input([1, Channels, Height, Width], true), Input([Channels, Channels, 3, 3], true),
            Input([1, 2 * Taps, Height, Width], true), Input([1, Taps, Height, Width], true));

    [Benchmark]
    public void Forward() => Measure(() => F.DeformConv2d(_x.Detach(), _offset.Detach(), _weight.Detach(), _mask.Detach(), padding: 1));

    [Benchmark]
    public void ForwardBackward() => Measure(() => F.DeformConv2d(_x, _offset, _weight, _mask, padding: 1));

    internal override KernelWork Work(string method, ParameterInstances parameters) =>
        new(2.0 * Channels * Channels * Taps * Height * Width * (method == nameof(Forward) ? 1 : 3), 0);
}
