using System;
using System.Collections.Generic;
using System.IO;
using System.Text.Json;
using FlorenceKernels.Cli;
using FlorenceKernels.Models;
using FlorenceKernels.Runtime;
using FlorenceKernels.Testing;
using Xunit;

namespace FlorenceKernels.Tests.Models;

/// <summary>Kernel launches, host syncs, allocations and peak bytes of a CoSwin-T step are what they were; a change is looked at and
/// written down with FLORENCE_WRITE_BASELINES=1.</summary>
public sealed class StepBaselineTests
{
    private const int Batch = 2;

    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true };

    [Theory]
    [InlineData("train", false)]
    [InlineData("infer", true)]
    public void Counts_of_a_step_are_those_of_the_baseline(string mode, bool isInference)
    {
        var device = Device.Cpu;
        device.Allocator.EmptyCache(); // blocks that other tests left are larger than what they would be given out for
        using var step = new RandomStep(FlorenceConfig.Load("tiny"), Batch, 1, device, isInference, isImageOnly: false);
        step.Run();
        device.Allocator.ResetPeak();
        var (before, held) = (StepCounts.Of(device), device.Allocator.Statistics.InUse);
        step.Run();
        var counts = StepCounts.Of(device).Since(before);
        var measured = new Dictionary<string, long>
        {
            ["launches"] = counts.Launches,
            ["hostSyncs"] = counts.HostSyncs,
            ["allocations"] = counts.Allocations,
            ["peakBytes"] = device.Allocator.Statistics.Peak - held,
        };
        Compare($"tiny, 224 px, batch {Batch}, {mode}", measured);
    }

    private static void Compare(string name, Dictionary<string, long> measured)
    {
        Assert.SkipWhen(SourceTree.Root is null, "the baselines lie with the sources, which are not above this program");
        var file = Path.Combine(SourceTree.Root!, "benchmarks", "baselines", "step.json");
        var all = File.Exists(file) ? JsonSerializer.Deserialize<SortedDictionary<string, Dictionary<string, long>>>(File.ReadAllText(file))! : [];
        if (Environment.GetEnvironmentVariable("FLORENCE_WRITE_BASELINES") == "1")
        {
            all[name] = measured;
            File.WriteAllText(file, JsonSerializer.Serialize(all, Json) + "\n");
            return;
        }

        var baseline = all[name];
        Assert.InRange(measured["peakBytes"], 0.99 * baseline["peakBytes"], 1.01 * baseline["peakBytes"]); // blocks held by others move it
        _ = baseline.Remove("peakBytes") && measured.Remove("peakBytes");
        Assert.Equal(baseline, measured);
    }
}
