using System;
using System.Collections.Generic;
using System.Linq;
using System.Security.Cryptography;
using System.Text;
using System.Threading;
using FlorenceKernels.Data;

namespace FlorenceKernels.Datasets;

/// <summary>
/// Fetches the sources, draws them, splits them by rule R and writes the data set; does nothing when it is there already.
/// </summary>
public static class PairSetBuilder
{
    public const string AttributionFile = "ATTRIBUTION.md";

    // Raise when parsing, drawing or the split changes, so that caches of older programs are rebuilt.
    private const int RuleVersion = 1;

    /// <summary>Fetches what is missing and builds; the report says what was made, or what stood there already.</summary>
    public static BuildReport Build(BuildOptions options, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Side < ColourCells.Grid || options.Side % ColourCells.Grid != 0)
            throw new ArgumentException($"The side of the images is {options.Side}; it must be a multiple of " +
                $"{ColourCells.Grid}.");
        var cache = new PackageCache(options.Packages, options.FetchLimit);
        IReadOnlyList<FetchedPackage> packages = cache.Fetch(SourcePackage.Choose(options.Collections, options.Permissive),
            out IReadOnlyList<string> missing, options.Progress, cancel);
        string inputs = InputsHash(options, packages);
        if (BuildReport.Read(options.Output) is { } standing && standing.Inputs == inputs) return standing;

        options.Progress?.Invoke(new DatasetProgress("parse", 0, 1, "sources"));
        SourceImage[] images = ReadSources(packages);
        (byte[]? Rgba, string? Fault)[] drawn = Rasterizer.DrawAll(images, options.Side, options.Threads,
            done => options.Progress?.Invoke(new DatasetProgress("draw", done, images.Length, "images")), cancel);
        string[] undrawable = images.Zip(drawn).Where(p => p.Second.Rgba is null).Select(p => $"{p.First.Id}: {p.Second.Fault}")
            .ToArray();
        (images, byte[][] pixels) = Drawn(images, drawn);

        options.Progress?.Invoke(new DatasetProgress("split", 0, 1, "clusters"));
        int[] clusters = ImageClusters.Of(pixels.Select(p => ColourCells.Of(p, options.Side)).ToArray());
        SplitOutcome[] outcome = SplitRule.Apply(images
            .Select((image, i) => new SplitInput(image.Source, image.Key, image.KnownConcept, image.IsFlag, clusters[i]))
                .ToArray());
        cancel.ThrowIfCancellationRequested();
        var samples = new PairSample?[images.Length];
        for (int i = 0; i < images.Length; i++) samples[i] = Sample(images[i], outcome[i], clusters[i]);
        BuildReport report = Report(options, inputs, packages, samples, undrawable, missing);
        Write(options, report, samples, pixels);
        options.Progress?.Invoke(new DatasetProgress("write", 1, 1, options.Output));
        return report;
    }

    private static SourceImage[] ReadSources(IReadOnlyList<FetchedPackage> packages)
    {
        FetchedPackage texts = packages.Single(p => p.Package.Source == SourcePackage.Texts);
        EmojiConcepts concepts = EmojiConcepts.Read(texts);
        var images = new List<SourceImage>();
        foreach (FetchedPackage package in packages)
        {
            images.AddRange(package.Package.Source switch
            {
                SourcePackage.Texts => [],
                "openmoji" => OpenMojiSource.Read(package, concepts),
                SplitRule.Photos => TuxpaintSource.Read(package, concepts),
                SplitRule.ClipArt => OpenclipartSource.Read(package, concepts),
                _ => IconifySource.Read(package, concepts),
            });
        }

        return images.ToArray();
    }

    private static (SourceImage[] Images, byte[][] Pixels) Drawn(SourceImage[] images, (byte[]? Rgba, string? Fault)[] drawn)
    {
        var kept = new List<SourceImage>(images.Length);
        var pixels = new List<byte[]>(images.Length);
        for (int i = 0; i < images.Length; i++)
        {
            if (drawn[i].Rgba is not { } rgba) continue;
            kept.Add(images[i]);
            pixels.Add(rgba);
        }

        return (kept.ToArray(), pixels.ToArray());
    }

    private static PairSample? Sample(SourceImage image, SplitOutcome outcome, int cluster) =>
        outcome.Split is not { } split ? null : new()
        {
            Id = image.Id,
            Source = image.Source,
            Split = split,
            Key = image.Key,
            Text = image.Text,
            Rich = image.Rich,
            Tags = image.Tags,
            Group = image.Group,
            Subgroup = image.Subgroup,
            Licence = image.Licence,
            Scored = outcome.Scored,
            Cluster = cluster,
        };

    private static BuildReport Report(BuildOptions options, string inputs, IReadOnlyList<FetchedPackage> packages,
        PairSample?[] samples, string[] undrawable, IReadOnlyList<string> missing)
    {
        PairSample[] kept = samples.OfType<PairSample>().ToArray();
        return BuildReport.Counting(inputs, options.Side, kept) with
        {
            Collections = options.Collections,
            Permissive = options.Permissive,
            Packages = packages.Select(p => new PackageRecord(p.Package.Name, p.Version, p.Sha256, p.Bytes, p.Package.Source,
                p.Package.Licence)).ToArray(),
            Dropped = samples.Length - kept.Length,
            Undrawable = undrawable,
            Missing = missing,
        };
    }

    private static void Write(BuildOptions options, BuildReport report, PairSample?[] samples, byte[][] pixels)
    {
        using var writer = new PairCacheWriter(options.Output, options.Side, options.Side);
        for (int i = 0; i < samples.Length; i++)
        {
            if (samples[i] is { } sample) writer.Add(sample, pixels[i]);
        }

        writer.AddFile(AttributionFile, Attribution.Write(report));
        writer.AddFile(BuildReport.FileName, report.ToJson());
        writer.Commit();
    }

    private static string InputsHash(BuildOptions options, IReadOnlyList<FetchedPackage> packages)
    {
        var text = new StringBuilder($"rules {RuleVersion}, side {options.Side}, permissive {options.Permissive}\n");
        foreach (FetchedPackage package in packages.OrderBy(p => p.Package.Name, StringComparer.Ordinal))
            text.Append(package.Package.Name).Append(' ').Append(package.Sha256).Append('\n');
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
    }
}
