using System;
using System.Linq;
using FlorenceKernels.Training;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

public sealed class MetricsTests
{
    [Fact]
    public void Equal_and_unusable_scores_never_help_the_label()
    {
        float[] scores = [1, 1, 1, float.NaN, 0, 0, 0, 0, float.NaN];
        Assert.Equal(1.0 / 3, ClassificationMetrics.TopK(scores, 3, [0, 2, 2], 1));   // only the tie whose label comes first
        Assert.Equal(1.0 / 3, ClassificationMetrics.TopK(scores, 3, [0, 2, 2], 2));
        Assert.Equal(1, ClassificationMetrics.TopK(scores, 3, [0, 2, 2], 3));
        Assert.True(double.IsNaN(ClassificationMetrics.TopK([], 3, [], 1)));
        Assert.Throws<ArgumentException>(() => ClassificationMetrics.TopK(scores, 3, [0, 3, 2], 1));
        Assert.Throws<ArgumentException>(() => ClassificationMetrics.TopK(scores, 3, [0, 2], 1));
    }

    [Fact]
    public void Area_under_the_curve_counts_pairs()
    {
        var random = new Random(2);
        var scores = Enumerable.Range(0, 60).Select(_ => (float)random.Next(8)).ToArray();
        var positive = Enumerable.Range(0, 60).Select(_ => random.Next(3) == 0).ToArray();
        double above = 0, pairs = 0;
        for (var i = 0; i < 60; i++)
            for (var j = 0; j < 60; j++)
            {
                if (!positive[i] || positive[j]) continue;
                pairs++;
                above += scores[i] > scores[j] ? 1 : scores[i] == scores[j] ? 0.5 : 0;
            }
        Assert.Equal(above / pairs, RankingMetrics.RocAuc(scores, positive), 12);
        Assert.True(double.IsNaN(RankingMetrics.RocAuc([1, 2], [true, true])));
        Assert.True(double.IsNaN(RankingMetrics.AveragePrecision([1, 2], [false, false])));
        Assert.True(double.IsNaN(RankingMetrics.ElevenPointAveragePrecision([1, 2], [false, false])));
        Assert.Equal(1, RankingMetrics.AveragePrecision([2, 1], [true, false]));
        Assert.Equal(0.5, RankingMetrics.AveragePrecision([1, 1], [true, false]));
    }

    [Fact]
    public void Images_without_captions_are_no_queries_but_stay_in_the_gallery()
    {
        float[] similarity = [0.1f, 0.2f, 0.9f, 0.8f, 0.5f, 0.6f];   // [3 images, 2 captions]
        var result = RetrievalMetrics.Rank(similarity, [0, 2], 3);
        Assert.Equal([2L, 1], result.ImageToText.Ranks);
        Assert.Equal([3L, 2], result.TextToImage.Ranks);
        Assert.Equal((0, 0.5, 2.5, 2), (result.TextToImage.RecallAt(1), result.TextToImage.RecallAt(2),
            result.TextToImage.MeanRank(), result.TextToImage.MedianRank()));
        Assert.True(double.IsNaN(RetrievalMetrics.Rank([], [], 3).TextToImage.RecallAt(1)));
    }

    [Fact]
    public void Logistic_regression_leaves_no_gradient_and_keeps_intercepts_centred()
    {
        var random = new Random(9);
        var (n, features, classes, cost) = (80, 5, 3, 2.5);
        var x = Enumerable.Range(0, n * features).Select(_ => (float)(random.NextDouble() * 4 - 2)).ToArray();
        var labels = Enumerable.Range(0, n).Select(i => (long)random.Next(classes)).ToArray();
        var model = LogisticRegression.Fit(x, features, labels, classes, cost);
        Assert.Equal(model.Objective, Objective(model.Coefficients, model.Intercepts), 9);
        foreach (var parameters in (double[][])[model.Coefficients, model.Intercepts])
            for (var i = 0; i < parameters.Length; i++)
            {
                var (kept, h) = (parameters[i], 1e-4);
                parameters[i] = kept + h;
                var up = Objective(model.Coefficients, model.Intercepts);
                parameters[i] = kept - h;
                var down = Objective(model.Coefficients, model.Intercepts);
                parameters[i] = kept;
                Assert.InRange((up - down) / (2 * h), -1e-4, 1e-4);
            }
        Assert.Equal(0, model.Intercepts.Sum(), 12);

        double Objective(double[] w, double[] b)
        {
            var sum = 0.5 * w.Sum(v => v * v);
            for (var i = 0; i < n; i++)
            {
                var logits = Enumerable.Range(0, classes)
                    .Select(c => b[c]
                        + Enumerable.Range(0, features).Sum(f => w[c * features + f] * x[i * features + f])).ToArray();
                sum += cost * (Math.Log(logits.Sum(Math.Exp)) - logits[labels[i]]);
            }
            return sum;
        }
    }

    [Fact]
    public void Separable_data_with_a_huge_cost_still_converges()
    {
        float[] x = [-2, -1, 1, 2];
        long[] labels = [0, 0, 1, 1];
        var model = LogisticRegression.Fit(x, 1, labels, 2, 1e6);
        Assert.Equal([0, 0, 1, 1], model.Predict(x));
        Assert.True(double.IsFinite(model.Objective));
        Assert.Throws<ArgumentException>(() => LogisticRegression.Fit([float.NaN], 1, [0], 2, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => LogisticRegression.Fit(x, 1, labels, 2, 0));
    }

    [Fact]
    public void Cost_search_ends_on_the_finest_grid_next_to_the_best_cost()
    {
        var tried = 0;
        var best = LogisticRegression.SearchCost(cost =>
        {
            tried++;
            return -Math.Abs(Math.Log10(cost) - 1.3);
        });
        Assert.Equal(1.25, Math.Log10(best), 9);
        Assert.Equal(7 + 2 * 4, tried);
        Assert.Equal(-6, Math.Log10(LogisticRegression.SearchCost(cost => -cost)), 9);
    }

    [Theory]
    [InlineData("Youre right, it isnt", "you're right it isn't")]
    [InlineData("1,000; a/b", "1000 ab")]
    [InlineData("...", "")]
    [InlineData("couldntve", "couldntve")]
    [InlineData("couldnt've", "couldn't've")]
    public void Vqa_normalisation_follows_the_official_table(string answer, string expected) =>
        Assert.Equal(expected, VqaAnswers.Normalize(answer));
}
