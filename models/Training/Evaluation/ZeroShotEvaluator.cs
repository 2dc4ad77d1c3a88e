using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Data;

namespace FlorenceKernels.Training;

/// <summary>A zero-shot score.</summary>
/// <param name="Images">Images classified.</param> <param name="Classes">Class names ranked.</param>
/// <param name="Top1">Share of images whose class comes first.</param> <param name="Top5">Share whose class is among the first five.</param>
public sealed record ZeroShotScore(int Images, int Classes, double Top1, double Top5)
{
    /// <summary>What guessing gives.</summary>
    public double Chance => Classes == 0 ? 0 : 1.0 / Classes;
}

/// <summary>Zero-shot classification with prompt ensembling (Florence §3.1; Radford et al. 2021 §3.1.4): each class name in all templates,
/// the mean direction is the class weight, images take the class of the largest cosine.</summary>
public static class ZeroShotEvaluator
{
    /// <summary>Classifies samples among the class names that occur in them.</summary>
    public static ZeroShotScore Score(Embedder embedder, PairDataset dataset, IReadOnlyList<int> indices, PromptTemplates? templates = null)
    {
        if (indices.Count == 0) { return new ZeroShotScore(0, 0, 0, 0); }
        templates ??= PromptTemplates.DrawnArtShort;
        var classes = indices.Select(i => dataset.Samples[i]).GroupBy(s => s.Label).OrderBy(g => g.Key).Select(g => (Label: g.Key, g.First().Text)).ToArray();
        var number = classes.Select((c, n) => (c.Label, n)).ToDictionary(p => p.Label, p => (long)p.n);
        var weights = Weights(embedder, [.. classes.Select(c => c.Text)], templates);
        var scores = ZeroShotWeights.Cosines(embedder.Images(dataset, indices), weights, embedder.Width);
        long[] labels = [.. indices.Select(i => number[dataset.Samples[i].Label])];
        return new ZeroShotScore(indices.Count, classes.Length, ClassificationMetrics.TopK(scores, classes.Length, labels, 1),
            ClassificationMetrics.TopK(scores, classes.Length, labels, Math.Min(5, classes.Length)));
    }

    /// <summary>Class weights [classes, Width] of names in templates.</summary>
    public static float[] Weights(Embedder embedder, IReadOnlyList<string> names, PromptTemplates templates)
    {
        var texts = names.SelectMany(n => templates.ApplyAll(PromptTemplates.CleanClassName(n))).ToArray();
        return ZeroShotWeights.Ensemble(embedder.Texts(texts), names.Count, templates.Templates.Length);
    }
}
