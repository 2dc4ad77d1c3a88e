using System;
using System.Collections.Generic;
using System.Linq;

namespace FlorenceKernels.Models;

/// <summary>Which object each anchor of one image answers for.</summary>
/// <param name="Object">Index of the object per anchor, −1 for background; levels one behind the other.</param>
public sealed record Assignment(int[] Object)
{
    /// <summary>The anchors that have an object, in order.</summary>
    public IEnumerable<int> Positives => Enumerable.Range(0, Object.Length).Where(a => Object[a] >= 0);

    /// <summary>Labels for <see cref="FlorenceKernels.Tensors.F.SigmoidFocalLoss"/>: 0 background, k for class k − 1.</summary>
    public IEnumerable<long> Labels(IReadOnlyList<GroundTruth> objects) => Object.Select(g => g < 0 ? 0L : objects[g].Class + 1);
}

/// <summary>Adaptive training sample selection (Zhang et al., arXiv 1912.02424, algorithm 1). For each object: the k anchors of
/// each level whose centres are nearest are its candidates; those whose IoU is at least the candidates' mean plus standard
/// deviation, and whose centre lies inside the object, are positive. An anchor of several objects takes the one it overlaps most.
/// Host code: it is no part of the gradient, and its few comparisons per anchor are not worth a device's round trips.</summary>
public static class AtssAssigner
{
    // How far inside the object a centre must lie, in pixels.
    private const float Inside = 0.01f;

    /// <summary>Assigns one image's objects to the anchors of its levels.</summary>
    /// <param name="levels">Anchors per level.</param>
    /// <param name="objects">The image's objects; none makes all background.</param>
    /// <param name="topK">Candidates per level and object.</param>
    public static Assignment Assign(IReadOnlyList<BoundingBox[]> levels, IReadOnlyList<GroundTruth> objects, int topK = 9)
    {
        BoundingBox[] anchors = [.. levels.SelectMany(l => l)];
        var assigned = new int[anchors.Length];
        Array.Fill(assigned, -1);
        var best = new float[anchors.Length];
        for (var g = 0; g < objects.Count; g++)
        {
            var box = objects[g].Box;
            int[] candidates = [.. Candidates(levels, box.Centre, topK)];
            float[] overlaps = [.. candidates.Select(a => anchors[a].IoU(box))];
            var threshold = Threshold(overlaps);
            for (var i = 0; i < candidates.Length; i++)
            {
                var a = candidates[i];
                // NaN (the deviation of a single candidate) admits none.
                if (!(overlaps[i] >= threshold) || !IsInside(box, anchors[a])) { continue; }
                if (assigned[a] < 0 || overlaps[i] > best[a]) { (assigned[a], best[a]) = (g, overlaps[i]); }
            }
        }

        return new(assigned);
    }

    /// <summary>How near an anchor's centre is to its object's, in [0, 1]: √(min(l, r)/max(l, r)·min(t, b)/max(t, b)) from its
    /// distances to the sides (Tian et al., arXiv 1904.01355, eq. 3).</summary>
    public static float Centerness(BoundingBox anchor, BoundingBox box)
    {
        var (l, t, r, b) = box.Sides(anchor.Centre);
        return MathF.Sqrt(MathF.Min(l, r) / MathF.Max(l, r) * (MathF.Min(t, b) / MathF.Max(t, b)));
    }

    private static IEnumerable<int> Candidates(IReadOnlyList<BoundingBox[]> levels, (float X, float Y) centre, int topK)
    {
        var first = 0;
        foreach (var level in levels)
        {
            foreach (var a in Nearest(level, centre, topK)) { yield return first + a; }
            first += level.Length;
        }
    }

    // The k nearest in order of distance; of equal distances the earlier anchor.
    private static int[] Nearest(BoundingBox[] level, (float X, float Y) centre, int topK)
    {
        var places = new int[Math.Min(topK, level.Length)];
        var distances = new float[places.Length];
        var count = 0;
        for (var a = 0; a < level.Length; a++)
        {
            var (x, y) = level[a].Centre;
            var distance = (x - centre.X) * (x - centre.X) + (y - centre.Y) * (y - centre.Y);
            if (count == places.Length && !(distance < distances[^1])) { continue; }
            var at = count < places.Length ? count++ : count - 1;
            for (; at > 0 && distance < distances[at - 1]; at--) { (places[at], distances[at]) = (places[at - 1], distances[at - 1]); }
            (places[at], distances[at]) = (a, distance);
        }

        return places;
    }

    // Mean + standard deviation, unbiased.
    private static double Threshold(float[] overlaps)
    {
        if (overlaps.Length < 2) { return double.NaN; }
        double mean = overlaps.Average(v => (double)v), squares = overlaps.Sum(v => (v - mean) * (v - mean));
        return mean + Math.Sqrt(squares / (overlaps.Length - 1));
    }

    private static bool IsInside(BoundingBox box, BoundingBox anchor)
    {
        var (l, t, r, b) = box.Sides(anchor.Centre);
        return MathF.Min(MathF.Min(l, t), MathF.Min(r, b)) > Inside;
    }
}
