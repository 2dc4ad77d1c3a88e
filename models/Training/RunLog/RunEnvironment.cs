using System;
using System.Collections.Generic;
using System.IO;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Text.Json.Nodes;

namespace FlorenceKernels.Training;

/// <summary>What one needs to know about the machine and the programs to run an experiment again.</summary>
internal static class RunEnvironment
{
    public static JsonObject Describe(string device, IReadOnlyDictionary<string, string>? facts, DateTimeOffset now)
    {
        var description = new JsonObject
        {
            ["time"] = now.UtcDateTime.ToString("O"),
            ["machine"] = Environment.MachineName,
            ["os"] = RuntimeInformation.OSDescription,
            ["architecture"] = RuntimeInformation.ProcessArchitecture.ToString(),
            ["device"] = device,
            ["cpu"] = new JsonObject
            {
                ["model"] = CpuModel(),
                ["threads"] = Environment.ProcessorCount,
                ["vectorBits"] = VectorBits(),
            },
            ["memoryBytes"] = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
            ["versions"] = Versions(),
        };
        foreach ((string name, string value) in facts ?? new Dictionary<string, string>()) description[name] = value;
        return description;
    }

    private static int VectorBits() =>
        Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : Vector128.IsHardwareAccelerated ? 128
            : 64;

    private static string CpuModel()
    {
        const string info = "/proc/cpuinfo";
        if (!File.Exists(info)) return Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER") ?? "unknown";
        foreach (string line in File.ReadLines(info))
            if (line.StartsWith("model name", StringComparison.Ordinal)) return line[(line.IndexOf(':') + 1)..].Trim();
        return "unknown";
    }

    private static JsonObject Versions()
    {
        var versions = new SortedDictionary<string,
            string>(StringComparer.Ordinal)
        { [".NET"] = RuntimeInformation.FrameworkDescription };
        foreach (Assembly assembly in AppDomain.CurrentDomain.GetAssemblies())
        {
            string name = assembly.GetName().Name ?? "";
            bool isPlatform = name is "mscorlib" or "netstandard" || name.StartsWith("System.", StringComparison.Ordinal);
            string? version = assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion;
            if (!isPlatform && !assembly.IsDynamic && version is not null) versions[name] = version;
        }
        var described = new JsonObject();
        foreach ((string name, string version) in versions) described[name] = version;
        return described;
    }
}
