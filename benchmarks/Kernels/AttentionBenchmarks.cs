using System;
using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Parameters;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Benchmarks;

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

/// <summary>Attention in shifted windows of 8×7×7 of a clip: the first stage of Video CoSwin-T.</summary>
[Config(typeof(KernelConfig))]
public class WindowAttention3dBenchmark : KernelBenchmark
{
    private const int Frames = 16, Side = 56, Width = 96, Heads = 3, Depth = 8, Window = 7;
    private static readonly WindowShape Shape = new(Window, Window, 3, 3) { Depth = Depth, ShiftD = 4 };
    private Tensor _qkv = null!, _table = null!;

    [GlobalSetup]
    public void Setup() =>
        (_qkv, _table) = (Input([1, Frames, Side, Side, 3 * Width], true), Input([(2 * Depth - 1) * (2 * Window - 1) * (2 * Window - 1), Heads], true));

    [Benchmark]
    public void Forward() => Measure(() => F.WindowAttention(_qkv.Detach(), _table.Detach(), Heads, Shape));

    [Benchmark]
    public void ForwardBackward() => Measure(() => F.WindowAttention(_qkv, _table, Heads, Shape));

    internal override KernelWork Work(string method, ParameterInstances parameters) =>
        new(2.0 * Frames * Side * Side * Depth * Window * Window * Width * (method == nameof(Forward) ? 2 : 7), 0);
}

/// <summary>Attention over a whole sequence by tiles: two products forward, five more backward; a causal mask leaves half of each.</summary>
[Config(typeof(KernelConfig))]
public class SelfAttentionBenchmark : KernelBenchmark
{
    private const int Batch = 4, Width = 512, Heads = 8;
    private Tensor _qkv = null!;

    [Params(77, 1024)]
    public int Tokens { get; set; }

    [Params(false, true)]
    public bool IsCausal { get; set; }

    [GlobalSetup]
    public void Setup() =>
        _qkv = Input([Batch, Tokens, 3 * Width], true);

    [Benchmark]
    public void Forward() => Measure(() => F.SelfAttention(_qkv.Detach(), Heads, IsCausal));

    [Benchmark]
    public void ForwardBackward() => Measure(() => F.SelfAttention(_qkv, Heads, IsCausal));

    internal override KernelWork Work(string method, ParameterInstances parameters) =>
        new(2.0 * Batch * Math.Pow((int)parameters[nameof(Tokens)], 2) * Width * (method == nameof(Forward) ? 2 : 7)
            * ((bool)parameters[nameof(IsCausal)] ? 0.5 : 1), 0);
}
