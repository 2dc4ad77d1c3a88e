using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Text.Json;
using FlorenceKernels.Checkpoints;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

public sealed class SafeTensorsTests
{
    [Theory]
    [InlineData("", 0x00000000u)]
    [InlineData("313233343536373839", 0xE3069283u)]   // the customary check value
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000", 0x8A9136AAu)]   // RFC 3720 B.4
    [InlineData("ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", 0x62A8AB43u)]   // RFC 3720 B.4
    [InlineData("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", 0x46DD794Eu)]   // RFC 3720 B.4
    public void Crc32C_published_vectors_match(string hex, uint expected)
    {
        byte[] bytes = Convert.FromHexString(hex);
        Assert.Equal(expected, Crc32C.Compute(bytes));
        for (int cut = 0; cut <= bytes.Length; cut++)
            Assert.Equal(expected, Crc32C.Append(Crc32C.Compute(bytes.AsSpan(0, cut)), bytes.AsSpan(cut)));
    }

    [Fact]
    public void RoundTrip_every_dtype_returns_the_same_bytes()
    {
        using var folder = new TemporaryFolder();
        List<SafeTensorsEntry> entries = SafeTensorsSamples.Entries();
        SafeTensorsSamples.Write(folder["a.safetensors"], entries, SafeTensorsSamples.Metadata);
        using SafeTensorsReader reader = SafeTensorsReader.Open(folder["a.safetensors"]);
        Assert.True(reader.HasChecksums);
        Assert.Equal(entries.Count, reader.Entries.Count);
        Assert.Equal(SafeTensorsSamples.Metadata.OrderBy(p => p.Key, StringComparer.Ordinal), reader.Metadata);
        foreach (SafeTensorsEntry entry in entries)
        {
            Assert.Equal(entry.DType, reader.Entry(entry.Name).DType);
            Assert.Equal(entry.Shape, reader.Entry(entry.Name).Shape);
            Assert.Equal(SafeTensorsSamples.Content(entry), reader.Bytes(entry.Name).ToArray());
        }
        Assert.Equal(["a.safetensors"], folder.Names());
    }

    [Fact]
    public void RoundTrip_typed_values_are_equal_and_wrong_types_are_refused()
    {
        using var folder = new TemporaryFolder();
        double[] doubles = [Math.PI, double.NaN, -0.0];
        Half[] halves = [(Half)1.5, Half.NegativeInfinity];
        using (var writer = SafeTensorsWriter.Create(folder["a"],
            [new("d", SafeTensorsDType.F64, 3), new("h", SafeTensorsDType.F16, 2),
            new("l", SafeTensorsDType.I64, 1), new("s", SafeTensorsDType.I8, 2), new("b", SafeTensorsDType.BF16, 1)]))
        {
            writer.Write<sbyte>("s", [-1]);
            writer.Write<double>("d", doubles);
            writer.Write<long>("l", [long.MinValue]);
            writer.Write<Half>("h", halves);
            writer.Write<sbyte>("s", [127]);
            writer.Write<ushort>("b", [0x3F80]);
            Assert.Throws<ArgumentException>(() => writer.Write<float>("d", [1f]));
            Assert.Throws<ArgumentException>(() => writer.Write<sbyte>("s", [1]));
            Assert.Throws<ArgumentException>(() => writer.Write<sbyte>("absent", [1]));
            writer.Commit();
        }
        using SafeTensorsReader reader = SafeTensorsReader.Open(folder["a"]);
        Assert.Equal(doubles, reader.Values<double>("d").ToArray());
        Assert.Equal(halves, reader.Values<Half>("h").ToArray());
        Assert.Equal([long.MinValue], reader.Values<long>("l").ToArray());
        Assert.Equal([(sbyte)-1, (sbyte)127], reader.Values<sbyte>("s").ToArray());
        Assert.Equal([(ushort)0x3F80], reader.Values<ushort>("b").ToArray());
        Assert.Contains("F64", Assert.Throws<CheckpointException>(() => reader.Values<float>("d").Length).Message,
            StringComparison.Ordinal);
        Assert.Equal("x", Assert.Throws<CheckpointException>(() => reader.Bytes("x").Length).Key);
        reader.Dispose();
        Assert.Throws<ObjectDisposedException>(() => reader.Bytes("d").Length);
    }

