using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using FlorenceKernels.Checkpoints;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Verification;

/// <summary>One reference case: inputs, weights, outputs, cotangents and gradients that the original authors' code computed, as a
/// safetensors file whose metadata names the kind of test and its settings.</summary>
public sealed class GoldenCase : IDisposable
{
    private readonly SafeTensorsReader _file;
    private readonly JsonElement _tolerance;

    /// <summary>Opens a case.</summary>
    public GoldenCase(string path)
    {
        _file = SafeTensorsReader.Open(path);
        Name = $"{Path.GetFileName(Path.GetDirectoryName(path))}/{Path.GetFileNameWithoutExtension(path)}";
        Config = Json("config");
        _tolerance = Json("tolerance");
        Kind = Config.TryGetProperty("kind", out var kind) ? kind.GetString() ?? "" : "";
    }

    /// <summary>Group and file name.</summary>
    public string Name { get; }

    /// <summary>The test harness the case asks for.</summary>
    public string Kind { get; }

    /// <summary>All settings of the case.</summary>
    public JsonElement Config { get; }

    /// <summary>Names of the tensors under a prefix, without it: <c>Names("param.")</c>.</summary>
    public IEnumerable<string> Names(string prefix) =>
        _file.Entries.Select(e => e.Name).Where(n => n.StartsWith(prefix, StringComparison.Ordinal)).Select(n => n[prefix.Length..]).Order(StringComparer.Ordinal);

    /// <summary>True when the file has this tensor.</summary>
    public bool Has(string name) => _file.Contains(name);

    /// <summary>Sizes of a tensor.</summary>
    public Shape Shape(string name) => _file.Entry(name).Shape.Select(s => (int)s).ToArray();

    /// <summary>True when a tensor holds floating numbers.</summary>
    public bool IsFloat(string name) => _file.Entry(name).DType is SafeTensorsDType.F32 or SafeTensorsDType.F64;

    /// <summary>A tensor's values.</summary>
    public double[] Values(string name) => _file.Entry(name).DType switch
    {
        SafeTensorsDType.F32 => [.. _file.Values<float>(name).ToArray().Select(v => (double)v)],
        SafeTensorsDType.F64 => _file.Values<double>(name).ToArray(),
        SafeTensorsDType.I64 => [.. _file.Values<long>(name).ToArray().Select(v => (double)v)],
        SafeTensorsDType.I32 => [.. _file.Values<int>(name).ToArray().Select(v => (double)v)],
        SafeTensorsDType.U8 => [.. _file.Values<byte>(name).ToArray().Select(v => (double)v)],
        var other => throw new FlorenceException($"{Name}: {name} is {other}, which golden files do not hold"),
    };

    /// <summary>Raw bytes of a U8 tensor.</summary>
    public byte[] Bytes(string name) => _file.Values<byte>(name).ToArray();

    /// <summary>A tensor on a device: floats in <paramref name="dtype"/>, integers as i64.</summary>
    public Tensor Tensor(string name, Device device, DType dtype) => IsFloat(name)
        ? Tensors.Tensor.FromDoubles(Values(name), Shape(name), dtype, device)
        : Tensors.Tensor.From([.. Values(name).Select(v => (long)v)], Shape(name), device);

    /// <summary>A 0/1 tensor as bool.</summary>
    public Tensor Mask(string name, Device device) => Tensors.Tensor.From([.. Values(name).Select(v => v != 0)], Shape(name), device);

    /// <summary>Allowed error of a key relative to the reference's largest magnitude: the nearest of override, tensor name, group; 0 where values must be equal.</summary>
    public double Tolerance(string key)
    {
        if (_tolerance.ValueKind == JsonValueKind.Number) { return _tolerance.GetDouble(); }
        if (_tolerance.TryGetProperty("overrides", out var overrides) && overrides.TryGetProperty(key, out var special)) { return special.GetDouble(); }
        var (group, rest) = key.Split('.', 2) is [var g, var r] ? (g, r) : (key, "");
        foreach (var name in (string[])[rest, rest.TrimEnd("0123456789".ToCharArray()), group])
        {
            if (_tolerance.TryGetProperty(name, out var value)) { return value.ValueKind == JsonValueKind.Number ? value.GetDouble() : 0; }
        }

        throw new FlorenceException($"{Name}: the file gives no tolerance for {key}");
    }

    /// <summary>A named limit of cases that have their own (training trajectories).</summary>
    public double Limit(string name) => _tolerance.GetProperty(name).GetDouble();

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private JsonElement Json(string key)
    {
        if (!_file.Metadata.TryGetValue(key, out var text)) { return default; }
        try { return JsonDocument.Parse(text).RootElement; }
        catch (JsonException) { return default; }
    }
}
