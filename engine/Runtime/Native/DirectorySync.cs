using System;
using System.IO;
using System.Runtime.InteropServices;

namespace FlorenceKernels.Runtime;

/// <summary>Makes a folder's entries durable: after a rename, the new name survives power loss only once the folder is
/// synced.</summary>
public static partial class DirectorySync
{
    private const int LinuxCloseOnExec = 0x80000, MacCloseOnExec = 0x1000000;
    private const int Eintr = 4, Einval = 22, LinuxNotSupported = 95, MacNotSupported = 45;

    /// <summary>fsync(2) of the folder on Unix; nothing on Windows, where renames are journaled and folders cannot be
    /// flushed.</summary>
    /// <exception cref="IOException">The folder cannot be opened or its device reports a write error.</exception>
    public static void Flush(string directory)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        if (OperatingSystem.IsWindows()) return;
        int descriptor = Open(directory, OperatingSystem.IsMacOS() ? MacCloseOnExec : LinuxCloseOnExec);
        if (descriptor < 0) throw Failed("open", directory, Marshal.GetLastPInvokeError());
        try
        {
            Sync(descriptor, directory);
        }
        finally
        {
            _ = Close(descriptor);
        }
    }

    private static void Sync(int descriptor, string directory)
    {
        while (Fsync(descriptor) != 0)
        {
            int error = Marshal.GetLastPInvokeError();
            if (error == Eintr) continue;
            // Some network and user-space file systems have no folder fsync; they order renames by themselves.
            if (error is Einval or LinuxNotSupported or MacNotSupported) return;
            throw Failed("fsync", directory, error);
        }
    }

    private static IOException Failed(string call, string directory, int error) =>
        new($"{call} of folder '{directory}' failed: {Marshal.GetPInvokeErrorMessage(error)} (errno {error}).");

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Fsync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);
}
