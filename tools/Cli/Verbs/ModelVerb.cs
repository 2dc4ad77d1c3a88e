using System;
using System.Linq;
using System.Text.Json.Nodes;
using FlorenceKernels.Data;

namespace FlorenceKernels.Cli;

/// <summary>A verb that asks a trained model something: it has <c>--run</c>, and <c>--data</c> with <c>--split</c> if it reads a
/// data set.</summary>
internal abstract class ModelVerb : Verb
{
    protected ModelVerb(CommonOptions common, string name, string description, params string[] examples)
        : base(common, name, description, examples)
    {
        Flag<string>("--run", "run", "Folder of a run or of one of its checkpoints", "DIR");
        BindSeed("seed");
    }

    /// <summary>The verb's own settings with their defaults.</summary>
    protected abstract JsonObject OwnDefaults { get; }

    protected sealed override JsonObject Defaults(GivenSettings given)
    {
        var all = new JsonObject { ["device"] = "cpu", ["seed"] = 1, ["run"] = null };
        foreach (var (key, value) in OwnDefaults) { all[key] = value?.DeepClone(); }
        return all;
    }

    /// <summary>The flags of a verb that reads a data set.</summary>
    protected void DataFlags(string data, string split)
    {
        Flag<string>("--data", "data", data, "DIR");
        Flag<string>("--split", "split", split, "NAME");
    }

    /// <summary>The split that was named; null when none was.</summary>
    protected static PairSplit? Split(VerbCall call)
    {
        if (call.Settings.TextOrNull("split") is not { } name) { return null; }
        if (PairSplitNames.TryParse(name, out var split)) { return split; }
        var known = Enum.GetValues<PairSplit>().Select(s => s.Name()).ToArray();
        throw new UsageException($"--split {name}: the splits are {string.Join(", ", known)}{NearestName.Hint(name, known)}");
    }
}
