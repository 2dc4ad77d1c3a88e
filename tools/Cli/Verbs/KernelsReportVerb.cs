using System;
using System.Diagnostics;
using System.Linq;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Cli;

/// <summary><c>florence kernels report</c>: what hot GPU kernels move and compute against the least they could, counted by the CUDA
/// emulator, or their time on a real device.</summary>
internal sealed partial class KernelsReportVerb : Verb
{
    private static readonly GpuModel[] Models = [GpuModel.A100, GpuModel.H100];

    public KernelsReportVerb(CommonOptions common)
        : base(common, "report", "Hot kernels against their floor: sectors, bank conflicts, occupancy under the CUDA emulator, time elsewhere "
            + "[device: cuda:0 unless given]",
        "florence kernels report", "florence kernels report --only gemm --json", "florence kernels report --device opencl:0 --repeat 20")
    {
        Flag<string>("--only", "only", "Only kernels whose name contains this [default: all]", "TEXT");
        Flag<int>("--repeat", "repeat", "Timed runs on a real device, of which the median counts [default: 10]", "N");
        BindSeed("seed");
    }

    protected override JsonObject Defaults(GivenSettings given) => new() { ["device"] = "cuda:0", ["seed"] = 1, ["only"] = null, ["repeat"] = 10 };

    protected override int Run(VerbCall call)
    {
        var (chosen, repeat) = (Choose(call.Settings.TextOrNull("only")), call.Settings.Integer("repeat", 1));
        var device = call.OpenDevice();
        if (device is not GpuDevice { HasMatrixUnits: true }) { chosen = [.. chosen.Where(k => !k.NeedsMatrixUnits)]; }
        using var interrupts = new Interrupts(call.Screen);
        var result = EmulatorCounters.IsEmulated(device) ? Count(call.Screen, (GpuDevice)device, chosen, interrupts) : Time(call.Screen, device, chosen, repeat, interrupts);
        call.Screen.Result(result);
        return 0;
    }

    private static HotKernel[] Choose(string? part)
    {
        var chosen = HotKernel.All.Where(k => part is null || k.Name.Contains(part, StringComparison.OrdinalIgnoreCase)).ToArray();
        return chosen.Length > 0 ? chosen
            : throw new UsageException($"--only {part}: no kernel has this in its name; there are {string.Join(", ", HotKernel.All.Select(k => k.Name).Distinct())}");
    }

    private static JsonObject Count(Screen screen, GpuDevice device, HotKernel[] chosen, Interrupts interrupts)
    {
        var counters = EmulatorCounters.Start();
        var ptxas = PtxAssembler.Find();
        var rows = screen.Progress("kernels", report => chosen.Select((kernel, i) =>
        {
            interrupts.Token.ThrowIfCancellationRequested();
            report(new StageProgress((double)i / chosen.Length, kernel.Name));
            return Counted(kernel, device, counters, ptxas);
        }).ToArray());
        screen.Table(["kernel", "size", "launches", "sectors", "floor", "over", "over tiles", "bank conflicts", "MFLOP", "by mma", "registers, occupancy", "A100*", "H100*"],
            rows.Select(r => r.Cells()));
        screen.Line("sectors of 32 bytes that all requests move, before any cache; floor: each operand and result once");
        screen.Line("over tiles: against what the product's square tiles must read, each operand once per tile along the other, and write");
        screen.Line("* ESTIMATE in microseconds from these counts and the maker's peaks: time at best / its limit / what the floor would take");
        if (ptxas is null) { screen.Line($"registers and occupancy are left out: {PtxAssembler.Missing}"); }
        return new JsonObject
        {
            ["device"] = device.Description,
            ["ptxas"] = ptxas?.Version,
            ["kernels"] = new JsonArray([.. rows.Select(r => r.Json())]),
        };
    }

    private static CountedKernel Counted(HotKernel kernel, GpuDevice device, EmulatorCounters counters, PtxAssembler? ptxas)
    {
        var prepared = kernel.Prepare(device);
        device.Synchronize();
        counters.Take();
        prepared.Run();
        device.Synchronize();
        var launches = counters.Take();
        if (launches.Count == 0)
        {
            throw new DeviceException("the emulator wrote no counters; set CUDASIM_STATS to a file it may write before the program starts");
        }

        var heaviest = launches.MaxBy(l => l.WarpInstructions)!;
        var code = ptxas is null ? [] : Models.Select(m => (m, Assembled(device, heaviest, ptxas, m.Architecture))).ToArray();
        return new CountedKernel(kernel, prepared, launches, heaviest, code);
    }

    // PTX names repeat; of those equal in name and shared memory the one loaded last is the one just launched.
    private static AssembledKernel? Assembled(GpuDevice device, LaunchCounters launch, PtxAssembler ptxas, string architecture)
    {
        var text = device.LoadedPtx().LastOrDefault(t => EntryPoint().Match(t).Groups[1].Value == launch.Kernel);
        return text is null ? null : ptxas.Assemble(text, architecture).FirstOrDefault(k => k.Entry == launch.Kernel && k.SharedBytes == launch.SharedBytes);
    }

    private static JsonObject Time(Screen screen, Device device, HotKernel[] chosen, int repeat, Interrupts interrupts)
    {
        var rows = screen.Progress("kernels", report => chosen.Select((kernel, i) =>
        {
            interrupts.Token.ThrowIfCancellationRequested();
            report(new StageProgress((double)i / chosen.Length, kernel.Name));
            var prepared = kernel.Prepare(device);
            prepared.Run();
            device.Synchronize();
            return (Kernel: kernel, prepared.Floor, Seconds: Median(prepared, device, repeat));
        }).ToArray());
        screen.Table(["kernel", "size", "floor MB", "ms", "GB/s of the floor", "GFLOP/s"], rows.Select(r => new[]
        {
            r.Kernel.Name, r.Kernel.Size, $"{r.Floor / 1e6:0.00}", $"{1e3 * r.Seconds:0.000}", $"{r.Floor / r.Seconds / 1e9:0.0}",
            r.Kernel.Flops > 0 ? $"{r.Kernel.Flops / r.Seconds / 1e9:0.0}" : "-",
        }));
        return new JsonObject
        {
            ["device"] = device.Description,
            ["kernels"] = new JsonArray([.. rows.Select(r => new JsonObject
            {
                ["name"] = r.Kernel.Name, ["size"] = r.Kernel.Size, ["floorBytes"] = r.Floor, ["medianMs"] = 1e3 * r.Seconds,
                ["matrixFlops"] = r.Kernel.Flops,
            })]),
        };
    }

    private static double Median(PreparedCall call, Device device, int repeat) => Enumerable.Range(0, repeat).Select(_ =>
    {
        var watch = Stopwatch.StartNew();
        call.Run();
        device.Synchronize();
        return watch.Elapsed.TotalSeconds;
    }).Order().ElementAt(repeat / 2);

    [GeneratedRegex(@"\.entry\s+([\w$]+)")]
    private static partial Regex EntryPoint();
}
