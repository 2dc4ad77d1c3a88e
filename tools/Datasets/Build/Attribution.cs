using System;
using System.Linq;
using System.Text;

namespace FlorenceKernels.Datasets;

/// <summary>The notice that must go with the images wherever they go.</summary>
internal static class Attribution
{
    public static string Write(BuildReport report)
    {
        var text = new StringBuilder("# Attribution\n\nThe images of this data set are scaled drawings from the packages " +
            "below; the texts are " +
            "theirs too.\nArt under CC-BY and CC-BY-SA needs this notice wherever it is shown; share-alike art, and pictures " +
                "made from it, stay under the same licence.\n\n| source | artwork | package | version | licence | duties " +
                "|\n|---|---|---|---|---|---|\n");
        foreach (PackageRecord package in report.Packages.OrderBy(p => p.Source, StringComparer.Ordinal))
        {
            SourcePackage? known = SourcePackage.Emoji.Concat(SourcePackage.Collections)
                .FirstOrDefault(p => p.Name == package.Name);
            string duties = known is null ? "" : string.Join(", ",
                new[] { known.Attribution ? "attribution" : "", known.ShareAlike ? "share-alike" : "" }.Where(d => d.Length > 0));
            text.Append($"| {package.Source} | {known?.Artwork} | `{package.Name}` | {package.Version} | {package.Licence} | " +
                $"{duties} |\n");
        }

        return text.ToString();
    }
}
