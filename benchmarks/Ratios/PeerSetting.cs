using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;

namespace FlorenceKernels.Benchmarks;

/// <summary>What libtorch is given so that the comparison is fair: tcmalloc, without which it loses to page faults on large fresh outputs, and
/// on Debian 12 the symbol that lets TorchSharp load. The OpenMP wait policy is chosen per row.</summary>
/// <param name="Preload">Libraries to preload, space-separated.</param> <param name="Notes">What is missing.</param>
internal sealed record PeerSetting(string Preload, IReadOnlyList<string> Notes)
{
    private static readonly string[] Allocators =
    [
        "/usr/lib/x86_64-linux-gnu/libtcmalloc_minimal.so.4", "/usr/lib64/libtcmalloc_minimal.so.4", "/usr/lib/libtcmalloc_minimal.so.4",
    ];

    public static PeerSetting Find()
    {
        var (shim, fault) = Shim();
        var allocator = Allocators.FirstOrDefault(File.Exists);
        List<string> notes = [];
        if (fault is not null) { notes.Add(fault); }
        if (allocator is null) { notes.Add("no tcmalloc (libtcmalloc-minimal4): libtorch runs with the system allocator, which slows large outputs"); }
        if (File.Exists("/proc/loadavg") && double.Parse(File.ReadAllText("/proc/loadavg").Split(' ')[0]) is > 0.5 and var load)
        {
            notes.Add($"the machine is not quiet (load {load}): ratios will be noisy");
        }

        return new PeerSetting(string.Join(' ', new[] { shim, allocator }.OfType<string>().Where(s => s.Length > 0)), notes);
    }

    public Dictionary<string, string> Environment(string waitPolicy) => new() { ["OMP_WAIT_POLICY"] = waitPolicy, ["LD_PRELOAD"] = Preload };

    public IEnumerable<string> Describe() =>
        Notes.Select(n => $"note: {n}").Prepend($"libtorch: preloaded {(Preload.Length > 0 ? string.Join(", ", Preload.Split(' ').Select(Path.GetFileName)) : "nothing")}"
            + "; the better OMP_WAIT_POLICY of each row is used and named");

    // The script prints the library to preload, or nothing where none is needed.
    private static (string Shim, string? Fault) Shim()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var script = Path.Combine(folder.FullName, "tools", "torchsharp-on-debian12.sh");
            if (!File.Exists(script)) { continue; }
            var start = new ProcessStartInfo("bash") { RedirectStandardOutput = true, RedirectStandardError = true };
            start.ArgumentList.Add(script);
            start.ArgumentList.Add(AppContext.BaseDirectory);
            using var process = Process.Start(start)!;
            var shim = process.StandardOutput.ReadToEnd().Trim();
            var fault = process.StandardError.ReadToEnd().Trim();
            process.WaitForExit();
            return (shim, process.ExitCode == 0 ? null : fault);
        }

        return ("", null);
    }
}
