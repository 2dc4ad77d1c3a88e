using System;
using System.Buffers.Binary;
using System.IO;
using System.IO.MemoryMappedFiles;
using System.Numerics;
using System.Runtime.InteropServices;

namespace FlorenceKernels.Data;

/// <summary>
/// The pixels of a cache: a 64-byte header (magic, version, width, height, channels, count; little-endian) and then every image
/// as RGBA bytes, straight alpha, rows from the top. The fixed size of an image makes its place a multiplication.
/// </summary>
internal sealed unsafe class PairImageFile : IDisposable
{
    public const string FileName = "images.rgba";
    public const int HeaderBytes = 64;
    public const int Channels = 4;
    public const int MaxSide = 1024;
    public const int MaxImages = 4_000_000;
    private const int FormatVersion = 1;
    private static ReadOnlySpan<byte> Magic => "FLPAIRS\0"u8;

    private readonly MemoryMappedFile _map;
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _base;
    private volatile bool _disposed;

    public int Width { get; }
    public int Height { get; }
    public int Count { get; }
    public int ImageBytes => Width * Height * Channels;

    public PairImageFile(string path)
    {
        using (FileStream stream = File.OpenRead(path))
        {
            Span<byte> header = stackalloc byte[HeaderBytes];
            if (stream.Length < HeaderBytes || stream.ReadAtLeast(header, HeaderBytes, throwOnEndOfStream: false) < HeaderBytes)
                throw new InvalidDataException($"'{path}' is shorter than its {HeaderBytes}-byte header; build the cache again.");
            (Width, Height, Count) = Check(header, stream.Length, path);
        }

        _map = MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
        _view = _map.CreateViewAccessor(0, HeaderBytes + (long)Count * ImageBytes, MemoryMappedFileAccess.Read);
        byte* start = null;
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        _base = start + _view.PointerOffset + HeaderBytes;
    }

    public static byte[] Header(int width, int height, int count)
    {
        var header = new byte[HeaderBytes];
        Magic.CopyTo(header);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(8), FormatVersion);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(12), width);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(16), height);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(20), Channels);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(24), count);
        return header;
    }

    /// <summary>Refuses a header before a byte is mapped or allocated for it.</summary>
    public static (int Width, int Height, int Count) Check(ReadOnlySpan<byte> header, long fileLength, string path)
    {
        if (!header[..8].SequenceEqual(Magic))
            throw new InvalidDataException($"'{path}' is not an image cache (wrong first bytes).");
        int version = BinaryPrimitives.ReadInt32LittleEndian(header[8..]);
        if (version != FormatVersion)
            throw new InvalidDataException($"'{path}' has format {version}, this program reads {FormatVersion}; build the " +
                "cache again.");
        int width = BinaryPrimitives.ReadInt32LittleEndian(header[12..]);
        int height = BinaryPrimitives.ReadInt32LittleEndian(header[16..]);
        int channels = BinaryPrimitives.ReadInt32LittleEndian(header[20..]);
        int count = BinaryPrimitives.ReadInt32LittleEndian(header[24..]);
        if (width is < 1 or > MaxSide || height is < 1 or > MaxSide || channels != Channels || count is < 0 or > MaxImages)
            throw new InvalidDataException($"'{path}' claims {count} images of {width}x{height}x{channels}, outside the " +
                $"limits of {MaxImages} images of {MaxSide}x{MaxSide}x{Channels}; build the cache again.");
        long expected = HeaderBytes + (long)count * width * height * channels;
        if (fileLength != expected)
            throw new InvalidDataException($"'{path}' has {fileLength} bytes where its header needs {expected}; build the " +
                "cache again.");
        return (width, height, count);
    }

    public ReadOnlySpan<byte> this[int index]
    {
        get
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            ArgumentOutOfRangeException.ThrowIfNegative(index);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
            return new ReadOnlySpan<byte>(_base + (long)index * ImageBytes, ImageBytes);
        }
    }

    /// <summary>CRC-32C (Castagnoli), the one that processors compute in one instruction per eight bytes.</summary>
    public static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(bytes);
        foreach (ulong word in words) crc = BitOperations.Crc32C(crc, word);
        foreach (byte last in bytes[(words.Length * sizeof(ulong))..]) crc = BitOperations.Crc32C(crc, last);
        return ~crc;
    }

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _map.Dispose();
    }
}
