using System;
using System.IO;
using System.Linq;
using System.Text.Json.Nodes;
using FlorenceKernels.Data;
using FlorenceKernels.Training;

namespace FlorenceKernels.Cli;

/// <summary><c>florence zeroshot</c>: classifies images among class names given in words.</summary>
internal sealed class ZeroShotVerb : ModelVerb
{
    public ZeroShotVerb(CommonOptions common)
        : base(common, "zeroshot", "Classify images among class names given in words, without training on them",
        "florence zeroshot --run runs/quickstart --images photos --classes \"cat,dog,fire engine\"",
        "florence zeroshot --run runs/quickstart --images photos --classes names.txt --templates \"a photo of {},{} clip art\"",
        "florence zeroshot --run runs/quickstart --data auto --split test-vendor --json")
    {
        Flag<string>("--images", "images", "Folder of image files; sub-folders named like classes make it a score", "DIR");
        DataFlags("Data set to score instead of a folder", "Split of the data set [default: test-vendor]");
        Flag<string>("--classes", "classes", "Class names with commas, or a file with one a line [default for --data: its own]",
            "LIST|FILE");
        Flag<string>("--templates", "templates",
            "Sentences with {} for the name, with commas, or a file [default: two for drawn art]", "LIST|FILE");
        Flag<int>("--top", "top", "Guesses to print per image [default: 5]", "K");
    }

    protected override JsonObject OwnDefaults => new()
    {
        ["images"] = null,
        ["data"] = null,
        ["split"] = "test-vendor",
        ["classes"] = null,
        ["templates"] = null,
        ["top"] = 5,
    };

    protected override int Run(VerbCall call)
    {
        var settings = call.Settings;
        if (settings.TextOrNull("images") is null == settings.TextOrNull("data") is null)
        {
            throw new UsageException("zeroshot: give either --images FOLDER or --data DIR");
        }
        var split = Split(call) ?? PairSplit.TestVendor;
        var templates = settings.TextOrNull("templates") is { } given ? PromptTemplates.Of(Names(given))
            : PromptTemplates.DrawnArtShort;
        using var interrupts = new Interrupts(call.Screen);
        using var model = new OpenedModel(settings.Text("run"), call.OpenDevice());
        return settings.TextOrNull("images") is { } folder ? Folder(call, model, folder, templates)
            : Data(call, model, split, templates, interrupts);
    }

    private static int Folder(VerbCall call, OpenedModel model, string folder, PromptTemplates templates)
    {
        var names = Names(call.Settings.TextOrNull("classes")
            ?? throw new UsageException("zeroshot --images: give --classes a,b,c or a file with one name a line"));
        var files = ImageFolder.Files(folder);
        var images = call.Screen.Progress("images", report => model.Files(files, report));
        var scores = ZeroShotWeights.Cosines(images, ZeroShotEvaluator.Weights(model.Embedder, names, templates),
            model.Embedder.Width);
        var scale = Math.Exp(model.Model.LogitScale.Item());
        var guesses = files.Select((file, i)
            => Guess(file, scores.AsSpan(i * names.Length, names.Length), names, scale,
            call.Settings.Integer("top", 1))).ToArray();
        foreach (var guess in guesses)
        {
            call.Screen.Line($"{Path.GetRelativePath(folder, guess.File)}: "
                + $"{string.Join(", ", guess.Names.Select(n => $"{n.Name} {n.Probability:P1}"))}");
        }

        var labelled = guesses.Where(g => names.Contains(Path.GetFileName(Path.GetDirectoryName(g.File)))).ToArray();
        double? accuracy = labelled.Length == 0 ? null
            : labelled.Average(g => g.Names[0].Name == Path.GetFileName(Path.GetDirectoryName(g.File)) ? 1.0 : 0.0);
        if (accuracy is { } a)
        {
            call.Screen.Line($"top-1 {a:P1} of {labelled.Length} images in folders named like classes (chance "
                + $"{1.0 / names.Length:P1})");
        }
        call.Screen.Result(new JsonObject
        {
            ["classes"] = names.Length,
            ["top1"] = accuracy,
            ["images"] = new JsonArray([.. guesses.Select(g => new JsonObject
            {
                ["file"] = g.File,
                ["guesses"] = new JsonArray([.. g.Names.Select(n
                    => new JsonObject { ["name"] = n.Name, ["probability"] = n.Probability, ["cosine"] = n.Cosine })]),
            })]),
        });
        return 0;
    }

    private static int Data(VerbCall call, OpenedModel model, PairSplit split, PromptTemplates templates, Interrupts interrupts)
    {
        var name = split.Name();
        using var data = DataSource.Open(call.Settings.Text("data"), call.Screen, interrupts.Token);
        var chosen = call.Settings.TextOrNull("classes") is { } list ? Names(list).Select(n => n.ToLowerInvariant()).ToHashSet()
            : null;
        var indices = data.Dataset.Indices(split, s => (split == PairSplit.Train || s.Scored)
            && (chosen is null || chosen.Contains(s.Text.ToLowerInvariant())));
        if (indices.Length == 0)
        {
            throw new UsageException($"zeroshot: the split {name} of {data.Dataset.Directory} has no such images");
        }
        var score = ZeroShotEvaluator.Score(model.Embedder, data.Dataset, indices, templates);
        call.Screen.Line($"{name}: top-1 {score.Top1:P1}, top-5 {score.Top5:P1} of {score.Images} images, {score.Classes} "
            + $"classes (chance {score.Chance:P2})");
        call.Screen.Result(new JsonObject
        {
            ["split"] = name,
            ["images"] = score.Images,
            ["classes"] = score.Classes,
            ["top1"] = score.Top1,
            ["top5"] = score.Top5,
            ["chance"] = score.Chance,
        });
        return 0;
    }

    private static string[] Names(string listOrFile)
    {
        var parts = File.Exists(listOrFile) ? File.ReadAllLines(listOrFile) : listOrFile.Split(',');
        string[] names = [.. parts.Select(p => p.Trim()).Where(p => p.Length > 0)];
        return names.Length > 0 ? names : throw new UsageException($"'{listOrFile}' holds no name");
    }

    // Probabilities as the model was trained: softmax of the scaled cosines.
    private static ImageGuess Guess(string file, ReadOnlySpan<float> cosines, string[] names, double scale, int top)
    {
        var values = cosines.ToArray();
        double largest = values.Max(), sum = values.Sum(v => Math.Exp(scale * (v - largest)));
        return new ImageGuess(file,
            [.. Top.Of(cosines, top).Select(i
            => new NamedScore(names[i], values[i], Math.Exp(scale * (values[i] - largest)) / sum))]);
    }

    private sealed record ImageGuess(string File, NamedScore[] Names);

    private readonly record struct NamedScore(string Name, float Cosine, double Probability);
}
