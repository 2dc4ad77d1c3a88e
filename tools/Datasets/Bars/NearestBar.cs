using System;
using System.Collections.Generic;
using System.Linq;
using System.Numerics;
using System.Threading.Tasks;
using FlorenceKernels.Data;

namespace FlorenceKernels.Datasets;

/// <summary>The score of the nearest-picture bar on one set of images.</summary>
public sealed record BarScore(string Name, int Images, int Classes, int Top1, int Top5)
{
    public double Top1Rate => Images == 0 ? 0 : (double)Top1 / Images;
    public double Top5Rate => Images == 0 ? 0 : (double)Top5 / Images;
    public double Chance => Classes == 0 ? 0 : 1.0 / Classes;
    public override string ToString() =>
        $"{Name}: top-1 {Top1Rate:P1}, top-5 {Top5Rate:P1} of {Images} images, {Classes} classes (chance {Chance:P2})";
}

/// <summary>
/// The bar that a trained model must beat: the class of the training picture that looks most alike, among the pictures of the
/// classes asked for. Nothing in it is learned; the weight of shape against colour was chosen on val-vendor.
/// </summary>
public static class NearestBar
{
    /// <summary>Weight of the gradient histogram against the colour cells.</summary>
    public const float ShapeWeight = 1f;

    private static readonly HashSet<string> AnimalsAndFood = ["animals-nature", "food-drink"];

    /// <summary>Scores every zero-shot split of <paramref name="dataset"/> that has images.</summary>
    public static IReadOnlyList<BarScore> Score(PairDataset dataset, int? threads = null, float shapeWeight = ShapeWeight)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        (string Name, int[] Queries)[] sets =
        [
            ("val-vendor", dataset.Indices(PairSplit.ValVendor, s => s.Scored)),
            ("val-vendor, animals and food",
                dataset.Indices(PairSplit.ValVendor, s => s.Scored && AnimalsAndFood.Contains(s.Group))),
            ("test-vendor", dataset.Indices(PairSplit.TestVendor, s => s.Scored)),
            ("test-vendor, animals and food",
                dataset.Indices(PairSplit.TestVendor, s => s.Scored && AnimalsAndFood.Contains(s.Group))),
            ("test-photo", dataset.Indices(PairSplit.TestPhoto, s => s.Scored)),
        ];
        int[] train = dataset.Indices(PairSplit.Train);
        int[] all = train.Concat(sets.SelectMany(s => s.Queries)).Distinct().ToArray();
        var features = new float[]?[dataset.Samples.Count];
        var options = new ParallelOptions { MaxDegreeOfParallelism = threads ?? Environment.ProcessorCount };
        Parallel.ForEach(all, options, i => features[i] = LookFeatures.Of(dataset.Pixels(i), dataset.Width, shapeWeight));
        return sets.Where(s => s.Queries.Length > 0).Select(s => Score(dataset, s.Name, s.Queries, train, features, options))
            .ToArray();
    }

    private static BarScore Score(PairDataset dataset, string name, int[] queries, int[] train, float[]?[] features,
        ParallelOptions options)
    {
        HashSet<int> classes = queries.Select(q => dataset.Samples[q].Label).ToHashSet();
        int[] gallery = train.Where(t => classes.Contains(dataset.Samples[t].Label)).ToArray();
        var ranks = new int[queries.Length];
        Parallel.For(0, queries.Length, options, q =>
            ranks[q] = Rank(dataset, features[queries[q]]!, dataset.Samples[queries[q]].Label, gallery, features));
        return new BarScore(name, queries.Length, classes.Count, ranks.Count(r => r == 0), ranks.Count(r => r < 5));
    }

    /// <summary>How many other classes have a picture nearer than the nearest of the right class.</summary>
    private static int Rank(PairDataset dataset, float[] query, int label, int[] gallery, float[]?[] features)
    {
        var nearest = new Dictionary<int, float>();
        foreach (int image in gallery)
        {
            float distance = SquaredDistance(query, features[image]!);
            int other = dataset.Samples[image].Label;
            if (!nearest.TryGetValue(other, out float best) || distance < best) nearest[other] = distance;
        }

        if (!nearest.TryGetValue(label, out float own)) return int.MaxValue;
        return nearest.Count(n => n.Key != label && n.Value <= own);
    }

    private static float SquaredDistance(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        int width = Vector<float>.Count, i = 0;
        var sums = Vector<float>.Zero;
        for (; i <= a.Length - width; i += width)
        {
            Vector<float> d = new Vector<float>(a[i..]) - new Vector<float>(b[i..]);
            sums += d * d;
        }

        float sum = Vector.Sum(sums);
        for (; i < a.Length; i++) sum += (a[i] - b[i]) * (a[i] - b[i]);
        return sum;
    }
}
