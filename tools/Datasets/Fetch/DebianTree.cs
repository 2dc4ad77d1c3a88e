using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;

namespace FlorenceKernels.Datasets;

/// <summary>A Debian package unpacked beside its archive, without root; links inside it are never followed.</summary>
internal static class DebianTree
{
    private const string Mark = ".unpacked";

    public static string Unpack(string archive, string sha256, TimeSpan limit, CancellationToken cancel)
    {
        string tree = Path.ChangeExtension(archive, null);
        string mark = Path.Combine(tree, Mark);
        if (File.Exists(mark) && File.ReadAllText(mark) == sha256) return tree;
        string working = tree + ".tmp";
        foreach (string stale in new[] { working, tree })
        {
            if (Directory.Exists(stale)) Directory.Delete(stale, recursive: true);
        }

        Directory.CreateDirectory(working);
        ClientProcess.Run("dpkg", ["-x", archive, working], working, limit, cancel);
        File.WriteAllText(Path.Combine(working, Mark), sha256);
        Directory.Move(working, tree);
        return tree;
    }

    /// <summary>
    /// Regular files below <paramref name="root"/> with one of the extensions, in ordinal order of their paths.
    /// </summary>
    public static IReadOnlyList<string> Files(string root, params string[] extensions)
    {
        var found = new List<string>();
        var options = new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint };
        foreach (string path in Directory.EnumerateFiles(root, "*", options))
        {
            if (Array.IndexOf(extensions, Path.GetExtension(path)) >= 0) found.Add(path);
        }

        found.Sort(StringComparer.Ordinal);
        return found;
    }
}
