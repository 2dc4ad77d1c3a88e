using System;
using System.Collections.Generic;
using System.Linq;

namespace FlorenceKernels.Cli;

/// <summary>Finds what a mistyped name was meant to be.</summary>
internal static class NearestName
{
    /// <summary>" (did you mean 'x'?)", or nothing when no name is near.</summary>
    public static string Hint(string given, IEnumerable<string> known) => Of(given, known) is { } name
        ? $" (did you mean '{name}'?)" : "";

    /// <summary>The nearest name; null when all are far. A name whose last part is the given one counts as near.</summary>
    public static string? Of(string given, IEnumerable<string> known)
    {
        string[] names = [.. known];
        if (names.FirstOrDefault(n => n.EndsWith('.' + given, StringComparison.OrdinalIgnoreCase)) is { } deeper)
        {
            return deeper;
        }
        var best = names.Select(n
            => (Name: n, Distance: Math.Min(Distance(given, n), Distance(given, n[(n.LastIndexOf('.') + 1)..]))))
            .OrderBy(p => p.Distance).ThenBy(p => p.Name, StringComparer.Ordinal).FirstOrDefault();
        return best.Name is not null && best.Distance <= Math.Max(2, given.Length / 3) ? best.Name : null;
    }

    // Levenshtein distance, one row at a time.
    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var same = char.ToLowerInvariant(a[i - 1]) == char.ToLowerInvariant(b[j - 1]) ? 0 : 1;
                (diagonal, row[j]) = (row[j], Math.Min(Math.Min(row[j], row[j - 1]) + 1, diagonal + same));
            }
        }

        return row[^1];
    }
}
