using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text.Json.Nodes;
using FlorenceKernels.Models;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Cli;

/// <summary><c>florence bench step</c>: time, memory, launches and allocations of one training or inference step on random
/// data.</summary>
internal sealed class BenchStepVerb : Verb
{
    public BenchStepVerb(CommonOptions common)
        : base(common, "step", "Time a whole step of a model on random data: milliseconds, images/s, memory, launches",
        "florence bench step --model nano --batch 64",
        "florence bench step --model tiny --size 224 --batch 8 --infer --image-only --json")
    {
        Flag<string>("--model", "model", "Built-in model or JSON file of one [default: nano]", "NAME|FILE");
        Flag<int>("--size", "size", "Side of the images [default: the model's]", "PIXELS");
        Flag<int>("--batch", "batch", "Pairs per step [default: 32]", "N");
        Flag<int>("--repeat", "repeat", "Measured steps [default: 10]", "N");
        Flag<int>("--warmup", "warmup", "Steps before them [default: 3]", "N");
        Flag<bool>("--infer", "infer", "Forward only, nothing recorded");
        Flag<bool>("--image-only", "imageOnly", "Image tower only");
        BindSeed("seed");
    }

    protected override JsonObject Defaults(GivenSettings given) => new()
    {
        ["device"] = "cpu",
        ["seed"] = 1,
        ["model"] = "nano",
        ["size"] = 0,
        ["batch"] = 32,
        ["repeat"] = 10,
        ["warmup"] = 3,
        ["infer"] = false,
        ["imageOnly"] = false,
    };

    protected override int Run(VerbCall call)
    {
        var settings = call.Settings;
        var config = FlorenceConfig.Load(settings.Text("model"));
        if (settings.Integer("size", 0) is > 0 and var size)
        { config = config with { Image = config.Image with { ImageSize = size } }; }
        var device = call.OpenDevice();
        using var interrupts = new Interrupts(call.Screen);
        using var step = new RandomStep(config, settings.Integer("batch", 1), (ulong)settings.Number("seed"), device,
            settings.Flag("infer"), settings.Flag("imageOnly"));
        var (milliseconds, processor) = (new List<double>(), new List<double>());
        var (warmup, repeat) = (settings.Integer("warmup", 0), settings.Integer("repeat", 1));
        var counted = call.Screen.Progress("bench", report =>
        {
            for (var i = 0; i < warmup; i++) { Timed(step, device); }
            device.Allocator.ResetPeak();
            var before = StepCounts.Of(device);
            for (var i = 0; i < repeat; i++)
            {
                interrupts.Token.ThrowIfCancellationRequested();
                var used = Environment.CpuUsage.TotalTime;
                milliseconds.Add(Timed(step, device));
                processor.Add((Environment.CpuUsage.TotalTime - used).TotalMilliseconds);
                report(new StageProgress((i + 1.0) / repeat, $"{milliseconds[^1]:0.0} ms"));
            }

            return StepCounts.Of(device).Since(before);
        });
        Print(call, config, milliseconds, processor, counted, device);
        return 0;
    }

    private static double Timed(RandomStep step, Device device)
    {
        var watch = Stopwatch.StartNew();
        step.Run();
        device.Synchronize();
        return watch.Elapsed.TotalMilliseconds;
    }

    // The processor's time stays the same beside other programs; the wall's does not.
    private static void Print(VerbCall call, FlorenceConfig config, List<double> milliseconds, List<double> processor, StepCounts counts,
        Device device)
    {
        var sorted = milliseconds.Order().ToArray();
        var (median, batch, steps) = (sorted[sorted.Length / 2], call.Settings.Integer("batch"), milliseconds.Count);
        var result = new JsonObject
        {
            ["model"] = call.Settings.Text("model"),
            ["size"] = config.Image.ImageSize,
            ["batch"] = batch,
            ["mode"] = (call.Settings.Flag("infer") ? "infer" : "train")
                + (call.Settings.Flag("imageOnly") ? ", image tower" : ", both towers"),
            ["device"] = device.Name,
            ["medianMs"] = Math.Round(median, 3),
            ["minMs"] = Math.Round(sorted[0], 3),
            ["maxMs"] = Math.Round(sorted[^1], 3),
            ["medianCpuMs"] = Math.Round(processor.Order().ElementAt(steps / 2), 3),
            ["minCpuMs"] = Math.Round(processor.Min(), 3),
            ["imagesPerSecond"] = Math.Round(1000 * batch / median, 2),
            ["peakResidentBytes"] = PeakResident(),
            ["peakDeviceBytes"] = device.Allocator.Statistics.Peak,
            ["launchesPerStep"] = (double)counts.Launches / steps,
            ["hostSyncsPerStep"] = (double)counts.HostSyncs / steps,
            ["allocationsPerStep"] = (double)counts.Allocations / steps,
            ["systemAllocations"] = counts.SystemAllocations,
        };
        call.Screen.Table(["what", "value"], result.Select(r => new[] { r.Key, r.Value!.ToString() }));
        call.Screen.Result(result);
    }

    // VmHWM is the peak resident set as the kernel counts it; elsewhere the runtime's figure.
    private static long PeakResident()
    {
        const string status = "/proc/self/status";
        if (!File.Exists(status)) { return Process.GetCurrentProcess().PeakWorkingSet64; }
        var line = File.ReadLines(status).First(l => l.StartsWith("VmHWM:", StringComparison.Ordinal));
        return 1024 * long.Parse(line["VmHWM:".Length..].Replace("kB", "", StringComparison.Ordinal).Trim());
    }
}
