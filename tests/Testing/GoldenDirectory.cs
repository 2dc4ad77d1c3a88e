using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;

namespace FlorenceKernels.Testing;

/// <summary>Finds the golden reference data, which is kept outside the repository.</summary>
public static class GoldenDirectory
{
    /// <summary>Environment variable that names the folder.</summary>
    public const string Variable = "FLORENCE_GOLDEN";

    /// <summary>Why tests that need the data are skipped.</summary>
    public static string MissingReason =>
        $"golden data not found: set {Variable}, or keep it in shared/golden beside the repository";

    /// <summary>The folder that <see cref="Variable"/> names, else <c>shared/golden</c> under the nearest folder above the
    /// program or the current directory; null when there is none.</summary>
    public static string? Find()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named) return Directory.Exists(named) ? named : null;
        foreach (var start in (string[])[AppContext.BaseDirectory, Directory.GetCurrentDirectory()])
            for (var folder = new DirectoryInfo(start); folder is not null; folder = folder.Parent)
                if (Path.Combine(folder.FullName, "shared", "golden") is var golden && Directory.Exists(golden)) return golden;
        return null;
    }

    /// <summary>Names of the cases of one group, such as <c>14_image</c>, without the file ending, in order; empty without
    /// data.</summary>
    public static IEnumerable<string> Cases(string group)
    {
        var folder = Find() is { } root ? Path.Combine(root, group) : null;
        if (folder is null || !Directory.Exists(folder)) return [];
        return Directory.EnumerateFiles(folder, "*.safetensors").Select(file => Path.GetFileNameWithoutExtension(file))
            .Order(StringComparer.Ordinal);
    }
}
