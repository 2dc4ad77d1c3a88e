using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net;
using System.Text.RegularExpressions;

namespace FlorenceKernels.Datasets;

/// <summary>
/// The Open Clip Art Library: SVG files whose metadata hold a title, keywords and sometimes a description. Titles are noisy like
/// the web's: one that says nothing is replaced by the words of the file name.
/// </summary>
internal static partial class OpenclipartSource
{
    private const int MaxFileBytes = 2 << 20;
    private const int MaxUses = 4;
    private const int MaxTextChars = 1000;
    private const int LeastTextChars = 3;
    private static readonly string[] DroppedFolders = ["shapes", "special", "geography", "cards", "dice", "led", "clocks",
        "map_symbols"];
    private static readonly string[] DroppedKeywords = ["hash", "icons", "theme", "unsorted", "sign", "symbol", "menu"];

    /// <summary>What one file says of itself.</summary>
    internal sealed record Entry(string Path, string Relative, string Title, string Description, string[] Keywords,
        string[] Authors);

    public static IReadOnlyList<SourceImage> Read(FetchedPackage package, EmojiConcepts concepts)
    {
        string root = System.IO.Path.Combine(package.Path, "usr", "share", "openclipart", "svg");
        var entries = new List<Entry>();
        foreach (string path in DebianTree.Files(root, ".svg"))
        {
            string relative = System.IO.Path.GetRelativePath(root, path).Replace('\\', '/');
            if (IsDropped(relative) || new FileInfo(path).Length > MaxFileBytes) continue;
            if (Parse(path, relative, File.ReadAllText(path)) is { } entry) entries.Add(entry);
        }

        return Images(entries, package.Package, concepts);
    }

    public static bool IsDropped(string relative) =>
        relative.Split('/')[..^1].Any(f =>
            Array.IndexOf(DroppedFolders, f) >= 0 || f.EndsWith("-theme", StringComparison.Ordinal));

    /// <summary>Reads the metadata; null unless the file itself says that it is in the public domain.</summary>
    public static Entry? Parse(string path, string relative, string svg)
    {
        Match metadata = WorkElement().Match(svg);
        if (!metadata.Success) return null;
        if (!svg.Contains("PublicDomain", StringComparison.OrdinalIgnoreCase)
            && !svg.Contains("public domain", StringComparison.OrdinalIgnoreCase)) return null;
        if (svg.Contains("creativecommons.org/licenses/GPL", StringComparison.OrdinalIgnoreCase)) return null;
        string work = metadata.Value;
        string[] authors = Agent().Matches(work).SelectMany(a => Words(Title().Match(a.Value).Groups[1].Value)).Distinct()
            .ToArray();
        string own = Agent().Replace(work, "");
        string[] keywords = Item().Matches(own).Select(m => Clean(m.Groups[1].Value))
            .Where(k => IsKeyword(k) && !Words(k).All(w => authors.Contains(w, StringComparer.OrdinalIgnoreCase)))
            .Distinct().Take(32).ToArray();
        return new Entry(path, relative, Clean(Title().Match(own).Groups[1].Value),
            Clean(Description().Match(own).Groups[1].Value), keywords, authors);
    }

    public static IReadOnlyList<SourceImage> Images(IReadOnlyList<Entry> entries, SourcePackage package, EmojiConcepts concepts)
    {
        Dictionary<string, int> uses = entries.GroupBy(e => e.Title.ToLowerInvariant()).ToDictionary(g => g.Key, g => g.Count());
        var images = new List<SourceImage>(entries.Count);
        foreach (Entry entry in entries)
        {
            bool empty = TextKey.Normalise(entry.Title).Length == 0;
            bool poor = empty || uses[entry.Title.ToLowerInvariant()] > MaxUses || Boilerplate().IsMatch(entry.Title);
            string text = poor ? FromFileName(entry) : entry.Title;
            if (TextKey.Normalise(text).Length >= LeastTextChars) images.Add(Image(entry, text, package, concepts));
        }

        return images;
    }

    /// <summary>The words of the file name without numbers and without the author's name, which may be cut short.</summary>
    public static string FromFileName(Entry entry)
    {
        string stem = System.IO.Path.GetFileNameWithoutExtension(entry.Relative);
        IEnumerable<string> words = stem.Split('_', '-', '.', ' ')
            .Select(w => w.Trim('0', '1', '2', '3', '4', '5', '6', '7', '8', '9'))
            .Where(w => w.Length > 1 && !entry.Authors.Any(a => a.StartsWith(w, StringComparison.OrdinalIgnoreCase)));
        return string.Join(' ', words);
    }

    private static SourceImage Image(Entry entry, string text, SourcePackage package, EmojiConcepts concepts)
    {
        string normalised = TextKey.Normalise(text);
        EmojiConcept? concept = concepts.ByText(normalised);
        string[] folders = entry.Relative.Split('/')[..^1];
        string? rich = entry.Keywords.Length > 0 ? $"{text}, {string.Join(", ", entry.Keywords)}" : null;
        if (TextKey.Words(entry.Description) >= 4 && entry.Description.Length <= 500) rich = entry.Description;
        return new SourceImage
        {
            Id = $"{package.Source}/{System.IO.Path.ChangeExtension(entry.Relative, null)}",
            Source = package.Source,
            Licence = package.Licence,
            Text = text,
            Key = concept?.Key ?? normalised,
            KnownConcept = concept is not null,
            Format = ImageFormat.Svg,
            Trim = true,
            Rich = rich,
            Tags = entry.Keywords,
            Group = folders.Length > 0 ? folders[0] : "",
            Subgroup = string.Join('/', folders.Skip(1)),
            IsFlag = Array.IndexOf(folders, "flags") >= 0 || concept is { IsFlag: true },
            Path = entry.Path,
        };
    }

    // "hash(0x89f892c)" is what a program once wrote in place of a keyword.
    private static bool IsKeyword(string text) => text.Any(char.IsLetter) && !text.Contains("0x", StringComparison.Ordinal)
        && Array.IndexOf(DroppedKeywords, text.ToLowerInvariant()) < 0;

    private static string[] Words(string name) => name.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);

    private static string Clean(string text)
    {
        string plain = Spaces().Replace(WebUtility.HtmlDecode(WebUtility.HtmlDecode(text)), " ").Trim();
        return plain.Length <= MaxTextChars ? plain : "";
    }

    [GeneratedRegex(@"<(?:\w+:)?Work\b.*?</(?:\w+:)?Work>", RegexOptions.Singleline | RegexOptions.NonBacktracking)]
    private static partial Regex WorkElement();

    [GeneratedRegex(@"<(?:\w+:)?Agent\b.*?</(?:\w+:)?Agent>", RegexOptions.Singleline | RegexOptions.NonBacktracking)]
    private static partial Regex Agent();

    [GeneratedRegex(@"<(?:\w+:)?title\b[^>]*>([^<]*)</", RegexOptions.NonBacktracking)]
    private static partial Regex Title();

    [GeneratedRegex(@"<(?:\w+:)?description\b[^>]*>([^<]*)</", RegexOptions.NonBacktracking)]
    private static partial Regex Description();

    [GeneratedRegex(@"<(?:\w+:)?li\b[^>]*>([^<]*)</", RegexOptions.NonBacktracking)]
    private static partial Regex Item();

    [GeneratedRegex(@"\s+", RegexOptions.NonBacktracking)]
    private static partial Regex Spaces();

    [GeneratedRegex("clipart by|submission|icon theme|road signs|untitled|part of the flat icon",
        RegexOptions.IgnoreCase | RegexOptions.NonBacktracking)]
    private static partial Regex Boilerplate();
}
