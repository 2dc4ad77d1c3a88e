using System;
using System.Text;

namespace FlorenceKernels.Datasets;

/// <summary>The normalised text that decides which images are positives of one another.</summary>
internal static class TextKey
{
    private static readonly string[] Articles = ["a ", "an ", "the ", "some "];

    /// <summary>Lower case, no leading article, nothing in brackets, no punctuation, single spaces.</summary>
    public static string Normalise(string text)
    {
        string lower = text.Trim().ToLowerInvariant();
        foreach (string article in Articles)
        {
            if (!lower.StartsWith(article, StringComparison.Ordinal)) continue;
            lower = lower[article.Length..];
            break;
        }

        var kept = new StringBuilder(lower.Length);
        int depth = 0;
        foreach (char c in lower)
        {
            if (c is '(' or '[') depth++;
            else if (c is ')' or ']') depth = Math.Max(0, depth - 1);
            else if (depth > 0 || c is '\'' or '\u2019') continue;
            else if (char.IsLetterOrDigit(c)) kept.Append(c);
            else if (kept.Length > 0 && kept[^1] != ' ') kept.Append(' ');
        }

        return kept.ToString().TrimEnd();
    }

    /// <summary>Letters and digits only: icon names, labels and Unicode names differ in everything else.</summary>
    public static string Squash(string name)
    {
        var kept = new StringBuilder(name.Length);
        foreach (char c in name)
        {
            if (char.IsAsciiLetterOrDigit(c)) kept.Append(char.ToLowerInvariant(c));
        }

        return kept.ToString();
    }

    /// <summary>Number of words between white space.</summary>
    public static int Words(string text) => text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Length;
}
