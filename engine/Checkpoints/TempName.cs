using System;
using System.Diagnostics;
using System.IO;
using System.Security.Cryptography;
using System.Text;

namespace FlorenceKernels.Checkpoints;

/// <summary>
/// Names of unfinished files and folders: ".NAME.MACHINE.PID.RANDOM.tmp" beside their target, so that a rename stays on one
/// file system
/// and a later run can tell an orphan (its process is gone) from another process's work in progress.
/// </summary>
internal static class TempName
{
    private const string Suffix = ".tmp";
    private static readonly string Machine = MachineLabel();
    // Process numbers return, in containers at every start: what this very process writes carries its own mark.
    private static readonly string Session = Hex();

    /// <summary>A new name in the folder of <paramref name="target"/>.</summary>
    public static string For(string target) => Path.Combine(Path.GetDirectoryName(target)!,
        $"{Prefix(target)}{Machine}.{Environment.ProcessId}.{Session}{Hex()}{Suffix}");

    /// <summary>Deletes what dead processes left behind for <paramref name="target"/>; what cannot be deleted is left for the
    /// next time.</summary>
    public static void SweepOrphans(string target)
    {
        string folder = Path.GetDirectoryName(target)!, prefix = Prefix(target);
        foreach (string path in Directory.GetFileSystemEntries(folder, ".*" + Suffix))
        {
            string name = Path.GetFileName(path);
            if (!name.StartsWith(prefix, StringComparison.Ordinal)) continue;
            if (!IsOrphan(path, name[prefix.Length..^Suffix.Length])) continue;
            try
            {
                Delete(path);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Another process may have swept it first; an orphan only costs space.
            }
        }
    }

    /// <summary>Deletes a file or a folder with all it holds; nothing when it is gone already.</summary>
    public static void Delete(string path)
    {
        if (Directory.Exists(path)) Directory.Delete(path, recursive: true);
        else File.Delete(path);
    }

    private static bool IsOrphan(string path, string owner)
    {
        string[] parts = owner.Split('.');
        if (parts.Length != 3 || !int.TryParse(parts[1], out int pid)) return false;
        DateTime written = File.GetLastWriteTimeUtc(path);
        // Another machine's processes cannot be asked; nobody writes one checkpoint for a day.
        if (parts[0] != Machine) return written < DateTime.UtcNow.AddDays(-1);
        if (pid == Environment.ProcessId) return !parts[2].StartsWith(Session, StringComparison.Ordinal);
        return !WasRunning(pid, written);
    }

    private static bool WasRunning(int pid, DateTime at)
    {
        try
        {
            using Process process = Process.GetProcessById(pid);
            return process.StartTime.ToUniversalTime() <= at.AddSeconds(1);   // start times are good to about 10 ms
        }
        catch (ArgumentException)
        {
            return false;   // no such process
        }
        catch (Exception e) when (e is InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            return true;   // it runs, but we may not look at it
        }
    }

    // File names end at 255 bytes on most file systems, and ours adds up to 60 characters.
    private static string Prefix(string target)
    {
        string name = Path.GetFileName(target);
        byte[] bytes = Encoding.UTF8.GetBytes(name);
        return bytes.Length <= 160 ? $".{name}." : $".{Crc32C.Compute(bytes):x8}.";
    }

    private static string Hex() => RandomNumberGenerator.GetHexString(8, lowercase: true);

    private static string MachineLabel()
    {
        var label = new StringBuilder();
        foreach (char c in Environment.MachineName)
            if (label.Length < 24) label.Append(char.IsAsciiLetterOrDigit(c) ? c : '-');
        return label.ToString();
    }
}
