using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text;
using System.Text.RegularExpressions;

namespace FlorenceKernels.Runtime;

/// <summary>What the assembler made of one kernel.</summary>
/// <param name="Entry">Name of the kernel in the PTX.</param> <param name="Registers">32-bit registers of a thread.</param>
/// <param name="SharedBytes">Static shared memory of a group.</param> <param name="StackBytes">Stack frame of a thread.</param>
/// <param name="SpillBytes">Bytes of registers stored to memory for want of registers.</param>
/// <param name="Instructions">Machine instructions, with the padding at the end.</param>
public sealed record AssembledKernel(string Entry, int Registers, int SharedBytes, int StackBytes, int SpillBytes, int Instructions);

/// <summary>NVIDIA's assembler <c>ptxas</c> where it is installed: PTX to machine code, without a GPU. Looked for in FLORENCE_PTXAS, on the
/// PATH, and in <c>cache/ptxas/bin</c> above the program, where <c>tools/get-ptxas.sh</c> puts it.</summary>
public sealed partial class PtxAssembler
{
    // Every instruction since compute capability 7.0 takes 128 bits.
    private const int InstructionBytes = 16;

    private readonly string _program;

    private PtxAssembler(string program)
    {
        _program = program;
        Version = Release().Match(Run(["--version"])) is { Success: true } match ? match.Groups[1].Value
            : throw new DeviceException($"{program} --version names no version; FLORENCE_PTXAS must name NVIDIA's ptxas");
    }

    /// <summary>Why <see cref="Find"/> gives nothing, and what to do.</summary>
    public const string Missing = "ptxas is not installed: run tools/get-ptxas.sh, or name it in FLORENCE_PTXAS";

    /// <summary>Version, such as 11.8.89.</summary>
    public string Version { get; }

    /// <summary>The assembler of this machine, or null.</summary>
    /// <exception cref="DeviceException">FLORENCE_PTXAS names no program, or one that is no ptxas.</exception>
    public static PtxAssembler? Find()
    {
        if (Environment.GetEnvironmentVariable("FLORENCE_PTXAS") is { Length: > 0 } named)
        {
            return File.Exists(named) ? new PtxAssembler(named) : throw new DeviceException($"FLORENCE_PTXAS names {named}, which does not exist");
        }

        var name = OperatingSystem.IsWindows() ? "ptxas.exe" : "ptxas";
        var onPath = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Where(f => f.Length > 0);
        var above = Above(AppContext.BaseDirectory).Concat(Above(Environment.CurrentDirectory)).Select(f => Path.Combine(f, "cache", "ptxas", "bin"));
        return onPath.Concat(above).Select(f => Path.Combine(f, name)).FirstOrDefault(File.Exists) is { } found ? new PtxAssembler(found) : null;
    }

    /// <summary>Assembles a module for an architecture such as <c>sm_90</c> and reports on each of its kernels.</summary>
    /// <exception cref="DeviceException">The assembler refuses the text.</exception>
    public IReadOnlyList<AssembledKernel> Assemble(string ptx, string architecture)
    {
        var folder = Directory.CreateTempSubdirectory("florence-ptx").FullName;
        try
        {
            string source = Path.Combine(folder, "kernels.ptx"), binary = Path.Combine(folder, "kernels.cubin");
            File.WriteAllText(source, Readable(ptx));
            var report = Run(["-v", $"-arch={architecture}", source, "-o", binary]);
            var sizes = CodeSizes(File.ReadAllBytes(binary));
            return [.. Parse(report).Select(k => k with { Instructions = (int)(sizes.GetValueOrDefault(k.Entry) / InstructionBytes) })];
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // The text names the language version of the driver. CUDA 11.8's assembler reads up to 7.8, 12.x up to 8.x; ILGPU uses nothing that is newer
    // than 7.0, so a lower version changes no code.
    private string Readable(string ptx)
    {
        var cuda = System.Version.Parse(Version);
        var newest = new Version(cuda.Major - 4, cuda.Minor);
        return LanguageVersion().Replace(ptx, match => System.Version.Parse(match.Groups[1].Value) > newest ? $".version {newest}" : match.Value, 1);
    }

    private static IEnumerable<string> Above(string folder)
    {
        for (var at = new DirectoryInfo(folder); at is not null; at = at.Parent) { yield return at.FullName; }
    }

    // "Compiling entry function 'x' for 'sm_90'", its stack and spills, then "Used 40 registers, 1040 bytes smem, …". Functions in between have
    // stack lines too, and no "Used".
    private static List<AssembledKernel> Parse(string report)
    {
        var kernels = new List<AssembledKernel>();
        string? entry = null;
        int stack = 0, spill = 0;
        foreach (var line in report.Split('\n'))
        {
            if (Entry().Match(line) is { Success: true } name) { (entry, stack, spill) = (name.Groups[1].Value, 0, 0); }
            else if (Frame().Match(line) is { Success: true } frame)
            {
                stack = Math.Max(stack, Number(frame, 1));
                spill += Number(frame, 2);
            }
            else if (Used().Match(line) is { Success: true } used && entry is not null)
            {
                var shared = Smem().Match(line) is { Success: true } match ? Number(match, 1) : 0;
                kernels.Add(new AssembledKernel(entry, Number(used, 1), shared, stack, spill, 0));
                entry = null;
            }
        }

        return kernels;
    }

    // Bytes of each kernel's section ".text.NAME" in the ELF file: section headers start where the 8 bytes at 40 say, their size, number and
    // table of names are the 2-byte values at 58, 60 and 62 (System V ABI, chapter 4).
    private static Dictionary<string, long> CodeSizes(byte[] elf)
    {
        const string prefix = ".text.";
        int size = BitConverter.ToUInt16(elf, 58), count = BitConverter.ToUInt16(elf, 60), names = BitConverter.ToUInt16(elf, 62);
        var start = (int)BitConverter.ToInt64(elf, 40);
        var nameTable = (int)BitConverter.ToInt64(elf, start + names * size + 24);
        var found = new Dictionary<string, long>();
        for (var header = start; header < start + count * size; header += size)
        {
            var at = nameTable + BitConverter.ToInt32(elf, header);
            var name = Encoding.ASCII.GetString(elf, at, Array.IndexOf<byte>(elf, 0, at) - at);
            if (name.StartsWith(prefix, StringComparison.Ordinal)) { found[name[prefix.Length..]] = BitConverter.ToInt64(elf, header + 32); }
        }

        return found;
    }

    private static int Number(Match match, int group) => int.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"\bV(\d+\.\d+\.\d+)")]
    private static partial Regex Release();

    [GeneratedRegex(@"\.version\s+(\d+\.\d+)")]
    private static partial Regex LanguageVersion();

    [GeneratedRegex(@"Compiling entry function '([^']+)'")]
    private static partial Regex Entry();

    [GeneratedRegex(@"(\d+) bytes stack frame, (\d+) bytes spill stores")]
    private static partial Regex Frame();

    [GeneratedRegex(@"Used (\d+) registers")]
    private static partial Regex Used();

    [GeneratedRegex(@"(\d+) bytes smem")]
    private static partial Regex Smem();

    private string Run(string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(_program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd() + errors.Result;
        process.WaitForExit();
        return process.ExitCode == 0 ? output
            : throw new DeviceException($"ptxas refuses the code: {output.Split('\n', StringSplitOptions.RemoveEmptyEntries).FirstOrDefault("it ended without a word")}");
    }
}
