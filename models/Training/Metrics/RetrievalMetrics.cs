using System;
using System.Linq;

namespace FlorenceKernels.Training;

/// <summary>One direction of a retrieval.</summary>
/// <param name="Ranks">Rank of the first right answer of every query, from 1.</param>
public sealed record RetrievalRanks(long[] Ranks)
{
    /// <summary>Fraction of queries with a right answer in the first <paramref name="k"/>; NaN without queries.</summary>
    public double RecallAt(int k) => (double)Ranks.Count(rank => rank <= k) / Ranks.Length;

    /// <summary>Median rank, the lower one of an even number; NaN without queries.</summary>
    public double MedianRank() => Ranks.Length == 0 ? double.NaN : Ranks.Order().ElementAt((Ranks.Length - 1) / 2);

    /// <summary>Mean rank; NaN without queries.</summary>
    public double MeanRank() => Ranks.Length == 0 ? double.NaN : Ranks.Average(rank => (double)rank);
}

/// <summary>Both directions of image-text retrieval.</summary>
/// <param name="ImageToText">Per image that has captions: rank of its best caption among all captions.</param>
/// <param name="TextToImage">Per caption: rank of its image among all images.</param>
public sealed record RetrievalResult(RetrievalRanks ImageToText, RetrievalRanks TextToImage);

/// <summary>Image-text retrieval from a table of similarities; equal similarities rank by index.</summary>
public static class RetrievalMetrics
{
    /// <summary>Ranks both directions.</summary>
    /// <param name="similarity">[images, captions]</param>
    /// <param name="captionImage">Image of every caption. [captions]</param>
    /// <param name="images">Number of images.</param>
    public static RetrievalResult Rank(ReadOnlySpan<float> similarity, ReadOnlySpan<long> captionImage, int images)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(images, 1);
        var captions = captionImage.Length;
        ScoreTable.Require(similarity.Length, images, captionImage);
        var best = new long[images];
        var textToImage = new long[captions];
        Span<float> column = new float[images];
        for (var t = 0; t < captions; t++)
        {
            for (var i = 0; i < images; i++) column[i] = similarity[i * captions + t];
            var image = (int)captionImage[t];
            textToImage[t] = ScoreTable.RankOf(column, image) + 1;
            var rank = ScoreTable.RankOf(similarity.Slice(image * captions, captions), t) + 1;
            best[image] = best[image] == 0 ? rank : Math.Min(best[image], rank);
        }
        return new RetrievalResult(new RetrievalRanks([.. best.Where(rank => rank > 0)]), new RetrievalRanks(textToImage));
    }
}
