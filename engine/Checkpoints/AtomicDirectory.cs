using System;
using System.IO;
using FlorenceKernels.Runtime;
using Microsoft.Win32.SafeHandles;

namespace FlorenceKernels.Checkpoints;

/// <summary>
/// Publishes several files with one rename: they are written into a temporary folder, flushed, and the folder gets its name
/// only then.
/// Several single renames could leave files of two steps side by side after a crash.
/// </summary>
public sealed class AtomicDirectory : IDisposable
{
    private readonly string _target;
    private bool _isDone;

    private AtomicDirectory(string target) => (_target, WorkPath) = (target, TempName.For(target));

    /// <summary>The temporary folder to write into.</summary>
    public string WorkPath { get; }

    /// <summary>Starts a folder, and removes or restores what a killed process left for the same name.</summary>
    /// <param name="path">Name that the folder will have; the folder above must exist.</param>
    public static AtomicDirectory Create(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        Recover(target);
        TempName.SweepOrphans(target);
        var directory = new AtomicDirectory(target);
        Directory.CreateDirectory(directory.WorkPath);
        return directory;
    }

    /// <summary>Flushes every file and folder, and renames. A folder of that name is replaced.</summary>
    public void Commit()
    {
        ObjectDisposedException.ThrowIf(_isDone, this);
        FlushAll(WorkPath);
        string aside = Aside(_target);
        bool replaces = Directory.Exists(_target);
        // rename(2) does not replace a folder that holds files. A crash between these two leaves the old one aside: Recover
        // restores it.
        if (replaces) Directory.Move(_target, aside);
        Directory.Move(WorkPath, _target);
        _isDone = true;
        DirectorySync.Flush(Path.GetDirectoryName(_target)!);
        if (replaces) TempName.Delete(aside);
    }

    /// <summary>Without a <see cref="Commit"/>: removes the temporary folder and leaves the target alone.</summary>
    public void Dispose()
    {
        if (_isDone) return;
        _isDone = true;
        Recover(_target);
        TempName.Delete(WorkPath);
    }

    /// <summary>Finishes or takes back a replacement that was cut off between its two renames.</summary>
    internal static void Recover(string target)
    {
        string aside = Aside(target);
        if (!Directory.Exists(aside)) return;
        if (Directory.Exists(target)) TempName.Delete(aside);
        else Directory.Move(aside, target);
    }

    private static string Aside(string target) =>
        Path.Combine(Path.GetDirectoryName(target)!, $".{Path.GetFileName(target)}{ReplacedSuffix}");

    /// <summary>Ending of a folder that is being replaced.</summary>
    internal const string ReplacedSuffix = ".replaced";

    private static void FlushAll(string folder)
    {
        foreach (string file in Directory.GetFiles(folder))
        {
            using SafeFileHandle handle = File.OpenHandle(file, FileMode.Open, FileAccess.ReadWrite);
            RandomAccess.FlushToDisk(handle);
        }
        foreach (string child in Directory.GetDirectories(folder)) FlushAll(child);
        DirectorySync.Flush(folder);
    }
}
