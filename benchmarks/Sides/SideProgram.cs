using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Benchmarks;

/// <summary>A process that is one side: it obeys lines on its input, one answer line each. Two processes instead of one, so that each
/// library has its own allocator, threads and peak memory, and the one that waits can be stopped.</summary>
internal static partial class SideProgram
{
    private const int DieWithParent = 1, Kill = 9;

    public static int Run(string side, string device)
    {
        _ = Prctl(DieWithParent, Kill, 0, 0, 0);
        IWorkload? workload = null;
        while (Console.ReadLine() is { } line)
        {
            try
            {
                Console.WriteLine("ok " + Obey(line.Split(' '), side, device, ref workload));
            }
            catch (Exception e)
            {
                var cause = e is TypeInitializationException or System.Reflection.TargetInvocationException ? e.InnerException ?? e : e;
                Console.WriteLine("error " + $"{cause.GetType().Name}: {cause.Message}".ReplaceLineEndings(" "));
            }
        }

        workload?.Dispose();
        return 0;
    }

    private static string Obey(string[] words, string side, string device, ref IWorkload? workload)
    {
        switch (words[0])
        {
            case "open":
                workload?.Dispose();
                var row = RatioRow.All.First(r => r.Name == words[1]);
                workload = side == "ours" ? row.Ours(Device.Open(device)) : row.Peer();
                return "";
            case "results":
                Write(workload!, words[1]);
                return "";
            case "time":
                return Milliseconds(workload!, int.Parse(words[1])).ToString("r");
            case "memory":
                return $"{Status("VmRSS:")} {Status("VmHWM:")}";
            case "reset-peak":
                File.WriteAllText("/proc/self/clear_refs", "5");
                return "";
            default:
                workload?.Dispose();
                workload = null;
                GC.Collect();
                return "";
        }
    }

    private static double Milliseconds(IWorkload workload, int repeats)
    {
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < repeats; i++) { workload.Run(); }
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds / repeats;
    }

    private static void Write(IWorkload workload, string path)
    {
        using var file = new BinaryWriter(File.Create(path));
        foreach (var values in workload.Results())
        {
            file.Write(values.Length);
            file.Write(MemoryMarshal.AsBytes<float>(values));
        }
    }

    private static long Status(string key) =>
        long.Parse(File.ReadLines("/proc/self/status").First(l => l.StartsWith(key, StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]);

    [LibraryImport("libc", EntryPoint = "prctl")]
    private static partial int Prctl(int option, nuint a, nuint b, nuint c, nuint d);
}
