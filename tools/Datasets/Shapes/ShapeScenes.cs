using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Data;

namespace FlorenceKernels.Datasets;

/// <summary>How many made scenes to write, and where.</summary>
public sealed record ShapeOptions
{
    public required string Output { get; init; }
    public ulong Seed { get; init; } = 1;
    public int Train { get; init; } = 4000;

    /// <summary>Held-out captions for retrieval.</summary>
    public int ValRetrieval { get; init; } = 200;
    public int TestRetrieval { get; init; } = 400;

    /// <summary>Drawings per class in each held-out style.</summary>
    public int PerClass { get; init; } = 2;
    public int Side { get; init; } = 64;
}

/// <summary>
/// A made data set in the format of the real one: scenes of one to three coloured shapes with a sentence each, from a seed alone.
/// Single shapes in two styles that training never shows are the zero-shot splits; captions chosen by the hash of rule R are held
/// out for retrieval.
/// </summary>
public static class ShapeScenes
{
    private const int RuleVersion = 1;
    private static readonly int Kinds = Enum.GetValues<ShapeKind>().Length;

    internal static readonly Colour[] Colours =
    [
        new("red", 214, 39, 40), new("orange", 255, 140, 20), new("yellow", 250, 210, 40), new("green", 44, 160, 60),
        new("blue", 40, 90, 210), new("purple", 130, 60, 190), new("brown", 130, 84, 50), new("black", 24, 24, 28),
    ];

    internal static readonly Colour[] Grounds =
    [
        new("white", 255, 255, 255), new("grey", 200, 200, 205), new("pink", 255, 214, 224), new("pale blue", 208, 228, 250),
    ];

    /// <summary>Writes the data set unless it stands there already; the report says what it holds.</summary>
    public static BuildReport Build(ShapeOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Side is < 16 or > 512)
            throw new ArgumentException($"The side of the scenes is {options.Side}; it must lie in 16..512.");
        if (options.Train < 0 || options.ValRetrieval < 0 || options.TestRetrieval < 0 || options.PerClass < 0)
            throw new ArgumentException("The number of scenes cannot be negative.");
        string inputs = $"shapes {RuleVersion}: {options with { Output = "" }}";
        if (BuildReport.Read(options.Output) is { } standing && standing.Inputs == inputs) return standing;

        List<(PairSample Sample, byte[] Rgba)> scenes = Generate(options);
        BuildReport report = BuildReport.Counting(inputs, options.Side, scenes.Select(s => s.Sample).ToArray());
        using var writer = new PairCacheWriter(options.Output, options.Side, options.Side);
        foreach ((PairSample sample, byte[] rgba) in scenes) writer.Add(sample, rgba);
        writer.AddFile(BuildReport.FileName, report.ToJson());
        writer.Commit();
        return report;
    }

    internal static List<(PairSample Sample, byte[] Rgba)> Generate(ShapeOptions options)
    {
        var scenes = new List<(PairSample, byte[])>();
        var wanted = new Dictionary<PairSplit, int>
        {
            [PairSplit.Train] = options.Train,
            [PairSplit.ValRetrieval] = options.ValRetrieval,
            [PairSplit.TestRetrieval] = options.TestRetrieval,
        };
        var heldOut = new HashSet<string>(StringComparer.Ordinal);
        for (long i = 0; wanted.Values.Any(w => w > 0); i++)
        {
            var random = new ShapeRandom(new SampleSeed(options.Seed, 0, i));
            SceneText text = ShapeSentences.Draw(ref random, 1 + random.Next(3), ShapeStyle.Plain);
            PairSplit split = text.Shapes.Length == 1 ? PairSplit.Train : SplitRule.Bucket(text.Key) switch
            {
                0 or 1 => PairSplit.TestRetrieval,
                2 => PairSplit.ValRetrieval,
                _ => PairSplit.Train,
            };
            // A caption occurs once in a gallery: a second scene of it would make the right answer ambiguous.
            if (wanted[split] == 0 || (split != PairSplit.Train && !heldOut.Add(text.Key))) continue;
            wanted[split]--;
            scenes.Add(Scene(options, scenes.Count, "shapes-plain", split, text, ref random));
        }

        AddHeldOutStyle(options, scenes, PairSplit.ValVendor, ShapeStyle.Outlined, "shapes-outlined");
        AddHeldOutStyle(options, scenes, PairSplit.TestVendor, ShapeStyle.Shaded, "shapes-shaded");
        return scenes;
    }

    private static void AddHeldOutStyle(
        ShapeOptions options, List<(PairSample, byte[])> scenes, PairSplit split, ShapeStyle style, string source)
    {
        for (int i = 0; i < Kinds * Colours.Length * options.PerClass; i++)
        {
            var random = new ShapeRandom(new SampleSeed(options.Seed, 1 + (int)split, i));
            SceneText text = ShapeSentences.Single(ref random, (ShapeKind)(i % Kinds), Colours[i / Kinds % Colours.Length],
                style);
            scenes.Add(Scene(options, scenes.Count, source, split, text, ref random));
        }
    }

    private static (PairSample, byte[]) Scene(
        ShapeOptions options, int index, string source, PairSplit split, SceneText text, ref ShapeRandom random)
    {
        Colour ground = Grounds[random.Next(Grounds.Length)];
        var sample = new PairSample
        {
            Id = $"{source}/{index:D6}",
            Source = source,
            Split = split,
            Key = text.Key,
            Text = text.Sentence,
            Rich = $"{text.Sentence} on a {ground.Name} background",
            Tags = text.Shapes.SelectMany(s => new[] { s.Colour.Name, ShapeSentences.Name(s.Kind) }).Distinct().ToArray(),
            Group = text.Shapes.Length switch { 1 => "one shape", 2 => "two shapes", _ => "three shapes" },
            Subgroup = text.Relation,
            Licence = "made by this program",
            Scored = split != PairSplit.Train,
            Cluster = index,
        };
        return (sample, ShapeRasterizer.Draw(text.Shapes, ground, options.Side));
    }
}
