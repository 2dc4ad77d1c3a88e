using System;
using System.Collections.Generic;
using System.Linq;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Exporters.Json;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Parameters;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Benchmarks;

/// <summary>Work of one invocation of a kernel benchmark, from which its throughput column is computed.</summary>
/// <param name="Flops">Floating-point operations, 0 where memory is the limit.</param> <param name="Bytes">Bytes that must be read and written.</param>
internal readonly record struct KernelWork(double Flops, double Bytes);

/// <summary>Benchmarks of one kernel state the work of their parameters.</summary>
public abstract class KernelBenchmark
{
    private readonly List<Tensor> _tensors = [];

    /// <summary>Device the kernels run on: FLORENCE_BENCH_DEVICE, else the CPU.</summary>
    protected static Device Device { get; } = Device.Open(Environment.GetEnvironmentVariable("FLORENCE_BENCH_DEVICE") ?? "cpu");

    internal static bool IsOnCpu => Device == Device.Cpu;

    internal abstract KernelWork Work(string method, ParameterInstances parameters);

    /// <summary>A random input that lives as long as the benchmark.</summary>
    protected Tensor Input(Shape shape, bool needsGrad = false)
    {
        var x = TensorScope.Release(Tensor.Uniform(shape, -1, 1, 1, (ulong)_tensors.Count, device: Device));
        x.RequiresGrad = needsGrad;
        _tensors.Add(x);
        return x;
    }

    /// <summary>Random whole numbers in [0, <paramref name="high"/>).</summary>
    protected static Tensor Ids(int count, int high) =>
        TensorScope.Release(Tensor.From(Values.Ids("ids", [count], high), [count], Device));

    /// <summary>Runs a function in its own scope, and its backward when an input needs a gradient.</summary>
    protected void Measure(Func<Tensor> function)
    {
        using var scope = TensorScope.Begin();
        var y = function();
        if (y.RequiresGrad)
        {
            y.Backward(y.Rank == 0 ? null : y.Detach());
            foreach (var x in _tensors) { x.ZeroGrad(); }
        }

        Device.Synchronize();
    }
}

/// <summary>GFLOP/s or GB/s and their share of the ceiling beside the time, in the same process so that the engine's pool and allocator are warm.</summary>
internal sealed class KernelConfig : ManualConfig
{
    public KernelConfig()
    {
        AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance));
        AddColumn(KernelColumn.Throughput, KernelColumn.Ceiling);
        AddExporter(JsonExporter.Brief);
    }
}

internal sealed class KernelColumn(string name, string legend, Func<KernelWork, double, string> text) : IColumn
{
    public static KernelColumn Throughput { get; } = new("Throughput",
        "GFLOP/s of kernels bound by arithmetic, GB/s (each byte counted once) of those bound by memory",
        (work, seconds) => work.Flops > 0 ? $"{work.Flops / seconds / 1e9:f1} GFLOP/s" : $"{work.Bytes / seconds / 1e9:f1} GB/s");

    public static KernelColumn Ceiling { get; } = new("Ceiling",
        "Share of what this machine's cores were just measured to do in registers or to copy from memory; data that stays in a cache "
            + "can be above it",
        (work, seconds) => KernelBenchmark.IsOnCpu
            ? $"{100 * (work.Flops > 0 ? work.Flops / MachineCeiling.Flops : work.Bytes / MachineCeiling.Bandwidth) / seconds:f0} %" : "-");

    public string Id => name;

    public string ColumnName => name;

    public bool AlwaysShow => true;

    public ColumnCategory Category => ColumnCategory.Custom;

    public int PriorityInCategory => 0;

    public bool IsNumeric => true;

    public UnitType UnitType => UnitType.Dimensionless;

    public string Legend => legend;

    public bool IsAvailable(Summary summary) => true;

    public bool IsDefault(Summary summary, BenchmarkCase benchmarkCase) => false;

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase) => GetValue(summary, benchmarkCase, summary.Style);

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase, SummaryStyle style)
    {
        if (summary.Reports.FirstOrDefault(r => r.BenchmarkCase == benchmarkCase)?.ResultStatistics is not { } statistics) { return "-"; }
        var kernel = (KernelBenchmark)Activator.CreateInstance(benchmarkCase.Descriptor.Type)!;
        var work = kernel.Work(benchmarkCase.Descriptor.WorkloadMethod.Name, benchmarkCase.Parameters);
        return text(work, statistics.Median / 1e9);
    }
}
