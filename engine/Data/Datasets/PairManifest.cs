using System;
using System.Buffers;
using System.Collections.Generic;
using System.IO;
using System.Text.Json;

namespace FlorenceKernels.Data;

/// <summary>
/// One JSON object a line, in the order of the images; read with limits, because a manifest may come from anyone.
/// </summary>
internal static class PairManifest
{
    public const string FileName = "manifest.jsonl";
    public const int MaxLineBytes = 64 * 1024;
    public const long MaxFileBytes = 1L << 30;
    private const int MaxTags = 256;
    private const int MaxTextChars = 4096;

    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = 4 };

    public static byte[] Line(PairSample sample)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions
        {
            Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        }))
        {
            json.WriteStartObject();
            json.WriteNumber("index", sample.Index);
            json.WriteString("id", sample.Id);
            json.WriteString("source", sample.Source);
            json.WriteString("split", sample.Split.Name());
            json.WriteString("key", sample.Key);
            json.WriteString("text", sample.Text);
            if (sample.Rich is not null) json.WriteString("rich", sample.Rich);
            json.WriteStartArray("tags");
            foreach (string tag in sample.Tags) json.WriteStringValue(tag);
            json.WriteEndArray();
            json.WriteString("group", sample.Group);
            json.WriteString("subgroup", sample.Subgroup);
            json.WriteString("licence", sample.Licence);
            json.WriteBoolean("scored", sample.Scored);
            json.WriteNumber("cluster", sample.Cluster);
            json.WriteNumber("crc32c", sample.Checksum);
            json.WriteEndObject();
        }

        buffer.Write("\n"u8);
        if (buffer.WrittenCount > MaxLineBytes)
            throw new InvalidDataException($"Sample '{sample.Id}' needs {buffer.WrittenCount} bytes of manifest, above the " +
                $"limit of {MaxLineBytes}; shorten its texts.");
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Reads exactly <paramref name="count"/> samples; labels are left at 0.</summary>
    public static List<PairSample> Read(string path, int count)
    {
        long length = new FileInfo(path).Length;
        if (length > MaxFileBytes)
            throw new InvalidDataException($"'{path}' has {length} bytes, above the limit of {MaxFileBytes}; it is not a " +
                "manifest.");
        var samples = new List<PairSample>(count);
        using FileStream stream = File.OpenRead(path);
        foreach (ReadOnlyMemory<byte> line in Lines(stream, path))
        {
            if (samples.Count == count)
                throw new InvalidDataException($"'{path}' lists more samples than the {count} images beside it; build the " +
                    "cache again.");
            samples.Add(Parse(line, samples.Count, path));
        }

        if (samples.Count != count)
            throw new InvalidDataException($"'{path}' lists {samples.Count} samples for {count} images; build the cache again.");
        return samples;
    }

    private static IEnumerable<ReadOnlyMemory<byte>> Lines(FileStream stream, string path)
    {
        byte[] buffer = new byte[MaxLineBytes];
        int held = 0;
        while (true)
        {
            int end = buffer.AsSpan(0, held).IndexOf((byte)'\n');
            int start = 0;
            while (end >= 0)
            {
                yield return buffer.AsMemory(start, end);
                start += end + 1;
                end = buffer.AsSpan(start, held - start).IndexOf((byte)'\n');
            }

            buffer.AsSpan(start, held - start).CopyTo(buffer);
            held -= start;
            if (held == buffer.Length)
                throw new InvalidDataException($"'{path}' has a line above {MaxLineBytes} bytes; it is not a manifest.");
            int read = stream.Read(buffer, held, buffer.Length - held);
            if (read == 0) break;
            held += read;
        }

        if (held > 0) yield return buffer.AsMemory(0, held);
    }

    private static PairSample Parse(ReadOnlyMemory<byte> line, int index, string path)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(line, Strict);
            JsonElement root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object) throw new InvalidDataException("the line is not an object");
            if (root.GetProperty("index").GetInt32() != index)
                throw new InvalidDataException("'index' is not the line's position");
            if (!PairSplitNames.TryParse(root.GetProperty("split").GetString(), out PairSplit split))
                throw new InvalidDataException("'split' names no split");
            return new PairSample
            {
                Index = index,
                Id = Text(root, "id", required: true)!,
                Source = Text(root, "source", required: true)!,
                Split = split,
                Key = Text(root, "key", required: true)!,
                Text = Text(root, "text", required: true)!,
                Rich = Text(root, "rich", required: false),
                Tags = Tags(root),
                Group = Text(root, "group", required: false) ?? "",
                Subgroup = Text(root, "subgroup", required: false) ?? "",
                Licence = Text(root, "licence", required: true)!,
                Scored = root.GetProperty("scored").GetBoolean(),
                Cluster = root.GetProperty("cluster").GetInt32(),
                Checksum = root.GetProperty("crc32c").GetUInt32(),
            };
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException
            or FormatException or InvalidDataException)
        {
            throw new InvalidDataException($"'{path}' line {index + 1} is not a sample ({error.Message}); build the cache " +
                "again.", error);
        }
    }

    private static string? Text(JsonElement root, string name, bool required)
    {
        if (!root.TryGetProperty(name, out JsonElement value) || value.ValueKind == JsonValueKind.Null)
            return required ? throw new InvalidDataException($"'{name}' is missing") : null;
        string text = value.GetString()!;
        if (text.Length > MaxTextChars)
            throw new InvalidDataException($"'{name}' has {text.Length} characters, above {MaxTextChars}");
        if (required && text.Length == 0) throw new InvalidDataException($"'{name}' is empty");
        return text;
    }

    private static string[] Tags(JsonElement root)
    {
        if (!root.TryGetProperty("tags", out JsonElement list)) return [];
        int count = list.GetArrayLength();
        if (count > MaxTags) throw new InvalidDataException($"'tags' has {count} entries, above {MaxTags}");
        var tags = new string[count];
        for (int i = 0; i < count; i++) tags[i] = list[i].GetString() ?? throw new InvalidDataException("a tag is null");
        return tags;
    }
}
