using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Parameters;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Benchmarks;

/// <summary>Cross-entropy over a thousand classes: logits once forward; logits and their gradient once backward.</summary>
[Config(typeof(KernelConfig))]
public class CrossEntropyBenchmark : KernelBenchmark
{
    private const int Rows = 4096, Classes = 1000;
    private Tensor _logits = null!, _targets = null!;

    [GlobalSetup]
    public void Setup() =>
        (_logits, _targets) = (Input([Rows, Classes], true), Ids(Rows, Classes));

    [Benchmark]
    public void Forward() => Measure(() => F.CrossEntropy(_logits.Detach(), _targets));

    [Benchmark]
    public void ForwardBackward() => Measure(() => F.CrossEntropy(_logits, _targets));

    internal override KernelWork Work(string method, ParameterInstances parameters) =>
        new(0, 4.0 * Rows * Classes * (method == nameof(Forward) ? 1 : 3));
}

/// <summary>Cross-entropy of a linear layer over a vocabulary, in chunks that never hold all logits.</summary>
[Config(typeof(KernelConfig))]
public class LinearCrossEntropyBenchmark : KernelBenchmark
{
    private const int Rows = 512, Width = 256, Vocabulary = 32768;
    private Tensor _x = null!, _weight = null!, _targets = null!;

    [GlobalSetup]
    public void Setup() =>
        (_x, _weight, _targets) = (Input([Rows, Width], true), Input([Vocabulary, Width], true), Ids(Rows, Vocabulary));

    [Benchmark]
    public void ForwardBackward() => Measure(() => F.LinearCrossEntropy(_x, _weight, null, _targets));

    internal override KernelWork Work(string method, ParameterInstances parameters) =>
        new(2.0 * Rows * Width * Vocabulary * 3, 0);
}

/// <summary>The unified contrastive loss without its matrix: one product forward, the same again and two more backward.</summary>
[Config(typeof(KernelConfig))]
public class ContrastiveBenchmark : KernelBenchmark
{
    private const int Pairs = 4096, Width = 512;
    private Tensor _u = null!, _v = null!, _scale = null!, _labels = null!;

    [GlobalSetup]
    public void Setup() =>
        (_u, _v, _scale, _labels) = (Input([Pairs, Width], true), Input([Pairs, Width], true), Input([], true), Ids(Pairs, Pairs / 2));

    [Benchmark]
    public void Forward() => Measure(() => F.ContrastiveLoss(_u.Detach(), _v.Detach(), _scale.Detach(), _labels));

    [Benchmark]
    public void ForwardBackward() => Measure(() => F.ContrastiveLoss(_u, _v, _scale, _labels));

    internal override KernelWork Work(string method, ParameterInstances parameters) =>
        new(2.0 * Pairs * Pairs * Width * (method == nameof(Forward) ? 1 : 4), 0);
}

/// <summary>Focal loss of a detector's classes: logits once forward; logits and their gradient once backward.</summary>
[Config(typeof(KernelConfig))]
public class FocalLossBenchmark : KernelBenchmark
{
    private const int Anchors = 20000, Classes = 80;
    private Tensor _logits = null!, _targets = null!;

    [GlobalSetup]
    public void Setup() =>
        (_logits, _targets) = (Input([Anchors, Classes], true), Ids(Anchors, Classes));

    [Benchmark]
    public void Forward() => Measure(() => F.SigmoidFocalLoss(_logits.Detach(), _targets));

    [Benchmark]
    public void ForwardBackward() => Measure(() => F.SigmoidFocalLoss(_logits, _targets));

    internal override KernelWork Work(string method, ParameterInstances parameters) =>
        new(0, 4.0 * Anchors * Classes * (method == nameof(Forward) ? 1 : 3));
}
