using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.Json;

namespace FlorenceKernels.Datasets;

/// <summary>OpenMoji: one colour SVG per emoji. Its own <c>extras</c> groups hold brand logos and are left out.</summary>
internal static class OpenMojiSource
{
    private const string List = "package/data/openmoji.json";
    private const string Folder = "package/color/svg/";

    public static IReadOnlyList<SourceImage> Read(FetchedPackage package, EmojiConcepts concepts)
    {
        Dictionary<string, byte[]> members = NpmArchive.Read(package.Path,
            name => name == List || (name.StartsWith(Folder, StringComparison.Ordinal)
                && name.EndsWith(".svg", StringComparison.Ordinal)));
        using JsonDocument document = JsonDocument.Parse(members.Member(List, package.Path));
        var found = new SortedDictionary<string, SourceImage>(StringComparer.Ordinal);
        foreach (JsonElement item in document.RootElement.EnumerateArray())
        {
            if (item.GetProperty("skintone").ToString().Length > 0) continue;
            if (item.GetProperty("group").GetString()!.StartsWith("extras", StringComparison.Ordinal)) continue;
            string hexcode = item.GetProperty("hexcode").GetString()!;
            if (concepts.ByCode(hexcode) is not { } concept) continue;
            if (!members.TryGetValue($"{Folder}{hexcode}.svg", out byte[]? svg)) continue;
            found.TryAdd(concept.Code, IconifySource.Image(concept, package.Package, svg) with
            {
                Tags = Merge(concept.Tags, item.GetProperty("openmoji_tags").GetString()!),
            });
        }

        return found.Values.ToArray();
    }

    private static string[] Merge(string[] tags, string more) =>
        tags.Concat(more.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)).Distinct().ToArray();
}
