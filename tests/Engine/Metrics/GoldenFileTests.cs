using System;
using System.Buffers.Binary;
using System.IO;
using System.Text;
using System.Text.Json;
using FlorenceKernels.Testing;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

public sealed class GoldenFileTests
{
    private static GoldenFile Sample(string tolerance)
    {
        const string Tensors =
            """
            "out.y": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
            "out.ids": {"dtype": "I32", "shape": [2], "data_offsets": [8, 16]}
            """;
        var metadata = JsonSerializer.Serialize(new { config = """{"kind":"x"}""", tolerance });
        var header = Encoding.UTF8.GetBytes($"{{{Tensors}, \"__metadata__\": {metadata}}}");
        var file = new byte[8 + header.Length + 16];
        BinaryPrimitives.WriteInt64LittleEndian(file, header.Length);
        header.CopyTo(file, 8);
        var data = file.AsSpan(8 + header.Length);
        BinaryPrimitives.WriteSingleLittleEndian(data, 4);
        BinaryPrimitives.WriteSingleLittleEndian(data[4..], -8);
        BinaryPrimitives.WriteInt32LittleEndian(data[8..], -5);
        BinaryPrimitives.WriteInt32LittleEndian(data[12..], 6);
        var path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, file);
            return GoldenFile.Open(path);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void The_rule_scales_the_tolerance_by_the_largest_reference()
    {
        var golden = Sample("""{"out":0.01}""");
        Assert.True(golden.Compare("out.y", new float[] { 4.07f, -8 }).Agrees);
        Assert.False(golden.Compare("out.y", new float[] { 4.09f, -8 }).Agrees);
        Assert.False(golden.Compare("out.y", new float[] { 4, float.NaN }).Agrees);
        Assert.False(golden.Compare("out.y", new float[] { 4, -8, 0 }).Agrees);
        Assert.True(golden.Compare("out.ids", [-5L, 6]).Agrees);
        Assert.False(golden.Compare("out.ids", [-5L, 7]).Agrees);
        Assert.Equal("x", golden.Config.GetProperty("kind").GetString());
    }

    [Fact]
    public void The_nearest_tolerance_wins()
    {
        Assert.Equal(0.5, Sample("""{"out":0.01,"y":0.1,"overrides":{"out.y":0.5}}""").ToleranceOf("out.y"));
        Assert.Equal(0.1, Sample("""{"out":0.01,"y":0.1,"overrides":{"out.z":0.5}}""").ToleranceOf("out.y"));
        Assert.Equal(0, Sample("""{"out":"exact"}""").ToleranceOf("out.y"));
        Assert.Throws<InvalidDataException>(() => Sample("""{"grad":0.01}""").ToleranceOf("out.y"));
    }
}
