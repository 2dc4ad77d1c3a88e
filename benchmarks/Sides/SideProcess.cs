using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Runtime.InteropServices;

namespace FlorenceKernels.Benchmarks;

/// <summary>The parent's hold on a <see cref="SideProgram"/>. It is stopped by a signal while it has nothing to do: threads of an OpenMP
/// runtime that wait actively would otherwise take a core from the other side.</summary>
internal sealed partial class SideProcess : IDisposable
{
    private const int Continue = 18, Stop = 19;
    private readonly Process _process;

    public SideProcess(string side, string device, IReadOnlyDictionary<string, string> environment)
    {
        // This program again: "dotnet run" starts its own executable, "dotnet x.dll" the runtime, which wants to be told the assembly.
        var program = Environment.ProcessPath!;
        string[] assembly = Path.GetFileNameWithoutExtension(program) == "dotnet" ? [typeof(SideProcess).Assembly.Location] : [];
        var start = new ProcessStartInfo(program, [.. assembly, "side", side, device]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        foreach (var (name, value) in environment) { start.Environment[name] = value; }
        _process = Process.Start(start)!;
        _ = Signal(_process.Id, Stop);
    }

    public void Open(string row) => Ask($"open {row}");

    public void Close() => Ask("close");

    /// <summary>Milliseconds of one run, a mean over <paramref name="repeats"/> runs in a row.</summary>
    public double Time(int repeats) => double.Parse(Ask($"time {repeats}"));

    public void ResetPeak() => Ask("reset-peak");

    /// <summary>Resident memory now and at its peak, in MiB.</summary>
    public (double Now, double Peak) Memory() =>
        Ask("memory").Split(' ') is [var now, var peak] ? (long.Parse(now) / 1024.0, long.Parse(peak) / 1024.0) : default;

    public List<float[]> Results()
    {
        var path = Path.GetTempFileName();
        try
        {
            Ask($"results {path}");
            return Read(path);
        }
        finally
        {
            File.Delete(path);
        }
    }

    public void Dispose()
    {
        try { _process.Kill(); }
        catch (InvalidOperationException) { }
        _process.WaitForExit();
        _process.Dispose();
    }

    private static List<float[]> Read(string path)
    {
        using var file = new BinaryReader(File.OpenRead(path));
        var all = new List<float[]>();
        while (file.BaseStream.Position < file.BaseStream.Length)
        {
            var values = new float[file.ReadInt32()];
            file.BaseStream.ReadExactly(MemoryMarshal.AsBytes(values.AsSpan()));
            all.Add(values);
        }

        return all;
    }

    private string Ask(string line)
    {
        _ = Signal(_process.Id, Continue);
        _process.StandardInput.WriteLine(line);
        var answer = _process.StandardOutput.ReadLine();
        if (answer is not null) { _ = Signal(_process.Id, Stop); }
        return answer switch
        {
            null => throw new InvalidOperationException($"the process ended at '{line}'"),
            _ when answer.StartsWith("ok", StringComparison.Ordinal) => answer[2..].Trim(),
            _ => throw new InvalidOperationException(answer["error ".Length..]),
        };
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Signal(int process, int signal);
}
