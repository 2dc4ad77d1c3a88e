using System;
using System.IO;
using System.Linq;
using System.Text;
using FlorenceKernels.Checkpoints;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

public sealed class SafeTensorsRefusalTests
{
    private const string X = "\"x\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}";

    [Theory]
    [InlineData("{" + X + "}", 4)]
    [InlineData("{" + X + "}   ", 4)]
    [InlineData("{}", 0)]
    [InlineData("{\"__metadata__\":{\"k\":\"v\"}}", 0)]
    [InlineData("{\"e\":{\"dtype\":\"F64\",\"shape\":[0,4611686018427387904],\"data_offsets\":[4,4]}," + X + "}", 4)]
    [InlineData("{\"a\":{\"shape\":[],\"data_offsets\":[4,8],\"dtype\":\"F32\"}," + X + "}", 8)]
    public void Header_within_the_rules_opens(string json, int dataBytes)
    {
        byte[] file = SafeTensorsSamples.Assemble(json, dataBytes);
        SafeTensorsHeader header = SafeTensorsHeader.Read("f", file, file.Length);
        Assert.Equal(8 + json.Length, header.DataStart);
    }

    [Theory]
    [InlineData(" {" + X + "}", 4, "start with '{'")]
    [InlineData("", 0, "start with '{'")]
    [InlineData("{" + X + "}x", 4, "not valid JSON")]
    [InlineData("{" + X + "," + X + "}", 4, "twice")]
    [InlineData("{" + X + ",\"\\u0078\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[4,4]}}", 4, "twice")]
    [InlineData("{" + X + ",}", 4, "not valid JSON")]
    [InlineData("{" + X, 4, "not valid JSON")]
    [InlineData("{" + X + "}", 3, "truncated")]
    [InlineData("{" + X + "}", 5, "foreign bytes")]
    [InlineData("{}", 1, "foreign bytes")]
    [InlineData("{\"x\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[1,5]}}", 5, "holes or overlap")]
    [InlineData("{" + X + ",\"y\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[3,7]}}", 7, "holes or overlap")]
    [InlineData("{" + X + ",\"y\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", 4, "holes or overlap")]
    [InlineData("{\"x\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,4]}}", 4, "need 16 bytes")]
    [InlineData("{\"x\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,0]}}", 4, "need 4 bytes")]
    [InlineData("{\"x\":{\"dtype\":\"U8\",\"shape\":[-4],\"data_offsets\":[0,4]}}", 4, "whole numbers")]
    [InlineData("{\"x\":{\"dtype\":\"U8\",\"shape\":[4.0],\"data_offsets\":[0,4]}}", 4, "whole numbers")]
    [InlineData("{\"x\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,9223372036854775808]}}", 4, "whole numbers")]
    [InlineData("{\"x\":{\"dtype\":\"U8\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}", 0, "63 bits")]
    [InlineData("{\"x\":{\"dtype\":\"F64\",\"shape\":[2305843009213693952],\"data_offsets\":[0,0]}}", 0, "63 bits")]
    [InlineData("{\"x\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4,4]}}", 4, "more than 2")]
    [InlineData("{\"x\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0]}}", 4, "two data_offsets")]
    [InlineData("{\"x\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,4],\"data_offsets\":[0,4]}}", 4, "more than 8")]
    [InlineData("{\"x\":{\"dtype\":\"Q3\",\"shape\":[4],\"data_offsets\":[0,4]}}", 4, "unsupported dtype 'Q3'")]
    [InlineData("{\"x\":{\"shape\":[4],\"data_offsets\":[0,4]}}", 4, "must have a dtype")]
    [InlineData("{\"x\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", 4, "unknown or repeated")]
    [InlineData("{\"x\":{\"dtype\":\"U8\",\"file\":\"y\",\"shape\":[4],\"data_offsets\":[0,4]}}", 4, "unknown or repeated")]
    [InlineData("{\"x\":[]}", 0, "an object with dtype")]
    [InlineData("{\"__metadata__\":{\"k\":1}}", 0, "must hold a string")]
    [InlineData("{\"__metadata__\":{\"k\":\"1\",\"k\":\"1\"}}", 0, "twice")]
    [InlineData("{\"__metadata__\":{},\"__metadata__\":{}}", 0, "twice")]
    [InlineData("{\"__metadata__\":{\"k\":\"\\ud800\"}}", 0, "not Unicode")]
    [InlineData("{\"__metadata__\":{\"crc32c:x\":\"00000000\"}," + X + "}", 4, "checksum without")]
    [InlineData("{\"__metadata__\":{\"crc32c\":\"00000000\"}," + X + "}", 4, "no checksum")]
    [InlineData("{\"__metadata__\":{\"crc32c\":\"0000000G\"}}", 0, "hexadecimal")]
    [InlineData("{\"__metadata__\":{\"crc32c\":\"00000001\"}}", 0, "header's CRC-32C")]
    public void Header_that_breaks_a_rule_is_refused_in_one_sentence(string json, int dataBytes, string reason)
    {
        byte[] file = SafeTensorsSamples.Assemble(json, dataBytes);
        var e = Assert.Throws<CheckpointException>(() => SafeTensorsHeader.Read("weights.safetensors", file, file.Length));
        Assert.Contains(reason, e.Message, StringComparison.Ordinal);
        Assert.Contains("weights.safetensors", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', e.Message);
    }

    [Fact]
    public void Header_limits_on_length_names_and_count_hold()
    {
        byte[] huge = SafeTensorsSamples.Assemble("{}", 0);
        BitConverter.TryWriteBytes(huge, 100_000_001L);
        Assert.Equal(100_000_000, Refuse(huge, 200_000_000).Limit);
        BitConverter.TryWriteBytes(huge, ulong.MaxValue);
        Assert.Equal(100_000_000, Refuse(huge, long.MaxValue).Limit);
        BitConverter.TryWriteBytes(huge, 3L);
        Assert.Contains("truncated", Refuse(huge, huge.Length).Message, StringComparison.Ordinal);
        const string empty = ":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}";
        byte[] longest = SafeTensorsSamples.Assemble($"{{\"{new string('n', 1024)}\"{empty}}}", 0);
        Assert.Single(SafeTensorsHeader.Read("f", longest, longest.Length).Entries);
        Assert.Equal(1024, Refuse(SafeTensorsSamples.Assemble($"{{\"{new string('n', 1025)}\"{empty}}}", 0)).Limit);
        Assert.Equal(1024, Refuse(SafeTensorsSamples.Assemble($"{{\"{new string('n', 1 << 20)}\"{empty}}}", 0)).Limit);
        string many = string.Join(',', Enumerable.Range(0, 1_000_001).Select(i => $"\"{i:x}\"{empty}"));
        Assert.Equal(1_000_000, Refuse(SafeTensorsSamples.Assemble($"{{{many}}}", 0)).Limit);
        byte[] notText = SafeTensorsSamples.Assemble("{\"__metadata__\":{\"k\":\"?\"}}", 0);
        notText[Array.IndexOf(notText, (byte)'?')] = 0xFF;
        Assert.Contains("UTF-8", Refuse(notText).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("model.pt", "504b0304140000080800")]                    // zip, torch 1.6 and later
    [InlineData("weights.safetensors", "80028a0a6cfc9c46f9206aa8501900")] // torch's old magic number, under a false name
    [InlineData("a\"b.bin", "28647000")]                                // protocol 0 has no signature
    [InlineData("model.ckpt", "")]
    public void Pickle_is_refused_with_the_python_that_converts_it(string name, string hex)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder[name], Convert.FromHexString(hex));
        var e = Assert.Throws<CheckpointException>(() => SafeTensorsReader.Open(folder[name]));
        string[] lines = e.Message.Split('\n');
        Assert.Equal(3, lines.Length);
        Assert.Equal("import torch; from safetensors.torch import save_file", lines[1]);
        Assert.Contains($"torch.load(\"{name.Replace("\"", "\\\"", StringComparison.Ordinal)}\"", lines[2],
            StringComparison.Ordinal);
        Assert.Contains("weights_only=True", lines[2], StringComparison.Ordinal);
    }

    [Fact]
    public void Open_of_what_is_no_file_is_refused_and_a_pickle_name_with_good_content_is_not()
    {
        using var folder = new TemporaryFolder();
        Assert.Throws<CheckpointException>(() => SafeTensorsReader.Open(folder["absent.safetensors"]));
        Assert.Throws<CheckpointException>(() => SafeTensorsReader.Open(folder.Path));
        File.WriteAllBytes(folder["short"], [1, 2, 3]);
        Assert.Throws<CheckpointException>(() => SafeTensorsReader.Open(folder["short"]));
        // A header of 0x280 bytes starts like a pickle of protocol 2.
        File.WriteAllBytes(folder["good.bin"], SafeTensorsSamples.Assemble("{}" + new string(' ', 0x27E), 0));
        using SafeTensorsReader reader = SafeTensorsReader.Open(folder["good.bin"]);
        Assert.Empty(reader.Entries);
    }

    [Fact]
    public void Message_with_a_hostile_key_is_short_and_printable()
    {
        string json = $"{{\"\\u001b[2J{new string('k', 900)}\":[]}}";
        var e = Refuse(SafeTensorsSamples.Assemble(json, 0));
        Assert.DoesNotContain('\u001b', e.Message);
        Assert.True(Encoding.UTF8.GetByteCount(e.Message) < 300);
    }

    private static CheckpointException Refuse(byte[] file, long? length = null) =>
        Assert.Throws<CheckpointException>(() => SafeTensorsHeader.Read("f", file, length ?? file.Length));
}
