using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;

namespace FlorenceKernels.Datasets;

/// <summary>Tux Paint stamps: a PNG beside a text file whose first line is one English sentence.</summary>
internal static class TuxpaintSource
{
    public static IReadOnlyList<SourceImage> Read(FetchedPackage package, EmojiConcepts concepts)
    {
        string root = Path.Combine(package.Path, "usr", "share", "tuxpaint", "stamps");
        var images = new List<SourceImage>();
        foreach (string png in DebianTree.Files(root, ".png"))
        {
            string sentence = Path.ChangeExtension(png, ".txt");
            if (!File.Exists(sentence)) continue;
            string line = (File.ReadLines(sentence).FirstOrDefault() ?? "").Trim();
            if (TextKey.Normalise(line).Length == 0) continue;
            images.Add(Image(package.Package, Path.GetRelativePath(root, png), png, line, concepts));
        }

        return images;
    }

    public static SourceImage Image(SourcePackage package, string relative, string path, string sentence, EmojiConcepts concepts)
    {
        string normalised = TextKey.Normalise(sentence);
        EmojiConcept? concept = concepts.ByText(normalised);
        string[] folders = relative.Replace('\\', '/').Split('/')[..^1];
        string text = sentence.TrimEnd('.', ' ');
        return new SourceImage
        {
            Id = $"{package.Source}/{Path.ChangeExtension(relative, null).Replace('\\', '/')}",
            Source = package.Source,
            Licence = package.Licence,
            // "A flower." goes into a template as "flower"; a whole sentence stays one.
            Text = TextKey.Words(normalised) <= 2 ? normalised : text,
            Key = concept?.Key ?? normalised,
            KnownConcept = concept is not null,
            Format = ImageFormat.Png,
            Rich = TextKey.Words(sentence) >= 4 ? text : null,
            Tags = folders,
            Group = folders.Length > 0 ? folders[0] : "",
            Subgroup = string.Join('/', folders.Skip(1)),
            IsFlag = Array.IndexOf(folders, "flags") >= 0 || concept is { IsFlag: true },
            Path = path,
        };
    }
}
