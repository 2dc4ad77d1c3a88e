using System;
using System.Collections.Generic;
using System.Text;
using System.Text.Json;

namespace FlorenceKernels.Checkpoints;

/// <summary>Reads the JSON of a safetensors header token by token: nothing is built for a value before its limit was
/// checked.</summary>
internal ref struct SafeTensorsHeaderParser
{
    private readonly string _file;
    private Utf8JsonReader _json;

    public SafeTensorsHeaderParser(string file, ReadOnlySpan<byte> json)
    {
        _file = file;
        _json = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 4 });
    }

    public Dictionary<string, SafeTensorsEntry> Tensors { get; } = new(StringComparer.Ordinal);

    public SortedDictionary<string, string> Metadata { get; } = new(StringComparer.Ordinal);

    public void Parse()
    {
        bool hasMetadata = false;
        _json.Read();
        while (NextProperty())
        {
            string name = Name();
            if (name == SafeTensorsLimits.MetadataKey)
            {
                if (hasMetadata) throw Duplicate(name);
                hasMetadata = true;
                ParseMetadata();
            }
            else
            {
                if (Tensors.Count == SafeTensorsLimits.Tensors) throw new CheckpointException(_file,
                    $"there are more than {SafeTensorsLimits.Tensors} tensors.", limit: SafeTensorsLimits.Tensors);
                if (!Tensors.TryAdd(name, ParseTensor(name))) throw Duplicate(name);
            }
        }
        _json.Read();   // throws on anything but white space after the closing brace
    }

    private bool NextProperty()
    {
        _json.Read();
        return _json.TokenType == JsonTokenType.PropertyName;
    }

    private readonly string Name()
    {
        // Unescaping shrinks a text to no less than a sixth ("\u0041"), so longer raw texts need not be decoded to be refused.
        bool isLong = _json.ValueSpan.Length > 6 * SafeTensorsLimits.NameBytes;
        string? name = isLong ? null : _json.GetString();
        if (name is null || Encoding.UTF8.GetByteCount(name) > SafeTensorsLimits.NameBytes) throw new CheckpointException(_file,
            $"a name is longer than {SafeTensorsLimits.NameBytes} bytes.", limit: SafeTensorsLimits.NameBytes);
        return name;
    }

    private void ParseMetadata()
    {
        Expect(JsonTokenType.StartObject, SafeTensorsLimits.MetadataKey, "an object of strings");
        while (NextProperty())
        {
            string key = _json.GetString()!;
            Expect(JsonTokenType.String, key, "a string");
            if (!Metadata.TryAdd(key, _json.GetString()!)) throw Duplicate(key);
        }
    }

    private SafeTensorsEntry ParseTensor(string name)
    {
        Expect(JsonTokenType.StartObject, name, "an object with dtype, shape and data_offsets");
        SafeTensorsDType? dtype = null;
        Span<long> shape = stackalloc long[SafeTensorsLimits.Rank], offsets = stackalloc long[2];
        int rank = -1, offsetCount = -1;
        while (NextProperty())
        {
            if (_json.ValueTextEquals("dtype"u8) && dtype is null) dtype = ParseDType(name);
            else if (_json.ValueTextEquals("shape"u8) && rank < 0) rank = ParseNumbers(name, "dimensions", shape);
            else if (_json.ValueTextEquals("data_offsets"u8) && offsetCount < 0)
                offsetCount = ParseNumbers(name, "offsets", offsets);
            else
                throw new CheckpointException(_file, "has an unknown or repeated field; only dtype, shape and data_offsets are "
                    + "allowed, each once.", name);
        }
        if (dtype is null || rank < 0 || offsetCount != 2)
            throw new CheckpointException(_file, "must have a dtype, a shape and two data_offsets.", name);
        return Entry(name, dtype.Value, shape[..rank], offsets[0], offsets[1]);
    }

    private readonly SafeTensorsEntry Entry(string name, SafeTensorsDType dtype, ReadOnlySpan<long> shape, long begin, long end)
    {
        if (!SafeTensorsEntry.TryCount(dtype, shape, out _, out long bytes)) throw new CheckpointException(_file,
            $"has a shape [{string.Join(", ", shape.ToArray())}] whose byte count does not fit 63 bits.", name, long.MaxValue);
        if (end < begin || end - begin != bytes)
            throw new CheckpointException(_file, $"has data offsets [{begin}, {end}] but its shape "
                + $"and type need {bytes} bytes.", name, bytes);
        return new SafeTensorsEntry(name, dtype, shape) { Begin = begin };
    }

    private SafeTensorsDType ParseDType(string name)
    {
        Expect(JsonTokenType.String, name, "a dtype name");
        if (!_json.ValueIsEscaped && SafeTensorsDTypes.TryParse(_json.ValueSpan, out SafeTensorsDType dtype)) return dtype;
        string shown = _json.ValueSpan.Length > 16 ? "" : $" '{_json.GetString()}'";
        throw new CheckpointException(_file, $"has an unsupported dtype{CheckpointException.Show(shown)}; supported are "
            + $"{string.Join(", ", Enum.GetNames<SafeTensorsDType>())}.", name);
    }

    private int ParseNumbers(string name, string what, scoped Span<long> numbers)
    {
        Expect(JsonTokenType.StartArray, name, $"an array of {what}");
        for (int count = 0; ; count++)
        {
            _json.Read();
            if (_json.TokenType == JsonTokenType.EndArray) return count;
            if (count == numbers.Length)
                throw new CheckpointException(_file, $"has more than {numbers.Length} {what}.", name, numbers.Length);
            bool isCount = _json.TokenType == JsonTokenType.Number && _json.ValueSpan[0] != (byte)'-';
            if (!isCount || !_json.TryGetInt64(out numbers[count]))
                throw new CheckpointException(_file, $"has {what} that are not whole numbers from 0 to 2^63-1.", name,
                    long.MaxValue);
        }
    }

    private void Expect(JsonTokenType type, string key, string what)
    {
        _json.Read();
        if (_json.TokenType != type) throw new CheckpointException(_file, $"must hold {what}.", key);
    }

    private readonly CheckpointException Duplicate(string key) =>
        new(_file, "appears twice; JSON readers would disagree on which one counts, so the file is refused.", key);
}
