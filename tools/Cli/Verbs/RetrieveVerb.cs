using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json.Nodes;
using FlorenceKernels.Data;
using FlorenceKernels.Training;

namespace FlorenceKernels.Cli;

/// <summary><c>florence retrieve</c>: the images of a data set that fit a text, or the captions that fit an image.</summary>
internal sealed class RetrieveVerb : ModelVerb
{
    public RetrieveVerb(CommonOptions common) : base(common, "retrieve", "Find images by a text, or captions by an image",
        "florence retrieve --run runs/quickstart --query \"a red apple\" --data auto -k 10",
        "florence retrieve --run runs/quickstart --image cat.png --data auto --split test-vendor --json")
    {
        Flag<string>("--query", "query", "Text to find images for", "TEXT");
        Flag<string>("--image", "image", "Image file to find captions for", "FILE");
        DataFlags("Data set to search [default: auto]", "Only this split [default: everything held out]");
        Flag<int>("-k", "k", "Results to print [default: 10]", "K");
    }

    protected override JsonObject OwnDefaults => new()
    { ["query"] = null, ["image"] = null, ["data"] = "auto", ["split"] = null, ["k"] = 10 };

    protected override int Run(VerbCall call)
    {
        var (query, image) = (call.Settings.TextOrNull("query"), call.Settings.TextOrNull("image"));
        if (query is null == image is null) { throw new UsageException("retrieve: give either --query TEXT or --image FILE"); }
        if (image is not null && !File.Exists(image)) { throw new UsageException($"--image {image}: there is no such file"); }
        var (k, split) = (call.Settings.Integer("k", 1), Split(call));
        using var interrupts = new Interrupts(call.Screen);
        using var model = new OpenedModel(call.Settings.Text("run"), call.OpenDevice());
        using var data = DataSource.Open(call.Settings.Text("data"), call.Screen, interrupts.Token);
        var indices = Gallery(data.Dataset, split);
        var found = query is not null ? Images(model, data.Dataset, indices, query, k)
            : Captions(model, data.Dataset, indices, image!, k);
        call.Screen.Table(["rank", "cosine", query is not null ? "image" : "caption", "text"],
            found.Select((f, i) => new[] { $"{i + 1}", $"{f.Cosine:0.000}", f.Id, f.Text }));
        call.Screen.Result(new JsonArray([.. found.Select((f, i) => new JsonObject
        {
            ["rank"] = i + 1, ["cosine"] = f.Cosine, ["index"] = f.Index, ["id"] = f.Id, ["text"] = f.Text,
        })]));
        return 0;
    }

    private static int[] Gallery(PairDataset data, PairSplit? split) => split is { } one ? data.Indices(one)
        : [.. data.Samples.Where(s => s.Split != PairSplit.Train).Select(s => s.Index)];

    private static List<Found> Images(OpenedModel model, PairDataset data, int[] indices, string query, int k)
    {
        var texts = ZeroShotEvaluator.Weights(model.Embedder, [query], PromptTemplates.Of("{}"));
        var cosines = ZeroShotWeights.Cosines(texts, model.Embedder.Images(data, indices), model.Embedder.Width);
        return [.. Top.Of(cosines, k).Select(i
            => new Found(indices[i], data.Samples[indices[i]].Id, data.Samples[indices[i]].Text, cosines[i]))];
    }

    private static List<Found> Captions(OpenedModel model, PairDataset data, int[] indices, string image, int k)
    {
        var distinct = indices.DistinctBy(i => data.Samples[i].Text).ToArray();
        var cosines = ZeroShotWeights.Cosines(model.Files([image]),
            model.Embedder.Texts([.. distinct.Select(i => data.Samples[i].Text)]), model.Embedder.Width);
        return [.. Top.Of(cosines, k).Select(i
            => new Found(distinct[i], data.Samples[distinct[i]].Id, data.Samples[distinct[i]].Text, cosines[i]))];
    }

    private readonly record struct Found(int Index, string Id, string Text, float Cosine);
}
