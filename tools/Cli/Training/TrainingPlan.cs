using System.IO;
using System.Linq;
using System.Text.Json;
using System.Text.Json.Nodes;
using FlorenceKernels.Models;
using FlorenceKernels.Training;

namespace FlorenceKernels.Cli;

/// <summary>What a training verb was asked to do: <c>options</c> are the <see cref="PretrainOptions"/>, <c>model</c> is the
/// configuration of the model that <c>options.model</c> names, with changes laid over it.</summary>
/// <param name="Options">Settings of the run.</param> <param name="Model">Settings of the model.</param>
/// <param name="Data">Name or folder of the data.</param> <param name="Output">Folder of the run.</param>
internal sealed record TrainingPlan(PretrainOptions Options, JsonObject Model, string Data, string Output)
{
    private const string ModelAsked = "model-asked.json";

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        PropertyNameCaseInsensitive = true,
        WriteIndented = true,
    };

    // These change what is logged and kept, not what is computed, so a run may go on with others.
    private static readonly string[] Harmless = ["logEvery", "saveMinutes", "validateEvery"];

    /// <summary>The settings of a training verb with their defaults.</summary>
    public static JsonObject Defaults(GivenSettings given, PretrainOptions options, string data, string output)
    {
        var name = given.Find("options.model")?.ToString() ?? options.Model;
        // A configuration file's model is a change of the model it names, not of another one named on the command line.
        if (given.File["model"] is JsonObject && SettingsTree.At(given.File, "options.model") is { } filed
            && filed.ToString() != name)
        {
            _ = given.File.Remove("model");
        }
        if (given.File["model"] is JsonObject filedModel) { WithoutDerived(filedModel); }
        return new JsonObject
        {
            ["device"] = "cpu",
            ["data"] = data,
            ["out"] = output,
            ["resume"] = "auto",
            ["options"] = JsonSerializer.SerializeToNode(options, Json),
            ["model"] = WithoutDerived((JsonObject)JsonNode.Parse(FlorenceConfig.Load(name).ToJson())!),
            ["recorded"] = null,
        };
    }

    /// <summary>Reads the plan out of resolved settings.</summary>
    public static TrainingPlan From(SettingsTree settings)
    {
        var resume = settings.Text("resume");
        if (resume is not ("auto" or "never")) { throw new UsageException($"resume is '{resume}'; give auto or never"); }
        var plan = new TrainingPlan(settings.Read<PretrainOptions>("options", Json).Validated(),
            (JsonObject)settings.Root["model"]!.DeepClone(),
            settings.Text("data"), settings.Text("out"));
        _ = FlorenceConfig.Parse(plan.Model.ToJsonString(), "model");
        if (resume == "never" && plan.HasRun)
        {
            throw new UsageException($"{plan.Output} already holds a run; give another --out, or delete the folder");
        }
        return plan;
    }

    /// <summary>Whether the folder holds a checkpoint to go on from.</summary>
    public bool HasRun => new Checkpoints.CheckpointStore(Path.Combine(Output, "checkpoints")).Latest is not null;

    /// <summary>Refuses to go on with a run that was started with other settings or other data.</summary>
    public void RequireSameRun(string dataFingerprint)
    {
        if (!HasRun) { return; }
        var saved = RunFolder.ReadObject(Path.Combine(Output, "options.json"));
        var asked = (JsonObject)JsonSerializer.SerializeToNode(Options with { Model = NameOrFile() }, Json)!;
        var differing = asked.Where(o => !Harmless.Contains(o.Key) && saved.ContainsKey(o.Key)
            && !JsonNode.DeepEquals(saved[o.Key], o.Value))
            .Select(o => $"options.{o.Key} is {saved[o.Key]?.ToJsonString()} there and {o.Value?.ToJsonString()} "
                + $"here").FirstOrDefault();
        var model = WithoutDerived(RunFolder.ReadObject(Path.Combine(Output, "model.json")));
        differing ??= JsonNode.DeepEquals(model, Model) ? null : "the model is another one";
        differing ??= RunFolder.ReadArguments(Output)?["recorded"]?["data"]?.ToString() is { } data && data != dataFingerprint
            ? "the data set is another one" : null;
        if (differing is not null)
        {
            throw new UsageException($"{Output} holds a run with other settings ({differing}); give another --out, or delete "
                + $"the folder");
        }
    }

    /// <summary>The options as the run takes them: a changed model is written to a file first.</summary>
    public PretrainOptions Prepared()
    {
        var name = NameOrFile();
        if (name != Options.Model) { Checkpoints.AtomicFile.WriteText(name, Model.ToJsonString(Json)); }
        return Options with { Model = name };
    }

    private string NameOrFile()
    {
        var plain = WithoutDerived((JsonObject)JsonNode.Parse(FlorenceConfig.Load(Options.Model).ToJson())!);
        if (JsonNode.DeepEquals(plain, Model)) { return Options.Model; }
        Directory.CreateDirectory(Output);
        return Path.Combine(Output, ModelAsked);
    }

    // The image features follow from the depths, and the vocabulary from the tokenizer: neither is a setting.
    private static JsonObject WithoutDerived(JsonObject model)
    {
        _ = (model["image"] as JsonObject)?.Remove("features");
        _ = (model["text"] as JsonObject)?.Remove("vocabulary");
        return model;
    }
}
