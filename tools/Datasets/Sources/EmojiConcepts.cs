using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.Json;

namespace FlorenceKernels.Datasets;

/// <summary>One emoji: its code points, CLDR label, tags and place in the hierarchy.</summary>
internal sealed record EmojiConcept(string Code, string Label, string Key, string[] Tags, string Group, string Subgroup)
{
    public bool IsFlag => Group == "flags";

    /// <summary><c>label: tag, tag</c>, without tags that only repeat the label; null when nothing is left to add.</summary>
    public string? Rich
    {
        get
        {
            string[] more = Tags.Where(t => !string.Equals(t, Label, StringComparison.OrdinalIgnoreCase)).ToArray();
            return more.Length == 0 ? null : $"{Label}: {string.Join(", ", more)}";
        }
    }
}

/// <summary>
/// The emoji by code points, by name (for icons) and by text (for captions of other collections, which know more short names). A
/// CLDR label wins over a Unicode name, and that over a short name.
/// </summary>
internal sealed class EmojiConcepts
{
    private readonly Dictionary<string, EmojiConcept> _byCode = new(StringComparer.Ordinal);
    private readonly Dictionary<string, EmojiConcept> _byName = new(StringComparer.Ordinal);
    private readonly Dictionary<string, EmojiConcept> _byText = new(StringComparer.Ordinal);

    public IReadOnlyCollection<EmojiConcept> All => _byCode.Values;

    public static EmojiConcepts Parse(byte[] data, byte[] groups, byte[] unicodeNames, byte[] shortNames,
        params byte[][] captionNames)
    {
        var concepts = new EmojiConcepts();
        concepts.AddConcepts(data, groups);
        foreach (EmojiConcept concept in concepts.All) concepts.AddName(concept, concept.Label);
        foreach ((string code, JsonElement value) in Object(unicodeNames))
        {
            // Only icons are looked up by Unicode name: captions of other collections do not use them.
            if (concepts.ByCode(code) is { } concept) concepts._byName.TryAdd(TextKey.Squash(value.GetString()!), concept);
        }

        foreach ((EmojiConcept concept, string name) in concepts.ShortNames(shortNames)) concepts.AddName(concept, name);
        foreach (byte[] names in captionNames)
        {
            foreach ((EmojiConcept concept, string name) in concepts.ShortNames(names)) concepts.AddCaption(concept, name);
        }

        return concepts;
    }

    public static EmojiConcepts Read(FetchedPackage package)
    {
        const string shorts = "package/en/shortcodes/";
        string[] wanted = ["package/en/data.json", "package/meta/groups.json", "package/meta/unicode-names.json",
            shorts + "iamcal.json", shorts + "emojibase.json", shorts + "emojibase-legacy.json"];
        Dictionary<string, byte[]> members = NpmArchive.Read(package.Path, name => Array.IndexOf(wanted, name) >= 0);
        byte[][] files = wanted.Select(name => members.Member(name, package.Path)).ToArray();
        return Parse(files[0], files[1], files[2], files[3], files[4], files[5]);
    }

    /// <summary>Lower-case code points joined by hyphens, without the variation selector.</summary>
    public static string CodeOf(string hexcode) =>
        string.Join('-', hexcode.ToLowerInvariant().Split('-').Where(part => part != "fe0f"));

    public EmojiConcept? ByCode(string hexcode) => _byCode.GetValueOrDefault(CodeOf(hexcode));

    /// <summary>The concept a caption names: "lightbulb" is a "light bulb".</summary>
    public EmojiConcept? ByText(string normalised) => _byText.GetValueOrDefault(TextKey.Squash(normalised));

    /// <summary>The concept an icon is named after.</summary>
    public EmojiConcept? ByIconName(string icon)
    {
        string name = TextKey.Squash(icon);
        if (_byName.TryGetValue(name, out EmojiConcept? found)) return found;
        if (IconNames.TryGetValue(icon, out string? label)) return _byName.GetValueOrDefault(TextKey.Squash(label));
        const string flagFor = "flagfor";
        if (!name.StartsWith(flagFor, StringComparison.Ordinal)) return null;
        string land = name[flagFor.Length..];
        return _byName.GetValueOrDefault("flag" + land) ?? _byName.GetValueOrDefault(land);
    }

    // Names that the vendors' older label lists gave to what CLDR calls otherwise today.
    private static readonly Dictionary<string, string> IconNames = new(StringComparer.Ordinal)
    {
        ["a-button"] = "A button (blood type)",
        ["ab-button"] = "AB button (blood type)",
        ["b-button"] = "B button (blood type)",
        ["o-button"] = "O button (blood type)",
        ["grinning-cat-face"] = "grinning cat",
        ["kissing-cat-face"] = "kissing cat",
        ["smiling-cat-face-with-heart-eyes"] = "smiling cat with heart-eyes",
        ["laptop-computer"] = "laptop",
        ["exclamation-mark"] = "red exclamation mark",
        ["question-mark"] = "red question mark",
        ["blond-haired-person"] = "person: blond hair",
        ["man-in-suit-levitating"] = "person in suit levitating",
        ["man-with-chinese-cap"] = "person with skullcap",
        ["up-exclamation-button"] = "UP! button",
        ["up-text-button"] = "UP! button",
        ["on-exclamation-arrow"] = "ON! arrow",
    };

    private void AddConcepts(byte[] data, byte[] groups)
    {
        using JsonDocument names = JsonDocument.Parse(groups);
        JsonElement groupNames = names.RootElement.GetProperty("groups");
        JsonElement subgroupNames = names.RootElement.GetProperty("subgroups");
        using JsonDocument list = JsonDocument.Parse(data);
        foreach (JsonElement item in list.RootElement.EnumerateArray())
        {
            if (!item.TryGetProperty("group", out JsonElement group)) continue; // the 26 regional indicator letters
            string code = CodeOf(item.GetProperty("hexcode").GetString()!);
            string label = item.GetProperty("label").GetString()!;
            string[] tags = item.TryGetProperty("tags", out JsonElement t)
                ? t.EnumerateArray().Select(x => x.GetString()!).ToArray() : [];
            _byCode[code] = new EmojiConcept(code, label, TextKey.Normalise(label), tags,
                groupNames.GetProperty(group.GetInt32().ToString()).GetString()!,
                subgroupNames.GetProperty(item.GetProperty("subgroup").GetInt32().ToString()).GetString()!);
        }
    }

    private void AddName(EmojiConcept concept, string name)
    {
        _byName.TryAdd(TextKey.Squash(name), concept);
        AddCaption(concept, name);
    }

    private void AddCaption(EmojiConcept concept, string name)
    {
        string text = TextKey.Squash(TextKey.Normalise(name));
        // "+1" and "100" would make concepts of bare numbers.
        if (text.Length > 1 && text.Any(char.IsLetter)) _byText.TryAdd(text, concept);
    }

    private IEnumerable<(EmojiConcept Concept, string Name)> ShortNames(byte[] json)
    {
        foreach ((string code, JsonElement value) in Object(json))
        {
            if (ByCode(code) is not { } concept) continue;
            IEnumerable<JsonElement> names = value.ValueKind == JsonValueKind.Array ? value.EnumerateArray() : [value];
            foreach (JsonElement name in names) yield return (concept, name.GetString()!.Replace('_', ' '));
        }
    }

    private static List<(string Name, JsonElement Value)> Object(byte[] json)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        return document.RootElement.EnumerateObject().Select(p => (p.Name, p.Value.Clone())).ToList();
    }
}
