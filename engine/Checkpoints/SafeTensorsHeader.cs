using System;
using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace FlorenceKernels.Checkpoints;

/// <summary>
/// The validated header of a safetensors file: 8-byte little-endian length N, N bytes of JSON, then the data. Rules as
/// published with
/// the format (no holes, no overlap, exact length), and stricter where JSON readers differ (duplicate keys) or a size could hurt.
/// </summary>
internal sealed class SafeTensorsHeader
{
    private static readonly SearchValues<char> Digits = SearchValues.Create("0123456789abcdef");
    private readonly string _file;
    private readonly SortedDictionary<string, string> _metadata;

    private SafeTensorsHeader(
        string file, Dictionary<string, SafeTensorsEntry> byName, SortedDictionary<string, string> metadata, long dataStart)
    {
        (_file, ByName, _metadata, DataStart) = (file, byName, metadata, dataStart);
        Entries = new List<SafeTensorsEntry>(byName.Values);
        Entries.Sort(InFileOrder);
    }

    public Dictionary<string, SafeTensorsEntry> ByName { get; }

    /// <summary>Tensors by position in the file.</summary>
    public List<SafeTensorsEntry> Entries { get; }

    public IReadOnlyDictionary<string, string> Metadata => _metadata;

    public long DataStart { get; }

    public bool HasChecksums { get; private set; }

    /// <summary>Validates a header.</summary>
    /// <param name="file">Name for error messages.</param>
    /// <param name="prefix">The first bytes of the file: all of it, or at least the header.</param>
    /// <param name="fileLength">Length of the whole file.</param>
    public static SafeTensorsHeader Read(string file, ReadOnlySpan<byte> prefix, long fileLength)
    {
        ReadOnlySpan<byte> json = Json(file, prefix, fileLength);
        SafeTensorsHeader header;
        try
        {
            var parser = new SafeTensorsHeaderParser(file, json);
            parser.Parse();
            header = new SafeTensorsHeader(file, parser.Tensors, parser.Metadata, 8 + json.Length);
        }
        catch (JsonException e)
        {
            throw new CheckpointException(file, $"the header is not valid JSON (byte {e.BytePositionInLine} of line "
                + $"{e.LineNumber}); the file is damaged, restore it from another copy.", inner: e);
        }
        catch (InvalidOperationException e)
        {
            throw new CheckpointException(file, "the header holds a string that is not Unicode text; the file is damaged.",
                inner: e);
        }
        header.RequireContiguous(fileLength);
        header.TakeChecksums();
        return header;
    }

    private static ReadOnlySpan<byte> Json(string file, ReadOnlySpan<byte> prefix, long fileLength)
    {
        ForeignCheckpoint.Refuse(file, prefix);
        if (prefix.Length < 8)
            throw new CheckpointException(file, $"{fileLength} bytes are too few for a safetensors file, which starts "
                + "with an 8-byte header length.", limit: 8);
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length > SafeTensorsLimits.HeaderBytes)
            throw new CheckpointException(file, $"the header length {length} is over the limit of "
                + $"{SafeTensorsLimits.HeaderBytes} bytes; this is not a safetensors file, or it is damaged.",
                limit: SafeTensorsLimits.HeaderBytes);
        if ((long)length > fileLength - 8) throw new CheckpointException(file, $"the header claims {length} bytes but only "
            + $"{fileLength - 8} follow; the file is truncated.", limit: fileLength - 8);
        ReadOnlySpan<byte> json = prefix.Slice(8, (int)length);
        if (json.IsEmpty || json[0] != (byte)'{')
            throw new CheckpointException(file, "the header does not start with '{'; this is not a safetensors file, or it is "
                + "damaged.");
        if (!Utf8.IsValid(json)) throw new CheckpointException(file, "the header is not valid UTF-8; the file is damaged.");
        return json;
    }

    private static int InFileOrder(SafeTensorsEntry a, SafeTensorsEntry b)
    {
        int order = a.Begin.CompareTo(b.Begin);
        // Zero-size tensors come before the one that shares their start.
        if (order == 0) order = a.ByteCount.CompareTo(b.ByteCount);
        return order != 0 ? order : string.CompareOrdinal(a.Name, b.Name);
    }

    private void RequireContiguous(long fileLength)
    {
        long end = 0;
        foreach (SafeTensorsEntry entry in Entries)
        {
            if (entry.Begin != end)
                throw new CheckpointException(_file, $"starts at byte {entry.Begin} of the data where {end} is expected; "
                    + "tensors must follow each other without holes or overlap.", entry.Name, end);
            end = entry.Begin + entry.ByteCount;   // no overflow: both ends were read as one 63-bit pair
        }
        if (end != fileLength - DataStart)
            throw new CheckpointException(_file, $"the tensors need {end} bytes of data but the file holds "
                + $"{fileLength - DataStart}; it is "
                + (end > fileLength - DataStart ? "truncated." : "followed by foreign bytes."), limit: end);
    }

    private void TakeChecksums()
    {
        HasChecksums = _metadata.Remove(SafeTensorsLimits.HeaderChecksumKey, out string? text);
        var keys = new List<string>();
        foreach (string key in _metadata.Keys)
            if (key.StartsWith(SafeTensorsLimits.TensorChecksumPrefix, StringComparison.Ordinal)) keys.Add(key);
        foreach (string key in keys)
        {
            string name = key[SafeTensorsLimits.TensorChecksumPrefix.Length..];
            if (!HasChecksums || !ByName.TryGetValue(name, out SafeTensorsEntry? entry))
                throw new CheckpointException(_file, "is a checksum without its tensor or without the header's checksum; "
                    + "the header is damaged, restore another copy.", key);
            entry.Checksum = ParseChecksum(key, _metadata[key]);
            _metadata.Remove(key);
        }
        if (HasChecksums) RequireChecksums(ParseChecksum(SafeTensorsLimits.HeaderChecksumKey, text!));
    }

    private void RequireChecksums(uint expected)
    {
        foreach (SafeTensorsEntry entry in Entries)
            if (entry.Checksum is null)
                throw new CheckpointException(_file,
                    "has no checksum while the file says that all have; the header is damaged.", entry.Name);
        uint actual = Checksum(Entries, _metadata);
        if (actual != expected)
            throw new CheckpointException(_file, $"the header's CRC-32C is {actual:x8} but {expected:x8} was written; "
                + "a name, type, shape or metadata value is damaged, restore another copy.");
    }

    private uint ParseChecksum(string key, string text)
    {
        bool valid = text.Length == 8 && !text.AsSpan().ContainsAnyExcept(Digits);
        if (!valid) throw new CheckpointException(_file, "must be 8 lower-case hexadecimal digits; the header is damaged.", key);
        return uint.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }

    /// <summary>CRC-32C over what the header means (not how it is spelled): names, types, shapes in file order, then metadata
    /// by key.</summary>
    internal static uint Checksum(IEnumerable<SafeTensorsEntry> inFileOrder, SortedDictionary<string, string> metadata)
    {
        uint crc = 0;
        Span<byte> number = stackalloc byte[8];
        foreach (SafeTensorsEntry entry in inFileOrder)
        {
            crc = Append(Append(crc, entry.Name), entry.DType.ToString());
            foreach (long size in entry.Shape)
            {
                BinaryPrimitives.WriteInt64LittleEndian(number, size);
                crc = Crc32C.Append(crc, number);
            }
        }
        foreach ((string key, string value) in metadata) crc = Append(Append(crc, key), value);
        return crc;
    }

    private static uint Append(uint crc, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        Span<byte> length = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
        return Crc32C.Append(Crc32C.Append(crc, length), bytes);
    }
}
