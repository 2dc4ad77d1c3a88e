using System;
using System.Collections.Generic;
using System.IO;

namespace FlorenceKernels.Data;

/// <summary>Reads the small text tables built into this assembly; lines that start with '#' say where a table comes
/// from.</summary>
internal static class DataResource
{
    internal static IEnumerable<string> Lines(string name)
    {
        using var stream = typeof(DataResource).Assembly.GetManifestResourceStream(name)
            ?? throw new InvalidOperationException($"The built-in table '{name}' is missing from the assembly.");
        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is { } line)
            if (line.Length > 0 && line[0] != '#') yield return line;
    }
}
