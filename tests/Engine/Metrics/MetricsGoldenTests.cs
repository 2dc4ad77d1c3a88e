using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using FlorenceKernels.Testing;
using FlorenceKernels.Training;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

/// <summary>Every case of golden group 15: scikit-learn, vision-evaluation and METER.</summary>
public sealed class MetricsGoldenTests
{
    private const string Group = "15_metrics";
    private const int CaseCount = 9;   // and vqa.json

    public static IEnumerable<TheoryDataRow<string>> Cases() => GoldenCase.Rows(Group);

    [Fact]
    public void All_cases_of_the_group_are_here() => GoldenCase.RequireCount(Group, CaseCount);

    [Theory]
    [MemberData(nameof(Cases))]
    public void Case_equals_the_reference(string name)
    {
        var golden = GoldenCase.Open(Group, name);
        switch (golden.Config.GetProperty("kind").GetString())
        {
            case "classification": Classification(golden); break;
            case "multilabel": MultiLabel(golden); break;
            case "retrieval": Retrieval(golden); break;
            case "zeroshot_ensemble": ZeroShot(golden); break;
            case "linear_probe": LinearProbe(golden); break;
            case var kind: Assert.Fail($"no harness for cases of kind '{kind}'"); break;
        }
    }

    private static void Classification(GoldenFile golden)
    {
        var (scores, labels, classes) = (golden.Floats("in.scores"), golden.Longs("in.labels"), golden.Shape("in.scores")[1]);
        var confusion = ClassificationMetrics.Confusion(scores, classes, labels);
        GoldenCase.Agrees(golden.Compare("out.top1", ClassificationMetrics.TopK(scores, classes, labels, 1)));
        GoldenCase.Agrees(golden.Compare("out.top1", confusion.Accuracy()));
        GoldenCase.Agrees(golden.Compare("out.top5", ClassificationMetrics.TopK(scores, classes, labels, 5)));
        GoldenCase.Agrees(golden.Compare("out.mean_per_class", confusion.MeanPerClassRecall()));
        GoldenCase.Agrees(golden.Compare("out.confusion", confusion.Counts.ToArray()));
    }

    private static void MultiLabel(GoldenFile golden)
    {
        double[] Of(BinaryMetric metric) =>
            RankingMetrics.PerClass(golden.Floats("in.scores"), golden.Longs("in.labels"), golden.Shape("in.scores")[1], metric);
        void Check(string perClass, string mean, double[] values)
        {
            GoldenCase.Agrees(golden.Compare(perClass, values));
            GoldenCase.Agrees(golden.Compare(mean, values.Average()));
        }
        Check("out.auc", "out.auc_macro", Of(RankingMetrics.RocAuc));
        Check("out.ap", "out.map", Of(RankingMetrics.AveragePrecision));
        Check("out.ap11_strict", "out.map11_strict", Of((s, p) => RankingMetrics.ElevenPointAveragePrecision(s, p)));
        Check("out.ap11_peer", "out.map11_peer",
            Of((s, p) => RankingMetrics.ElevenPointAveragePrecision(s, p, ElevenPointRule.Peer)));
    }

    private static void Retrieval(GoldenFile golden)
    {
        var result = RetrievalMetrics.Rank(golden.Floats("in.sim"), golden.Longs("in.caption_image"), golden.Shape("in.sim")[0]);
        foreach (var k in (int[])[1, 5, 10])
        {
            GoldenCase.Agrees(golden.Compare($"out.i2t_r{k}", result.ImageToText.RecallAt(k)));
            GoldenCase.Agrees(golden.Compare($"out.t2i_r{k}", result.TextToImage.RecallAt(k)));
        }
        GoldenCase.Agrees(golden.Compare("out.t2i_rank", result.TextToImage.Ranks));
        GoldenCase.Agrees(golden.Compare("out.t2i_median_rank", result.TextToImage.MedianRank()));
        GoldenCase.Agrees(golden.Compare("out.t2i_mean_rank", result.TextToImage.MeanRank()));
    }

    private static void ZeroShot(GoldenFile golden)
    {
        var shape = golden.Shape("in.text");
        var weights = ZeroShotWeights.Ensemble(golden.Floats("in.text"), shape[0], shape[1]);
        var scores = ZeroShotWeights.Cosines(golden.Floats("in.image"), weights, shape[2]);
        GoldenCase.Agrees(golden.Compare("out.weights", weights));
        GoldenCase.Agrees(golden.Compare("out.scores", scores));
        Assert.Equal(1, ClassificationMetrics.TopK(scores, shape[0], golden.Longs("out.pred"), 1));
    }

    private static void LinearProbe(GoldenFile golden)
    {
        var (x, labels) = (golden.Floats("in.x"), golden.Longs("in.y"));
        var costs = golden.Config.GetProperty("C").EnumerateArray().Select(c => c.GetDouble()).ToArray();
        var classes = golden.Shape("out.coef0")[0];
        for (var i = 0; i < costs.Length; i++)
        {
            var model = LogisticRegression.Fit(x, golden.Shape("in.x")[1], labels, classes, costs[i]);
            GoldenCase.Agrees(golden.Compare($"out.objective{i}", model.Objective));
            GoldenCase.Agrees(golden.Compare($"out.coef{i}", model.Coefficients));
            GoldenCase.Agrees(golden.Compare($"out.intercept{i}", model.Intercepts));
            GoldenCase.Agrees(golden.Compare($"out.pred{i}", Array.ConvertAll(model.Predict(x), c => (long)c)));
        }
    }

    [Fact]
    public void Vqa_answers_and_scores_equal_the_reference()
    {
        using var file = JsonDocument.Parse(File.ReadAllBytes(GoldenCase.PathOf(Group, "vqa.json")));
        foreach (var pair in file.RootElement.GetProperty("normalize").EnumerateObject())
            Assert.Equal(pair.Value.GetString(), VqaAnswers.Normalize(pair.Name));
        foreach (var question in file.RootElement.GetProperty("soft_scores").EnumerateArray())
        {
            var ours = VqaAnswers.SoftScores(question.GetProperty("answers").EnumerateArray().Select(a => a.GetString()!));
            foreach (var answer in question.GetProperty("scores").EnumerateObject())
                Assert.Equal(answer.Value.GetDouble(), ours.GetValueOrDefault(answer.Name), 12);
        }
        var score = file.RootElement.GetProperty("vqa_score");
        float[] Table(string name) =>
            [.. score.GetProperty(name).EnumerateArray().SelectMany(row => row.EnumerateArray()).Select(v => v.GetSingle())];
        Assert.Equal(score.GetProperty("score").GetDouble(), VqaAnswers.Score(Table("logits"), Table("targets"), 9), 6);
    }
}
