using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;
using System.Text.Json;

namespace FlorenceKernels.Datasets;

/// <summary>An icon set in one JSON file: SVG bodies by name, perhaps with a table from code points to names.</summary>
internal static class IconifySource
{
    public static IReadOnlyList<SourceImage> Read(FetchedPackage package, EmojiConcepts concepts)
    {
        const string icons = "package/icons.json", chars = "package/chars.json";
        Dictionary<string, byte[]> members = NpmArchive.Read(package.Path, name => name is icons or chars);
        return Parse(members.Member(icons, package.Path), members.GetValueOrDefault(chars), package.Package, concepts);
    }

    public static IReadOnlyList<SourceImage> Parse(byte[] icons, byte[]? chars, SourcePackage package, EmojiConcepts concepts)
    {
        using JsonDocument document = JsonDocument.Parse(icons);
        JsonElement root = document.RootElement;
        JsonElement bodies = root.GetProperty("icons");
        JsonElement? aliases = root.TryGetProperty("aliases", out JsonElement a) ? a : null;
        var names = new Dictionary<EmojiConcept, List<string>>();
        if (chars is not null) AddByCode(chars, concepts, names);
        foreach (JsonProperty icon in bodies.EnumerateObject().Concat(aliases?.EnumerateObject().ToArray() ?? []))
        {
            if (Concept(icon.Name, package, concepts) is not { } concept) continue;
            if (names.TryAdd(concept, [icon.Name]) || !package.NumberedDrawings) continue;
            names[concept].Add(icon.Name);
        }

        var images = new List<SourceImage>(names.Count);
        foreach ((EmojiConcept concept, List<string> drawings) in names.OrderBy(n => n.Key.Code, StringComparer.Ordinal))
        {
            foreach (string name in drawings)
            {
                if (Svg(root, bodies, aliases, name) is not { } svg) continue;
                SourceImage image = Image(concept, package, svg);
                images.Add(name == drawings[0] ? image : image with { Id = $"{package.Source}/{name}" });
            }
        }

        return images;
    }

    /// <summary>What the icon is named after: <c>fox-face-2</c> is another drawing of <c>fox-face</c>.</summary>
    private static EmojiConcept? Concept(string icon, SourcePackage package, EmojiConcepts concepts)
    {
        string name = package.NumberedDrawings && icon is [.., '-', >= '0' and <= '9'] ? icon[..^2] : icon;
        return concepts.ByIconName(name);
    }

    public static SourceImage Image(EmojiConcept concept, SourcePackage package, byte[] svg) => new()
    {
        Id = $"{package.Source}/{concept.Code}",
        Source = package.Source,
        Licence = package.Licence,
        Text = concept.Label,
        Key = concept.Key,
        KnownConcept = true,
        Format = ImageFormat.Svg,
        Rich = concept.Rich,
        Tags = concept.Tags,
        Group = concept.Group,
        Subgroup = concept.Subgroup,
        IsFlag = concept.IsFlag,
        Data = svg,
    };

    private static void AddByCode(byte[] chars, EmojiConcepts concepts, Dictionary<EmojiConcept, List<string>> names)
    {
        using JsonDocument document = JsonDocument.Parse(chars);
        foreach (JsonProperty entry in document.RootElement.EnumerateObject())
        {
            if (concepts.ByCode(entry.Name) is { } concept) names.TryAdd(concept, [entry.Value.GetString()!]);
        }
    }

    /// <summary>
    /// The icon as an SVG file; null for a name that is not there or an alias that is turned in a way not handled.
    /// </summary>
    private static byte[]? Svg(JsonElement root, JsonElement bodies, JsonElement? aliases, string name)
    {
        bool mirrored = false;
        if (!bodies.TryGetProperty(name, out JsonElement icon))
        {
            if (aliases is not { } list || !list.TryGetProperty(name, out JsonElement alias)) return null;
            if (alias.TryGetProperty("rotate", out _) || alias.TryGetProperty("vFlip", out _)) return null;
            mirrored = alias.TryGetProperty("hFlip", out JsonElement flip) && flip.GetBoolean();
            if (!bodies.TryGetProperty(alias.GetProperty("parent").GetString()!, out icon)) return null;
        }

        double left = Number("left", 0), top = Number("top", 0), width = Number("width", 16), height = Number("height", 16);
        // The rasteriser knows SVG 1.1's name of the attribute only, and would draw nothing for each <use>.
        string body = icon.GetProperty("body").GetString()!.Replace(" href=\"", " xlink:href=\"", StringComparison.Ordinal);
        // A mirror about the middle of the view box: x -> 2 left + width - x.
        if (mirrored) body = $"<g transform=\"translate({Say(2 * left + width)} 0) scale(-1 1)\">{body}</g>";
        return Encoding.UTF8.GetBytes("<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" " +
            $"viewBox=\"{Say(left)} {Say(top)} {Say(width)} {Say(height)}\">{body}</svg>");

        double Number(string property, double otherwise) =>
            icon.TryGetProperty(property, out JsonElement own) ? own.GetDouble()
            : root.TryGetProperty(property, out JsonElement shared) ? shared.GetDouble() : otherwise;
    }

    private static string Say(double value) => value.ToString("R", CultureInfo.InvariantCulture);
}
