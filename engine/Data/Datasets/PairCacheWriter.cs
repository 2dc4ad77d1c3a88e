using System;
using System.IO;

namespace FlorenceKernels.Data;

/// <summary>
/// Writes a data set so that it is there wholly or not at all: everything goes to a folder beside the destination, which is
/// renamed at <see cref="Commit"/>. What a killed writer leaves is swept by the next one. One writer at a time per destination.
/// </summary>
public sealed class PairCacheWriter : IDisposable
{
    private readonly string _destination;
    private readonly string _working;
    private readonly FileStream _lock;
    private readonly FileStream _images;
    private readonly FileStream _manifest;
    private readonly int _width;
    private readonly int _height;
    private int _count;
    private bool _closed;

    /// <summary>
    /// Begins a cache of <paramref name="width"/> x <paramref name="height"/> images that will stand at <paramref
    /// name="directory"/>.
    /// </summary>
    public PairCacheWriter(string directory, int width, int height)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        if (width is < 1 or > PairImageFile.MaxSide || height is < 1 or > PairImageFile.MaxSide)
            throw new ArgumentOutOfRangeException(nameof(width),
                $"Images of {width}x{height} are outside 1..{PairImageFile.MaxSide}.");
        (_destination, _width, _height) = (Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory)), width, height);
        string parent = Path.GetDirectoryName(_destination) ?? throw new ArgumentException($"'{directory}' has no parent " +
            "folder.");
        Directory.CreateDirectory(parent);
        _lock = TakeLock(_destination);
        try
        {
            Recover(parent, Path.GetFileName(_destination));
            _working = Directory.CreateDirectory($"{_destination}.tmp-{Guid.NewGuid():N}").FullName;
            _images = File.Create(Path.Combine(_working, PairImageFile.FileName), 1 << 20);
            _images.Write(new byte[PairImageFile.HeaderBytes]);
            _manifest = File.Create(Path.Combine(_working, PairManifest.FileName), 1 << 16);
        }
        catch
        {
            _lock.Dispose();
            throw;
        }
    }

    /// <summary>Number of samples written so far.</summary>
    public int Count => _count;

    /// <summary>Appends one sample; its index and checksum are set here.</summary>
    public void Add(PairSample sample, ReadOnlySpan<byte> rgba)
    {
        ArgumentNullException.ThrowIfNull(sample);
        if (rgba.Length != _width * _height * PairImageFile.Channels)
            throw new ArgumentException($"Sample '{sample.Id}' has {rgba.Length} bytes where {_width}x{_height} RGBA needs " +
                $"{_width * _height * PairImageFile.Channels}.", nameof(rgba));
        if (_count == PairImageFile.MaxImages)
            throw new InvalidOperationException($"A cache holds at most {PairImageFile.MaxImages} images.");
        _manifest.Write(PairManifest.Line(sample with { Index = _count, Checksum = PairImageFile.Checksum(rgba) }));
        _images.Write(rgba);
        _count++;
    }

    /// <summary>Writes a text file beside the images.</summary>
    public void AddFile(string name, string text)
    {
        if (Path.GetFileName(name) != name || name is PairImageFile.FileName or PairManifest.FileName)
            throw new ArgumentException($"'{name}' is not a free file name.", nameof(name));
        File.WriteAllText(Path.Combine(_working, name), text);
    }

    /// <summary>Puts the finished cache in place of what stood there.</summary>
    public void Commit()
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        _images.Position = 0;
        _images.Write(PairImageFile.Header(_width, _height, _count));
        foreach (FileStream stream in new[] { _images, _manifest })
        {
            stream.Flush(flushToDisk: true);
            stream.Dispose();
        }

        string old = $"{_destination}.old-{Guid.NewGuid():N}";
        if (Directory.Exists(_destination)) Directory.Move(_destination, old);
        Directory.Move(_working, _destination);
        if (Directory.Exists(old)) Directory.Delete(old, recursive: true);
        _closed = true;
        _lock.Dispose();
    }

    /// <summary>Without a <see cref="Commit"/>, drops everything written.</summary>
    public void Dispose()
    {
        if (_closed) return;
        _closed = true;
        _images.Dispose();
        _manifest.Dispose();
        if (Directory.Exists(_working)) Directory.Delete(_working, recursive: true);
        _lock.Dispose();
    }

    /// <summary>Restores a cache whose replacement was cut between the two renames, then sweeps what is left over.</summary>
    private static void Recover(string parent, string name)
    {
        string destination = Path.Combine(parent, name);
        foreach (string old in Directory.GetDirectories(parent, name + ".old-*"))
        {
            if (Directory.Exists(destination)) Directory.Delete(old, recursive: true);
            else Directory.Move(old, destination);
        }

        foreach (string orphan in Directory.GetDirectories(parent, name + ".tmp-*")) Directory.Delete(orphan, recursive: true);
    }

    private static FileStream TakeLock(string destination)
    {
        try
        {
            return new FileStream(destination + ".lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException error)
        {
            throw new IOException($"'{destination}' is being built by another process; wait for it, or remove " +
                $"'{destination}.lock' if none is running.", error);
        }
    }
}
