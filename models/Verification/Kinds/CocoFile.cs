using System.IO;
using System.Linq;
using System.Text.Json;
using FlorenceKernels.Training;

namespace FlorenceKernels.Verification;

/// <summary>COCO box AP: annotations, detections, and what the original evaluation made of them.</summary>
public sealed class CocoFile : IGoldenJson
{
    private const string Ending = ".expected.json";

    /// <inheritdoc/>
    public string File => Ending;

    /// <inheritdoc/>
    public int Run(string path)
    {
        using var expected = Open(path);
        using var truth = Open(path.Replace(Ending, ".gt.json"));
        using var found = Open(path.Replace(Ending, ".dt.json"));
        CocoObject[] objects = [.. truth.RootElement.GetProperty("annotations").EnumerateArray().Select(Object)];
        CocoDetection[] detections = [.. found.RootElement.EnumerateArray().Select(Detection)];
        long[] categories = [.. truth.RootElement.GetProperty("categories").EnumerateArray().Select(c => c.GetProperty("id").GetInt64())];
        var scores = CocoBoxAp.Evaluate(objects, detections, categories);
        var tolerance = expected.RootElement.GetProperty("tolerance").GetDouble();
        var compared = 0;
        void Near(string what, double ours, JsonElement theirs) =>
            GoldenJson.Near(path, what, ours, theirs.GetDouble(), tolerance, ref compared);
        var stats = expected.RootElement.GetProperty("stats").EnumerateArray().ToArray();
        var names = expected.RootElement.GetProperty("names").EnumerateArray().Select(n => n.GetString()!).ToArray();
        for (var i = 0; i < stats.Length; i++) { Near(names[i], scores.Summary[i], stats[i]); }
        foreach (var ap in expected.RootElement.GetProperty("per_category_AP").EnumerateObject())
        {
            Near($"AP of category {ap.Name}", scores.ApOf(long.Parse(ap.Name)), ap.Value);
        }

        foreach (var (r, value) in expected.RootElement.GetProperty("precision_iou50_all_cat0").EnumerateArray().Index())
        {
            Near($"precision at recall {r}", scores.Precision(0, r, 0), value);
        }

        foreach (var (t, row) in expected.RootElement.GetProperty("recall_all_maxdet100").EnumerateArray().Index())
        {
            foreach (var (k, value) in row.EnumerateArray().Index()) { Near($"recall at threshold {t} of category {k}", scores.Recall(t, k), value); }
        }

        return compared;
    }

    private static JsonDocument Open(string path) => JsonDocument.Parse(System.IO.File.ReadAllBytes(path));

    private static CocoBox Box(JsonElement e) =>
        e.GetProperty("bbox").EnumerateArray().Select(v => v.GetDouble()).ToArray() is [var x, var y, var w, var h]
        ? new(x, y, w, h) : throw new InvalidDataException("a bbox has not four numbers");

    private static CocoObject Object(JsonElement e) =>
        new(e.GetProperty("image_id").GetInt64(), e.GetProperty("category_id").GetInt64(), Box(e),
        e.GetProperty("area").GetDouble(), e.GetProperty("iscrowd").GetInt32() != 0);

    private static CocoDetection Detection(JsonElement e) =>
        new(e.GetProperty("image_id").GetInt64(), e.GetProperty("category_id").GetInt64(), Box(e),
        e.GetProperty("score").GetDouble());
}
