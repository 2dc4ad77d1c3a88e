using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace FlorenceKernels.Runtime;

/// <summary>What the emulator counted of one launch. Requests and sectors are counted before any cache; instructions are those of the PTX.</summary>
public sealed record LaunchCounters
{
    /// <summary>The kernel's name in the PTX.</summary>
    public string Kernel { get; init; } = "";

    /// <summary>Groups along three axes.</summary>
    public IReadOnlyList<int> Grid { get; init; } = [];

    /// <summary>Threads of a group along three axes.</summary>
    public IReadOnlyList<int> Block { get; init; } = [];

    /// <summary>Static shared memory of a group.</summary>
    [JsonPropertyName("static_shared_bytes")]
    public int SharedBytes { get; init; }

    /// <summary>Instructions, counted once per warp.</summary>
    public long WarpInstructions { get; init; }

    /// <summary>Floating-point operations outside the matrix units; a fused multiply-add is two.</summary>
    public long Flops { get; init; }

    /// <summary>Floating-point operations of the matrix units.</summary>
    public long MmaFlops { get; init; }

    /// <summary>Sectors of 32 bytes read by all requests.</summary>
    public long GlobalLoadSectors { get; init; }

    /// <summary>Sectors of 32 bytes written by all requests.</summary>
    public long GlobalStoreSectors { get; init; }

    /// <summary>Turns of shared memory that all requests took.</summary>
    public long SharedWavefronts { get; init; }

    /// <summary>Turns beyond the least possible.</summary>
    public long BankConflicts { get; init; }
}

/// <summary>The counters of the CUDA driver emulator, which appends one JSON line per launch to the file that CUDASIM_STATS names.</summary>
public sealed class EmulatorCounters
{
    private const string Variable = "CUDASIM_STATS";

    private static readonly JsonSerializerOptions Names = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private readonly string _file;
    private long _read;

    private EmulatorCounters(string file)
    {
        _file = file;
        _read = File.Exists(file) ? new FileInfo(file).Length : 0;
    }

    /// <summary>Whether a device is the emulator's.</summary>
    public static bool IsEmulated(Device device) => device.Description.StartsWith("cudasim", StringComparison.Ordinal);

    /// <summary>Counts from now on. The emulator asks for the file's name at the first launch of the process, so this comes before it.</summary>
    public static EmulatorCounters Start()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } given) { return new EmulatorCounters(given); }
        var file = Path.Combine(Directory.CreateTempSubdirectory("florence-counters").FullName, "launches.jsonl");
        Environment.SetEnvironmentVariable(Variable, file);
        GpuContext.SetNativeEnvironment(Variable, file, overwrite: 1);
        return new EmulatorCounters(file);
    }

    /// <summary>The launches since the last call, or since the start.</summary>
    public IReadOnlyList<LaunchCounters> Take()
    {
        if (!File.Exists(_file)) { return []; }
        using var stream = new FileStream(_file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        stream.Position = _read;
        var text = new StreamReader(stream).ReadToEnd();
        _read = stream.Position;
        return [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonSerializer.Deserialize<LaunchCounters>(line, Names)!)];
    }
}
