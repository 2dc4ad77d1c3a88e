using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;

namespace FlorenceKernels.Data;

/// <summary>UniCL labels of texts, mode Hash (Florence, section 2.1): identical descriptions share a label, others do not. The
/// key is a 64-bit FNV-1a hash of the normalised text; texts that only share the hash are told apart by their words.</summary>
public sealed class TextLabels
{
    private readonly Func<string, ulong> _hash;
    private readonly Func<string, string> _normalize;
    private readonly Dictionary<ulong, List<(string Text, long Label)>> _labels = [];

    /// <summary>Makes an empty table.</summary>
    /// <param name="normalize">What makes two texts identical; by default <see cref="Normalize"/>.</param>
    public TextLabels(Func<string, string>? normalize = null) : this(normalize ?? Normalize, Fnv1a)
    {
    }

    internal TextLabels(Func<string, string> normalize, Func<string, ulong> hash) => (_normalize, _hash) = (normalize, hash);

    /// <summary>Number of different texts seen.</summary>
    public long Count { get; private set; }

    /// <summary>Number of texts whose hash another text had already.</summary>
    public long Collisions { get; private set; }

    /// <summary>Label of a text: 0, 1, 2 … in order of first sight. Ask with the raw text, before any template.</summary>
    public long LabelOf(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var key = _normalize(text);
        var hash = _hash(key);
        if (!_labels.TryGetValue(hash, out var bucket)) _labels[hash] = bucket = [];
        foreach (var (known, label) in bucket)
            if (string.Equals(known, key, StringComparison.Ordinal)) return label;
        if (bucket.Count > 0) Collisions++;
        bucket.Add((key, Count));
        return Count++;
    }

    /// <summary>NFC, white space collapsed, lower case.</summary>
    public static string Normalize(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return TextCleaning.Lower(TextCleaning.CollapseSpaces(UnicodeComposition.Normalize(text)));
    }

    /// <summary>As <see cref="Normalize"/>, and without brackets with what is in them, punctuation and articles: "A dog." and
    /// "the dog (small)" are both "dog". Joins the names of drawn pictures from different artists.</summary>
    public static string NormalizeName(string text)
    {
        var plain = new StringBuilder();
        var depth = 0;
        foreach (var c in Normalize(text))
        {
            if (c is '(' or '[') depth++;
            else if (c is ')' or ']') depth = Math.Max(0, depth - 1);
            else if (depth == 0 && IsWordCharacter(c)) plain.Append(c);
            else plain.Append(c is '\'' or '\u2019' ? "" : " ");
        }
        var words = new List<string>();
        foreach (var word in plain.ToString().Split(' ', StringSplitOptions.RemoveEmptyEntries))
            if (word is not ("a" or "an" or "the")) words.Add(word);
        // a text of nothing but articles or symbols keeps itself
        return words.Count > 0 ? string.Join(' ', words) : Normalize(text);
    }

    private static bool IsWordCharacter(char c) => char.IsLetterOrDigit(c) || char.IsSurrogate(c)
        || char.GetUnicodeCategory(c) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark;

    private static ulong Fnv1a(string text)
    {
        var hash = 14695981039346656037UL;
        foreach (var b in Encoding.UTF8.GetBytes(text)) hash = unchecked((hash ^ b) * 1099511628211UL);
        return hash;
    }
}