    [Fact]
    public void Writer_any_order_of_declaration_and_parts_gives_equal_bytes()
    {
        using var folder = new TemporaryFolder();
        List<SafeTensorsEntry> entries = SafeTensorsSamples.Entries();
        SafeTensorsSamples.Write(folder["a"], entries, SafeTensorsSamples.Metadata);
        var random = new Random(7);
        SafeTensorsEntry[] shuffled = [.. entries];
        random.Shuffle(shuffled);
        using (var writer = SafeTensorsWriter.Create(folder["b"], shuffled, SafeTensorsSamples.Metadata.Reverse().ToDictionary()))
        {
            var parts = shuffled.SelectMany(e => SafeTensorsSamples.Content(e).Chunk(3).Select(part => (e.Name, part))).ToArray();
            foreach ((string name, byte[] part) in parts.OrderBy(p => p.Name, StringComparer.Ordinal)) writer.Write(name, part);
            writer.Commit();
        }
        Assert.Equal(File.ReadAllBytes(folder["a"]), File.ReadAllBytes(folder["b"]));
    }

    [Fact]
    public void Writer_layout_is_aligned_and_plain_json()
    {
        using var folder = new TemporaryFolder();
        SafeTensorsSamples.Write(folder["a"], SafeTensorsSamples.Entries());
        byte[] file = File.ReadAllBytes(folder["a"]);
        int length = (int)BitConverter.ToInt64(file);
        Assert.Equal(0, (8 + length) % 64);
        using JsonDocument json = JsonDocument.Parse(Encoding.UTF8.GetString(file, 8, length));
        foreach (SafeTensorsEntry entry in SafeTensorsSamples.Entries())
        {
            JsonElement tensor = json.RootElement.GetProperty(entry.Name);
            long begin = tensor.GetProperty("data_offsets")[0].GetInt64(), end = tensor.GetProperty("data_offsets")[1].GetInt64();
            Assert.Equal(SafeTensorsSamples.Content(entry), file[(int)(8 + length + begin)..(int)(8 + length + end)]);
            Assert.Equal(0, begin % Math.Max(1, entry.ByteCount / Math.Max(1, entry.ElementCount)));
            string crc = json.RootElement.GetProperty("__metadata__").GetProperty("crc32c:" + entry.Name).GetString()!;
            Assert.Equal($"{Crc32C.Compute(SafeTensorsSamples.Content(entry)):x8}", crc);
        }
    }

    [Fact]
    public void Writer_incomplete_or_over_limits_is_refused_and_leaves_nothing()
    {
        using var folder = new TemporaryFolder();
        using (var writer = SafeTensorsWriter.Create(folder["a"], [new("x", SafeTensorsDType.F32, 2)]))
        {
            writer.Write<float>("x", [1f]);
            Assert.Throws<InvalidOperationException>(writer.Commit);
        }
        var x = new SafeTensorsEntry("x", SafeTensorsDType.U8, 1);
        (SafeTensorsEntry[] Entries, Dictionary<string, string>? Metadata)[] refused =
        [
            ([x, x], null), ([new(new string('é', 513), SafeTensorsDType.U8)], null),
            ([new("__metadata__", SafeTensorsDType.U8)], null),
            ([new("r", SafeTensorsDType.U8, 1, 1, 1, 1, 1, 1, 1, 1, 1)], null), ([x], new() { ["crc32c:x"] = "0" }),
            ([x], new() { ["half"] = "\ud83c" }), ([new("\udf38", SafeTensorsDType.U8)], null),
            ([new("p", SafeTensorsDType.U8, long.MaxValue / 2), new("q", SafeTensorsDType.U8, long.MaxValue / 2)], null),
        ];
        foreach ((SafeTensorsEntry[] entries, Dictionary<string, string>? metadata) in refused)
            Assert.Throws<CheckpointException>(() => SafeTensorsWriter.Create(folder["a"], entries, metadata));
        Assert.Throws<ArgumentException>(() => new SafeTensorsEntry("n", SafeTensorsDType.F32, -1));
        Assert.Throws<ArgumentException>(() => new SafeTensorsEntry("n", SafeTensorsDType.F32, 1L << 31, 1L << 31));
        Assert.Empty(folder.Names());
    }

    [Fact]
    public void Golden_every_file_opens_and_every_tensor_is_readable()
    {
        string? golden = SafeTensorsSamples.GoldenFolder();
        if (golden is null) Assert.Skip("No golden folder: set FLORENCE_GOLDEN or place shared/golden above the repository.");
        string[] files = Directory.GetFiles(golden, "*.safetensors", SearchOption.AllDirectories);
        Assert.NotEmpty(files);
        long bytes = 0;
        foreach (string file in files)
        {
            using SafeTensorsReader reader = SafeTensorsReader.Open(file);
            Assert.False(reader.HasChecksums);
            Assert.NotEmpty(reader.Entries);
            foreach (SafeTensorsEntry entry in reader.Entries) bytes += reader.Bytes(entry.Name).Length;
            Assert.Equal(new FileInfo(file).Length, bytes + 8 + HeaderLength(file));
            bytes = 0;
        }
    }

    private static long HeaderLength(string file)
    {
        using FileStream stream = File.OpenRead(file);
        byte[] length = new byte[8];
        stream.ReadExactly(length);
        return BitConverter.ToInt64(length);
    }
}
