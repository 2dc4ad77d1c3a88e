using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Runtime;
using FlorenceKernels.Training;

namespace FlorenceKernels.Verification;

/// <summary>scikit-learn's and vision-evaluation's metrics.</summary>
public sealed class MetricKinds : IGoldenKind
{
    /// <inheritdoc/>
    public IEnumerable<string> Kinds => ["classification", "multilabel", "retrieval", "zeroshot_ensemble", "linear_probe"];

    /// <inheritdoc/>
    public void Run(GoldenRun run)
    {
        switch (run.Case.Kind)
        {
            case "classification": Classification(run); break;
            case "multilabel": MultiLabel(run); break;
            case "retrieval": Retrieval(run); break;
            case "zeroshot_ensemble": ZeroShot(run); break;
            default: LinearProbe(run); break;
        }
    }

    private static float[] Floats(GoldenRun run, string name) => [.. run.Case.Values(name).Select(v => (float)v)];

    private static long[] Longs(GoldenRun run, string name) => [.. run.Case.Values(name).Select(v => (long)v)];

    private static void Classification(GoldenRun run)
    {
        var (scores, labels, classes) = (Floats(run, "in.scores"), Longs(run, "in.labels"), run.Case.Shape("in.scores")[1]);
        var confusion = ClassificationMetrics.Confusion(scores, classes, labels);
        run.Compare("out.top1", ClassificationMetrics.TopK(scores, classes, labels, 1));
        run.Compare("out.top1", confusion.Accuracy());
        run.Compare("out.top5", ClassificationMetrics.TopK(scores, classes, labels, 5));
        run.Compare("out.mean_per_class", confusion.MeanPerClassRecall());
        run.Compare("out.confusion", confusion.Counts.ToArray());
    }

    private static void MultiLabel(GoldenRun run)
    {
        double[] Of(BinaryMetric metric) =>
            RankingMetrics.PerClass(Floats(run, "in.scores"), Longs(run, "in.labels"), run.Case.Shape("in.scores")[1], metric);
        void Check(string perClass, string mean, double[] values)
        {
            run.Compare(perClass, values);
            run.Compare(mean, values.Average());
        }
        Check("out.auc", "out.auc_macro", Of(RankingMetrics.RocAuc));
        Check("out.ap", "out.map", Of(RankingMetrics.AveragePrecision));
        Check("out.ap11_strict", "out.map11_strict", Of((s, p) => RankingMetrics.ElevenPointAveragePrecision(s, p)));
        Check("out.ap11_peer", "out.map11_peer",
            Of((s, p) => RankingMetrics.ElevenPointAveragePrecision(s, p, ElevenPointRule.Peer)));
    }

    private static void Retrieval(GoldenRun run)
    {
        var result = RetrievalMetrics.Rank(Floats(run, "in.sim"), Longs(run, "in.caption_image"), run.Case.Shape("in.sim")[0]);
        foreach (var k in (int[])[1, 5, 10])
        {
            run.Compare($"out.i2t_r{k}", result.ImageToText.RecallAt(k));
            run.Compare($"out.t2i_r{k}", result.TextToImage.RecallAt(k));
        }
        run.Compare("out.t2i_rank", result.TextToImage.Ranks);
        run.Compare("out.t2i_median_rank", result.TextToImage.MedianRank());
        run.Compare("out.t2i_mean_rank", result.TextToImage.MeanRank());
    }

    private static void ZeroShot(GoldenRun run)
    {
        var shape = run.Case.Shape("in.text");
        var weights = ZeroShotWeights.Ensemble(Floats(run, "in.text"), shape[0], shape[1]);
        var scores = ZeroShotWeights.Cosines(Floats(run, "in.image"), weights, shape[2]);
        run.Compare("out.weights", weights);
        run.Compare("out.scores", scores);
        if (ClassificationMetrics.TopK(scores, shape[0], Longs(run, "out.pred"), 1) < 1) { throw new FlorenceException("a predicted class differs"); }
    }

    private static void LinearProbe(GoldenRun run)
    {
        var (x, labels) = (Floats(run, "in.x"), Longs(run, "in.y"));
        var costs = run.Case.Config.GetProperty("C").EnumerateArray().Select(c => c.GetDouble()).ToArray();
        var classes = run.Case.Shape("out.coef0")[0];
        for (var i = 0; i < costs.Length; i++)
        {
            var model = LogisticRegression.Fit(x, run.Case.Shape("in.x")[1], labels, classes, costs[i]);
            run.Compare($"out.objective{i}", model.Objective);
            run.Compare($"out.coef{i}", model.Coefficients);
            run.Compare($"out.intercept{i}", model.Intercepts);
            run.Compare($"out.pred{i}", Array.ConvertAll(model.Predict(x), c => (long)c));
        }
    }
}
