using System;
using System.Collections.Generic;
using System.IO;
using System.IO.MemoryMappedFiles;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace FlorenceKernels.Checkpoints;

/// <summary>
/// A memory-mapped safetensors file: the header is checked against every limit before anything is allocated, and tensors are
/// spans into
/// the file, without a copy. A span must not be used after <see cref="Dispose"/>.
/// </summary>
public sealed unsafe class SafeTensorsReader : IDisposable
{
    private readonly SafeTensorsHeader _header;
    private MemoryMappedFile? _map;
    private MemoryMappedViewAccessor? _view;
    private byte* _data;
    private bool _isPinned;

    private SafeTensorsReader(string path)
    {
        Path = path;
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete,
                bufferSize: 0);
            long length = stream.Length;
            if (length < 8) _header = SafeTensorsHeader.Read(path, ReadAll(stream, (int)length), length);
            _map = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None,
                leaveOpen: false);
            _view = _map.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
            byte* file = null;
            _view.SafeMemoryMappedViewHandle.AcquirePointer(ref file);
            _isPinned = true;
            file += _view.PointerOffset;
            int prefix = (int)Math.Min(length, 8 + SafeTensorsLimits.HeaderBytes);
            _header = SafeTensorsHeader.Read(path, new ReadOnlySpan<byte>(file, prefix), length);
            _data = file + _header.DataStart;
        }
        catch (Exception e)
        {
            Dispose();
            if (e is IOException or UnauthorizedAccessException or NotSupportedException)
                throw new CheckpointException(path, $"it cannot be opened: {e.Message}", inner: e);
            throw;
        }
    }

    /// <summary>Path as given.</summary>
    public string Path { get; }

    /// <summary>Tensors by position in the file.</summary>
    public IReadOnlyList<SafeTensorsEntry> Entries => _header.Entries;

    /// <summary>The writer's text entries, without the checksums.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <summary>Whether the file carries checksums (all of ours do).</summary>
    public bool HasChecksums => _header.HasChecksums;

    /// <summary>Opens a file and, where it carries checksums, verifies every tensor.</summary>
    /// <param name="path">A .safetensors file.</param>
    /// <param name="verifyChecksums">False to skip reading the data; <see cref="VerifyChecksums"/> can be called later.</param>
    /// <exception cref="CheckpointException">The file is missing, damaged, over a limit or a pickle.</exception>
    public static SafeTensorsReader Open(string path, bool verifyChecksums = true)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var reader = new SafeTensorsReader(path);
        try
        {
            if (verifyChecksums) reader.VerifyChecksums();
            return reader;
        }
        catch
        {
            reader.Dispose();
            throw;
        }
    }

    /// <summary>Whether the file has this tensor.</summary>
    public bool Contains(string key) => _header.ByName.ContainsKey(key);

    /// <summary>Description of one tensor.</summary>
    /// <exception cref="CheckpointException">The file has no such tensor.</exception>
    public SafeTensorsEntry Entry(string key) => _header.ByName.TryGetValue(key, out SafeTensorsEntry? entry)
        ? entry
        : throw new CheckpointException(Path, $"is not among the file's {Entries.Count} tensors.", key);

    /// <summary>Raw bytes of one tensor (C order, little-endian).</summary>
    /// <exception cref="CheckpointException">No such tensor, or it is longer than a span (2 GiB): read it in parts.</exception>
    public ReadOnlySpan<byte> Bytes(string key)
    {
        SafeTensorsEntry entry = Entry(key);
        if (entry.ByteCount > int.MaxValue)
            throw new CheckpointException(Path, $"has {entry.ByteCount} bytes, more than one span holds; "
                + "read it in parts with Bytes(key, start, length).", key, int.MaxValue);
        return Bytes(key, 0, (int)entry.ByteCount);
    }

    /// <summary>Part of the raw bytes of one tensor.</summary>
    /// <param name="key">Tensor.</param>
    /// <param name="start">First byte within the tensor.</param>
    /// <param name="length">Number of bytes.</param>
    public ReadOnlySpan<byte> Bytes(string key, long start, int length)
    {
        ObjectDisposedException.ThrowIf(_view is null, this);
        SafeTensorsEntry entry = Entry(key);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        if (start < 0 || start > entry.ByteCount - length)
            throw new ArgumentOutOfRangeException(nameof(start),
                $"Bytes {start} to {start + length} are outside '{key}' ({entry.ByteCount}).");
        return new ReadOnlySpan<byte>(_data + entry.Begin + start, length);
    }

    /// <summary>
    /// Elements of one tensor: double, float, Half, long, int, short, sbyte, byte (also for BOOL); for BF16 ushort or a 2-byte
    /// struct.
    /// Foreign files may hold tensors that are not aligned to their element, which x64 and arm64 read without harm.
    /// </summary>
    /// <exception cref="CheckpointException">No such tensor, another type, or longer than a span.</exception>
    public ReadOnlySpan<T> Values<T>(string key) where T : unmanaged
    {
        SafeTensorsEntry entry = Entry(key);
        if (!entry.DType.IsViewableAs<T>())
            throw new CheckpointException(Path, $"holds {entry.DType}, which cannot be read as {typeof(T).Name}.", key);
        ObjectDisposedException.ThrowIf(_view is null, this);
        if (entry.ElementCount > int.MaxValue)
            throw new CheckpointException(Path, $"has {entry.ElementCount} elements, more than one span "
                + "holds; read it in parts with Bytes(key, start, length).", key, int.MaxValue);
        return MemoryMarshal.CreateReadOnlySpan(ref Unsafe.AsRef<T>(_data + entry.Begin), (int)entry.ElementCount);
    }

    /// <summary>Compares every tensor with its CRC-32C; does nothing for files without checksums.</summary>
    /// <exception cref="CheckpointException">The data of a tensor changed since it was written.</exception>
    public void VerifyChecksums()
    {
        const int part = 1 << 24;
        foreach (SafeTensorsEntry entry in Entries)
        {
            if (entry.Checksum is not uint expected) continue;
            uint crc = 0;
            for (long start = 0; start < entry.ByteCount; start += part)
                crc = Crc32C.Append(crc, Bytes(entry.Name, start, (int)Math.Min(part, entry.ByteCount - start)));
            if (crc != expected) throw new CheckpointException(Path, $"has CRC-32C {crc:x8} but {expected:x8} was written; "
                + "its data is damaged, restore another copy.", entry.Name);
        }
    }

    /// <summary>Unmaps the file; spans taken from it are invalid afterwards.</summary>
    public void Dispose()
    {
        if (_isPinned) _view!.SafeMemoryMappedViewHandle.ReleasePointer();
        _isPinned = false;
        _view?.Dispose();
        _map?.Dispose();
        (_view, _map) = (null, null);
    }

    private static byte[] ReadAll(FileStream stream, int length)
    {
        byte[] bytes = new byte[length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
