using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace FlorenceKernels.Testing;

/// <summary>Outcome of comparing one tensor with its reference.</summary>
/// <param name="Name">Tensor.</param>
/// <param name="MaxError">Largest absolute difference; NaN where a value is NaN, infinity where the lengths differ.</param>
/// <param name="Allowed">tolerance · max(max|reference|, 1e-3), or 0 where values must be equal.</param>
/// <param name="WorstIndex">Where the largest difference is.</param>
public sealed record GoldenComparison(string Name, double MaxError, double Allowed, int WorstIndex)
{
    /// <summary>Whether the tensor agrees.</summary>
    public bool Agrees => MaxError <= Allowed;

    /// <inheritdoc/>
    public override string ToString() =>
        $"{Name}: largest difference {MaxError:g3} at {WorstIndex}, allowed {Allowed:g3}: {(Agrees ? "agrees" : "DIFFERS")}";
}

/// <summary>One golden case: a safetensors file read on its own few lines, so that a fault in the engine's reader cannot hide in
/// its own proof.</summary>
public sealed class GoldenFile
{
    private const double SmallestScale = 1e-3;

    private sealed record Entry(string DType, int[] Shape, ReadOnlyMemory<byte> Bytes);

    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);
    private readonly JsonElement _tolerance;

    private GoldenFile(string path)
    {
        var file = File.ReadAllBytes(path);
        var headerLength = checked((int)BinaryPrimitives.ReadInt64LittleEndian(file));
        var data = file.AsMemory(8 + headerLength);
        using var header = JsonDocument.Parse(file.AsMemory(8, headerLength));
        foreach (var item in header.RootElement.EnumerateObject())
        {
            if (item.Name == "__metadata__")
            {
                Metadata = item.Value.EnumerateObject().ToDictionary(m => m.Name, m => m.Value.GetString() ?? "");
                continue;
            }
            var offsets = item.Value.GetProperty("data_offsets");
            int begin = offsets[0].GetInt32(), end = offsets[1].GetInt32();
            int[] shape = [.. item.Value.GetProperty("shape").EnumerateArray().Select(n => n.GetInt32())];
            _entries[item.Name] = new Entry(item.Value.GetProperty("dtype").GetString()!, shape, data[begin..end]);
        }
        Name = Path.GetFileNameWithoutExtension(path);
        Config = Json("config");
        _tolerance = Json("tolerance");
    }

    /// <summary>File name without its ending.</summary>
    public string Name { get; }

    /// <summary>All hyper-parameters; <c>kind</c> names the harness.</summary>
    public JsonElement Config { get; }

    /// <summary>The metadata as written: config, source, tolerance, note, what.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; } = new Dictionary<string, string>();

    /// <summary>Names of all tensors.</summary>
    public IReadOnlyCollection<string> Names => _entries.Keys;

    /// <summary>Reads a case.</summary>
    public static GoldenFile Open(string path) => new(path);

    /// <summary>Whether the case has this tensor.</summary>
    public bool Has(string name) => _entries.ContainsKey(name);

    /// <summary>Sizes of a tensor.</summary>
    public int[] Shape(string name) => Find(name).Shape;

    /// <summary>Stored type: F32, F64, I64, I32 or U8.</summary>
    public string DType(string name) => Find(name).DType;

    /// <summary>Values of a U8 tensor.</summary>
    public byte[] Bytes(string name) => Stored(name, "U8").ToArray();

    /// <summary>Values of an F32 tensor.</summary>
    public float[] Floats(string name) => MemoryMarshal.Cast<byte, float>(Stored(name, "F32")).ToArray();

    /// <summary>Values of any tensor, widened.</summary>
    public double[] Doubles(string name) => Find(name) switch
    {
        { DType: "F64" } e => MemoryMarshal.Cast<byte, double>(e.Bytes.Span).ToArray(),
        { DType: "F32" } => Array.ConvertAll(Floats(name), v => (double)v),
        _ => Array.ConvertAll(Longs(name), v => (double)v),
    };

    /// <summary>Values of an integer tensor, widened.</summary>
    public long[] Longs(string name) => Find(name) switch
    {
        { DType: "I64" } e => MemoryMarshal.Cast<byte, long>(e.Bytes.Span).ToArray(),
        { DType: "I32" } e => Array.ConvertAll(MemoryMarshal.Cast<byte, int>(e.Bytes.Span).ToArray(), v => (long)v),
        _ => Array.ConvertAll(Bytes(name), v => (long)v),
    };

    /// <summary>The only value of a scalar.</summary>
    public double Scalar(string name) =>
        Doubles(name) is [var value] ? value : throw new InvalidDataException($"{Name}: {name} is no scalar");

    /// <summary>Relative tolerance of a tensor: its override, else the one of its own name (also without a final number), else
    /// that of its group (out, grad). 0 means equal.</summary>
    public double ToleranceOf(string name)
    {
        if (Find(name).DType is not ("F32" or "F64")) return 0;
        if (_tolerance.TryGetProperty("overrides", out var overrides) && overrides.TryGetProperty(name, out var own))
            return Number(own);
        var (group, rest) = name.Split('.', 2) is [var g, var r] ? (g, r) : (name, "");
        foreach (var key in (string[])[rest, rest.TrimEnd("0123456789".ToCharArray()), group])
            if (_tolerance.TryGetProperty(key, out var value)) return Number(value);
        throw new InvalidDataException($"{Name}: no tolerance is given for {name}");
    }

    /// <summary>Compares by the rule of the reference set: max|t − r| ≤ tolerance · max(max|r|, 1e-3); integers must be
    /// equal.</summary>
    public GoldenComparison Compare(string name, ReadOnlySpan<double> actual)
    {
        var expected = Doubles(name);
        var scale = SmallestScale;
        foreach (var value in expected) scale = Math.Max(scale, Math.Abs(value));
        var allowed = ToleranceOf(name) * scale;
        if (actual.Length != expected.Length) return new GoldenComparison(name, double.PositiveInfinity, allowed, 0);
        var (worst, at) = (0.0, 0);
        for (var i = 0; i < expected.Length; i++)
        {
            var error = actual[i] == expected[i] ? 0 : Math.Abs(actual[i] - expected[i]);   // equal infinities agree
            if (error <= worst) continue;
            (worst, at) = (error, i);   // NaN passes the test above and is never replaced
            if (double.IsNaN(error)) break;
        }
        return new GoldenComparison(name, worst, allowed, at);
    }

    /// <summary>As <see cref="Compare(string, ReadOnlySpan{double})"/>.</summary>
    public GoldenComparison Compare(string name, float[] actual) => Compare(name, Array.ConvertAll(actual, v => (double)v));

    /// <summary>As <see cref="Compare(string, ReadOnlySpan{double})"/>.</summary>
    public GoldenComparison Compare(string name, long[] actual) => Compare(name, Array.ConvertAll(actual, v => (double)v));

    /// <summary>As <see cref="Compare(string, ReadOnlySpan{double})"/>.</summary>
    public GoldenComparison Compare(string name, byte[] actual) => Compare(name, Array.ConvertAll(actual, v => (double)v));

    /// <summary>As <see cref="Compare(string, ReadOnlySpan{double})"/>, for a scalar.</summary>
    public GoldenComparison Compare(string name, double actual) => Compare(name, [actual]);

    private static double Number(JsonElement value) =>
        value.ValueKind == JsonValueKind.Number ? value.GetDouble() : 0;   // "exact …"

    private ReadOnlySpan<byte> Stored(string name, string dtype)
    {
        var entry = Find(name);
        return entry.DType == dtype ? entry.Bytes.Span
            : throw new InvalidDataException($"{Name}: {name} is {entry.DType}, but {dtype} was asked for");
    }

    private Entry Find(string name) => _entries.TryGetValue(name, out var entry) ? entry
        : throw new KeyNotFoundException($"{Name}: no tensor '{name}'; the file has {string.Join(", ", _entries.Keys)}");

    private JsonElement Json(string key)
    {
        using var document = JsonDocument.Parse(Metadata.TryGetValue(key, out var text) ? text : "{}");
        return document.RootElement.Clone();
    }
}
