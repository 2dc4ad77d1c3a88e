using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Xml.Linq;

namespace FlorenceKernels.Testing;

/// <summary>The repository these tests were built from.</summary>
public static class SourceTree
{
    /// <summary>Folder of the solution, or null where only the program was copied.</summary>
    public static string? Root { get; } = Find();

    /// <summary>Paths below the root with forward slashes, of one ending, without build outputs.</summary>
    public static IEnumerable<string> Files(string ending, params string[] folders)
    {
        var root = Root ?? throw new DirectoryNotFoundException("the sources are not above this program");
        return folders.Select(f => Path.Combine(root, f)).Where(Directory.Exists)
            .SelectMany(f => Directory.EnumerateFiles(f, "*" + ending, SearchOption.AllDirectories))
            .Select(f => Path.GetRelativePath(Root!, f).Replace('\\', '/'))
            .Where(f => !f.Contains("/obj/", StringComparison.Ordinal) && !f.Contains("/bin/", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal);
    }

    /// <summary>Lines of a file of <see cref="Files"/>.</summary>
    public static string[] Lines(string path) => File.ReadAllLines(Path.Combine(Root!, path));

    /// <summary>Lines that are not comments, with the place to print.</summary>
    public static IEnumerable<(string Place, string Text)> Code(string path) => Lines(path)
        .Select((text, i) => (Place: $"{path}:{i + 1}", Text: text.Split("//")[0]))
        .Where(l => l.Text.Trim().Length > 0);

    /// <summary>Each project by name, with the names of the projects it references.</summary>
    public static Dictionary<string, string[]> Projects() => Files(".csproj", "engine", "models", "tools", "tests", "benchmarks")
        .ToDictionary(f => Path.GetFileNameWithoutExtension(f), f => XDocument.Load(Path.Combine(Root!, f)).Descendants("ProjectReference")
            .Select(r => Path.GetFileNameWithoutExtension(r.Attribute("Include")!.Value.Replace('\\', '/'))).ToArray());

    private static string? Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "FlorenceKernels.sln"))) { return folder.FullName; }
        }

        return null;
    }
}
