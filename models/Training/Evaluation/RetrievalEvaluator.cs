using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Data;

namespace FlorenceKernels.Training;

/// <summary>A retrieval score.</summary>
/// <param name="Pairs">Images, each with one caption.</param>
/// <param name="ImageToText">Recall at 1, 5, 10 of the caption by image.</param> <param name="TextToImage">Recall at 1, 5, 10 of the image by caption.</param>
public sealed record RetrievalScore(int Pairs, double[] ImageToText, double[] TextToImage);

/// <summary>Image→text and text→image retrieval by cosine among the pairs of a split (Florence §3.5).</summary>
public static class RetrievalEvaluator
{
    private static readonly int[] Depths = [1, 5, 10];

    /// <summary>Ranks all captions for each image and all images for each caption.</summary>
    public static RetrievalScore Score(Embedder embedder, PairDataset dataset, IReadOnlyList<int> indices, bool useRichText = false)
    {
        if (indices.Count == 0) { return new RetrievalScore(0, [0, 0, 0], [0, 0, 0]); }
        var similarity = Similarity(embedder, dataset, indices, useRichText);
        long[] own = [.. Enumerable.Range(0, indices.Count).Select(i => (long)i)];
        var ranks = RetrievalMetrics.Rank(similarity, own, indices.Count);
        return new RetrievalScore(indices.Count, [.. Depths.Select(ranks.ImageToText.RecallAt)], [.. Depths.Select(ranks.TextToImage.RecallAt)]);
    }

    /// <summary>Cosines [images, captions].</summary>
    public static float[] Similarity(Embedder embedder, PairDataset dataset, IReadOnlyList<int> indices, bool useRichText) =>
        ZeroShotWeights.Cosines(embedder.Images(dataset, indices), embedder.Texts([.. indices.Select(i => Caption(dataset.Samples[i], useRichText))]), embedder.Width);

    /// <summary>The caption that stands for a sample.</summary>
    public static string Caption(PairSample sample, bool useRichText) => useRichText && sample.Rich is { Length: > 0 } rich ? rich : sample.Text;
}
