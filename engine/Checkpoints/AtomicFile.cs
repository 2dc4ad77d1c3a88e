using System;
using System.IO;
using System.Text;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Checkpoints;

/// <summary>
/// Replaces a file as a whole: the new content goes to a temporary file in the same folder, is flushed to the device, renamed
/// over the
/// target, and the folder is flushed. Whoever opens the target sees the old content or the new, never a part; a failure or a
/// kill before
/// <see cref="Commit"/> leaves the old file as it was.
/// </summary>
public sealed class AtomicFile : IDisposable
{
    private readonly string _target, _temp;
    private readonly FileStream _stream;
    private bool _isDone;

    private AtomicFile(string target, long expectedBytes)
    {
        _target = target;
        _temp = TempName.For(target);
        _stream = new FileStream(_temp, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.ReadWrite,
            Share = FileShare.None,
            BufferSize = 1 << 16,
            PreallocationSize = expectedBytes,   // a full disk is reported before anything is written
        });
    }

    /// <summary>Where the new content goes; seekable.</summary>
    public Stream Stream => _stream;

    /// <summary>Starts a replacement of <paramref name="path"/>, and removes temporary files that killed processes left for
    /// it.</summary>
    /// <param name="path">Target; a symbolic link is followed. Its folder must exist.</param>
    /// <param name="expectedBytes">Size to reserve, or 0.</param>
    /// <exception cref="IOException">The folder is missing, or the device has no room for <paramref
    /// name="expectedBytes"/>.</exception>
    public static AtomicFile Create(string path, long expectedBytes = 0)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentOutOfRangeException.ThrowIfNegative(expectedBytes);
        string target = Path.GetFullPath(path);
        if (File.Exists(target)) target = File.ResolveLinkTarget(target, returnFinalTarget: true)?.FullName ?? target;
        TempName.SweepOrphans(target);
        RequireRoom(target, expectedBytes);
        var file = new AtomicFile(target, expectedBytes);
        try
        {
            file.KeepMode();
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Replaces a file with what <paramref name="write"/> puts into the stream; if it throws, the old file
    /// stays.</summary>
    public static void Write(string path, Action<Stream> write)
    {
        ArgumentNullException.ThrowIfNull(write);
        using AtomicFile file = Create(path);
        write(file.Stream);
        file.Commit();
    }

    /// <summary>Removes what killed processes left unfinished for this file; for files that may never be replaced
    /// again.</summary>
    public static void ClearUp(string path) => TempName.SweepOrphans(Path.GetFullPath(path));

    /// <summary>Replaces a file with UTF-8 text (no byte order mark).</summary>
    public static void WriteText(string path, string text) => Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(text)));

    /// <summary>Makes the new content durable and visible under the target's name.</summary>
    /// <exception cref="IOException">The device failed or is full; unless only the last folder flush failed, the old file is
    /// intact.</exception>
    public void Commit()
    {
        ObjectDisposedException.ThrowIf(_isDone, this);
        _stream.Flush(flushToDisk: true);
        _stream.Dispose();
        File.Move(_temp, _target, overwrite: true);
        _isDone = true;
        DirectorySync.Flush(Path.GetDirectoryName(_target)!);
    }

    /// <summary>Without a <see cref="Commit"/>: removes the temporary file and leaves the target alone.</summary>
    public void Dispose()
    {
        if (_isDone) return;
        _isDone = true;
        try
        {
            _stream.Dispose();
        }
        catch (IOException)
        {
            // Buffered bytes that did not fit on a full disk; they are discarded with the file.
        }
        File.Delete(_temp);
    }

    // Asked before reserving: a reservation that fails takes all the room there is until it fails, and other programs feel it.
    private static void RequireRoom(string target, long expectedBytes)
    {
        if (expectedBytes == 0) return;
        long room = new DriveInfo(Path.GetDirectoryName(target)!).AvailableFreeSpace;
        if (room < expectedBytes)
            throw new IOException($"No space left on device: '{target}' needs {expectedBytes} bytes and {room} are free.");
    }

    private void KeepMode()
    {
        if (!OperatingSystem.IsWindows() && File.Exists(_target)) File.SetUnixFileMode(_temp, File.GetUnixFileMode(_target));
    }
}
