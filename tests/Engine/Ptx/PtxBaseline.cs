using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using FlorenceKernels.Testing;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

/// <summary>The counts that kernels had when someone last looked: <c>benchmarks/baselines/ptx.json</c>, one line per kernel, sorted.</summary>
internal sealed class PtxBaseline
{
    private const string Path = "benchmarks/baselines/ptx.json";
    private const string Write = "FLORENCE_WRITE_BASELINES=1 dotnet tests/Engine/bin/Release/net10.0/FlorenceKernels.Tests.Engine.dll "
        + "-class '*PtxBaselineTests'";

    private readonly SortedDictionary<string, JsonObject> _kernels = new(StringComparer.Ordinal);

    private PtxBaseline(string? ptxas) => Ptxas = ptxas;

    /// <summary>Whether this run writes baselines instead of comparing with them.</summary>
    public static bool IsWriting => Environment.GetEnvironmentVariable("FLORENCE_WRITE_BASELINES") == "1";

    /// <summary>Version of the assembler that gave the counts of machine code; null when there are none.</summary>
    public string? Ptxas { get; }

    private static string File => System.IO.Path.Combine(SourceTree.Root!, Path);

    /// <summary>The baselines of the repository.</summary>
    public static PtxBaseline Read()
    {
        Assert.SkipWhen(SourceTree.Root is null, "the baselines lie with the sources, which are not above this program");
        if (!System.IO.File.Exists(File)) { return IsWriting ? new PtxBaseline(null) : throw new FileNotFoundException($"{Path} is missing; write it with: {Write}"); }
        var root = JsonNode.Parse(System.IO.File.ReadAllText(File))!.AsObject();
        var read = new PtxBaseline(root["ptxas"]?.GetValue<string>());
        foreach (var (name, kernel) in root["kernels"]!.AsObject()) { read._kernels[name] = kernel!.AsObject(); }
        return read;
    }

    /// <summary>Writes the counts of all kernels by part: <c>ptx</c>, <c>sm_80</c> …; parts not given stay as they are.</summary>
    public void Save(string? ptxas, IReadOnlyDictionary<string, IReadOnlyDictionary<string, IReadOnlyDictionary<string, int>>> parts)
    {
        var names = parts["ptx"].Keys.Order(StringComparer.Ordinal).ToArray();
        var lines = names.Select(name =>
        {
            var old = _kernels.GetValueOrDefault(name) ?? [];
            var all = old.Select(p => p.Key).Concat(parts.Keys).Distinct().Order(StringComparer.Ordinal);
            var kernel = all.Select(part => KeyValuePair.Create<string, JsonNode?>(part, parts.TryGetValue(part, out var counted)
                ? new JsonObject(counted[name].Select(c => KeyValuePair.Create<string, JsonNode?>(c.Key, c.Value))) : old[part]!.DeepClone()));
            return $"    {Text(name)}: {new JsonObject(kernel).ToJsonString()}";
        });
        var text = new StringBuilder().Append("{\n  \"ptx\": \"ILGPU 1.5.3, O2, sm_80, ISA 8.0\",\n")
            .Append($"  \"ptxas\": {Text(ptxas ?? Ptxas)},\n  \"kernels\": {{\n").AppendJoin(",\n", lines).Append("\n  }\n}\n");
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(File)!);
        System.IO.File.WriteAllText(File, text.ToString());
    }

    /// <summary>Fails with one line per kernel that is new, gone or changed.</summary>
    public void Compare(string part, IReadOnlyDictionary<string, IReadOnlyDictionary<string, int>> counts, bool isComplete)
    {
        var faults = counts.Select(k => Difference(k.Key, part, k.Value)).OfType<string>().ToList();
        if (isComplete) { faults.AddRange(_kernels.Keys.Where(k => !counts.ContainsKey(k)).Select(k => $"{k} is gone")); }
        if (faults.Count > 0) { faults.Add($"{faults.Count} kernels differ from {Path}; if that is meant, write the new baseline with: {Write}"); }
        Faults.None(faults);
    }

    private static string Text(string? value) => value is null ? "null" : $"\"{JsonEncodedText.Encode(value, System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"";

    private string? Difference(string name, string part, IReadOnlyDictionary<string, int> counts)
    {
        if (!_kernels.TryGetValue(name, out var kernel) || kernel[part] is not JsonObject known) { return $"{name} is new in {part}"; }
        var changes = counts.Where(c => known[c.Key]?.GetValue<int>() != c.Value).Select(c => $"{c.Key} {known[c.Key]?.ToString() ?? "none"} -> {c.Value}").ToArray();
        return changes.Length == 0 ? null : $"{name} in {part}: {string.Join(", ", changes)}";
    }
}
