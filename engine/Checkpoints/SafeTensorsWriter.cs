using System;
using System.Collections.Generic;
using System.IO;
using System.Runtime.InteropServices;

namespace FlorenceKernels.Checkpoints;

/// <summary>
/// Writes a safetensors file as a stream: tensors are declared first, then filled in any order and in parts of any size;
/// nothing but
/// the header is held in memory. The order in the file depends only on the declared set (larger element types first, then by
/// name), so
/// equal content gives equal bytes and every tensor is aligned to its element. The file replaces its predecessor only on <see
/// cref="Commit"/>.
/// </summary>
public sealed class SafeTensorsWriter : IDisposable
{
    private readonly AtomicFile _file;
    private readonly string _path;
    private readonly SafeTensorsLayout _layout;
    private readonly Dictionary<string, long> _written;
    private readonly long _dataStart;

    private SafeTensorsWriter(string path, SafeTensorsLayout layout)
    {
        (_path, _layout) = (path, layout);
        _dataStart = layout.HeaderBytes().Length;
        _written = new Dictionary<string, long>(layout.Entries.Count, StringComparer.Ordinal);
        _file = AtomicFile.Create(path, _dataStart + layout.DataBytes);
        foreach (SafeTensorsEntry entry in layout.Entries) (_written[entry.Name], entry.Checksum) = (0, 0);
    }

    /// <summary>Starts a file.</summary>
    /// <param name="path">Target; an existing file stays until <see cref="Commit"/>.</param>
    /// <param name="tensors">All tensors, in any order.</param>
    /// <param name="metadata">Text entries for <c>__metadata__</c>.</param>
    /// <exception cref="CheckpointException">A limit of the format is exceeded, a key is used twice, or the file cannot be
    /// created.</exception>
    public static SafeTensorsWriter Create(
        string path, IEnumerable<SafeTensorsEntry> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(tensors);
        var layout = new SafeTensorsLayout(path, tensors, metadata);
        try
        {
            return new SafeTensorsWriter(path, layout);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unwritable(path, e);
        }
    }

    /// <summary>Appends the next bytes of one tensor (C order, little-endian).</summary>
    /// <exception cref="ArgumentException">The tensor was not declared, or the bytes are more than it has left.</exception>
    /// <exception cref="CheckpointException">The device failed or is full; the previous file is intact.</exception>
    public void Write(string key, ReadOnlySpan<byte> bytes)
    {
        if (!_layout.ByName.TryGetValue(key, out SafeTensorsEntry? entry))
            throw new ArgumentException($"Tensor '{key}' was not declared when '{_path}' was created.", nameof(key));
        long written = _written[key];
        if (bytes.Length > entry.ByteCount - written)
            throw new ArgumentException($"Tensor '{key}' has {entry.ByteCount - written} of "
                + $"{entry.ByteCount} bytes left, not {bytes.Length}.", nameof(bytes));
        long position = _dataStart + entry.Begin + written;
        try
        {
            if (_file.Stream.Position != position) _file.Stream.Position = position;   // a seek would empty the buffer
            _file.Stream.Write(bytes);
        }
        catch (IOException e)
        {
            throw Unwritable(_path, e);
        }
        entry.Checksum = Crc32C.Append(entry.Checksum!.Value, bytes);
        _written[key] = written + bytes.Length;
    }

    /// <summary>Appends the next elements of one tensor.</summary>
    /// <exception cref="ArgumentException"><typeparamref name="T"/> is not the declared type (see <see
    /// cref="SafeTensorsReader.Values{T}"/>).</exception>
    public void Write<T>(string key, ReadOnlySpan<T> values) where T : unmanaged
    {
        if (_layout.ByName.TryGetValue(key, out SafeTensorsEntry? entry) && !entry.DType.IsViewableAs<T>())
            throw new ArgumentException($"Tensor '{key}' was declared as {entry.DType}, which {typeof(T).Name} cannot fill.",
                nameof(values));
        while (!values.IsEmpty)
        {
            int count = Math.Min(values.Length, 1 << 24);   // a longer span could have more bytes than an int counts
            Write(key, MemoryMarshal.AsBytes(values[..count]));
            values = values[count..];
        }
    }

    /// <summary>Writes the header with its checksums and puts the file in place.</summary>
    /// <exception cref="InvalidOperationException">A tensor was not written to its end.</exception>
    /// <exception cref="CheckpointException">The device failed or is full.</exception>
    public void Commit()
    {
        foreach (SafeTensorsEntry entry in _layout.Entries)
            if (_written[entry.Name] != entry.ByteCount) throw new InvalidOperationException(
                $"Tensor '{entry.Name}' of '{_path}' got {_written[entry.Name]} of its {entry.ByteCount} bytes.");
        try
        {
            _file.Stream.Position = 0;
            _file.Stream.Write(_layout.HeaderBytes());
            _file.Stream.SetLength(_dataStart + _layout.DataBytes);
            _file.Commit();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unwritable(_path, e);
        }
    }

    /// <summary>Without a <see cref="Commit"/>: discards what was written.</summary>
    public void Dispose() => _file.Dispose();

    private static CheckpointException Unwritable(string path, Exception e) =>
        new(path, $"it cannot be written: {e.Message}", inner: e);
}
