using System;
using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace FlorenceKernels.Checkpoints;

/// <summary>Where each tensor of a new file goes, and the header that says so.</summary>
internal sealed class SafeTensorsLayout
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private readonly string _file;
    private readonly SortedDictionary<string, string> _metadata = new(StringComparer.Ordinal);

    public SafeTensorsLayout(string file, IEnumerable<SafeTensorsEntry> tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        _file = file;
        var sorted = new List<SafeTensorsEntry>(tensors);
        sorted.Sort(static (a, b) =>
        {
            // Empty ones first: they share a start, as readers sort them.
            int order = (a.ByteCount != 0).CompareTo(b.ByteCount != 0);
            if (order == 0 && a.ByteCount != 0) order = b.DType.ByteSize().CompareTo(a.DType.ByteSize());
            return order != 0 ? order : string.CompareOrdinal(a.Name, b.Name);
        });
        if (sorted.Count > SafeTensorsLimits.Tensors)
            throw new CheckpointException(file, $"{sorted.Count} tensors are over the limit of "
                + $"{SafeTensorsLimits.Tensors}.", limit: SafeTensorsLimits.Tensors);
        foreach (SafeTensorsEntry entry in sorted) Add(entry);
        foreach ((string key, string value) in metadata ?? new Dictionary<string, string>()) AddMetadata(key, value);
    }

    /// <summary>Tensors by position in the file.</summary>
    public List<SafeTensorsEntry> Entries { get; } = [];

    public Dictionary<string, SafeTensorsEntry> ByName { get; } = new(StringComparer.Ordinal);

    public long DataBytes { get; private set; }

    /// <summary>Length prefix and JSON. Its size does not depend on the checksums, so it can be written before and after the
    /// data.</summary>
    public byte[] HeaderBytes()
    {
        var buffer = new ArrayBufferWriter<byte>();
        buffer.Advance(WriteLength(buffer.GetSpan(8), 0));
        using (var json = new Utf8JsonWriter(buffer,
            new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
            WriteJson(json);
        int padding = -buffer.WrittenCount & (SafeTensorsLimits.DataAlignment - 1);
        buffer.GetSpan(padding)[..padding].Fill((byte)' ');
        buffer.Advance(padding);
        byte[] bytes = buffer.WrittenSpan.ToArray();
        if (bytes.Length - 8 > SafeTensorsLimits.HeaderBytes)
            throw new CheckpointException(_file, $"the header would have {bytes.Length - 8} "
                + $"bytes, over the limit of {SafeTensorsLimits.HeaderBytes}.", limit: SafeTensorsLimits.HeaderBytes);
        WriteLength(bytes, bytes.Length - 8);
        return bytes;
    }

    private static int WriteLength(Span<byte> bytes, int length)
    {
        BinaryPrimitives.WriteInt64LittleEndian(bytes, length);
        return 8;
    }

    private void WriteJson(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteStartObject(SafeTensorsLimits.MetadataKey);
        foreach ((string key, string value) in _metadata) json.WriteString(key, value);
        json.WriteString(SafeTensorsLimits.HeaderChecksumKey, $"{SafeTensorsHeader.Checksum(Entries, _metadata):x8}");
        foreach (SafeTensorsEntry entry in Entries)
            json.WriteString(SafeTensorsLimits.TensorChecksumPrefix + entry.Name, $"{entry.Checksum ?? 0:x8}");
        json.WriteEndObject();
        foreach (SafeTensorsEntry entry in Entries)
        {
            json.WriteStartObject(entry.Name);
            json.WriteString("dtype", entry.DType.ToString());
            json.WriteStartArray("shape");
            foreach (long size in entry.Shape) json.WriteNumberValue(size);
            json.WriteEndArray();
            json.WriteStartArray("data_offsets");
            json.WriteNumberValue(entry.Begin);
            json.WriteNumberValue(entry.Begin + entry.ByteCount);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndObject();
    }

    private void Add(SafeTensorsEntry entry)
    {
        RequireName(entry.Name);
        if (entry.Name == SafeTensorsLimits.MetadataKey) throw new CheckpointException(_file, "is the format's own.", entry.Name);
        if (entry.Shape.Count > SafeTensorsLimits.Rank)
            throw new CheckpointException(_file, $"has {entry.Shape.Count} dimensions, over the "
                + $"limit of {SafeTensorsLimits.Rank}.", entry.Name, SafeTensorsLimits.Rank);
        if (entry.ByteCount > long.MaxValue - SafeTensorsLimits.HeaderBytes - 8 - DataBytes)
            throw new CheckpointException(_file, "makes the file longer than 63 bits can count.", entry.Name, long.MaxValue);
        SafeTensorsEntry placed = entry.At(DataBytes);
        if (!ByName.TryAdd(entry.Name, placed)) throw new CheckpointException(_file, "was given twice.", entry.Name);
        Entries.Add(placed);
        DataBytes += entry.ByteCount;
    }

    private void AddMetadata(string key, string value)
    {
        bool isReserved = key == SafeTensorsLimits.HeaderChecksumKey
            || key.StartsWith(SafeTensorsLimits.TensorChecksumPrefix, StringComparison.Ordinal);
        if (isReserved) throw new CheckpointException(_file, "is a metadata key reserved for checksums.", key);
        RequireName(key);
        RequireUnicode(key, value);
        _metadata.Add(key, value);
    }

    private void RequireName(string name)
    {
        if (RequireUnicode(name, name) <= SafeTensorsLimits.NameBytes) return;
        throw new CheckpointException(_file, $"is longer than {SafeTensorsLimits.NameBytes} bytes.", name,
            SafeTensorsLimits.NameBytes);
    }

    private int RequireUnicode(string key, string text)
    {
        try
        {
            return StrictUtf8.GetByteCount(text);
        }
        catch (EncoderFallbackException e)
        {
            throw new CheckpointException(_file, "holds half of a surrogate pair, which UTF-8 cannot carry.", key, inner: e);
        }
    }
}
