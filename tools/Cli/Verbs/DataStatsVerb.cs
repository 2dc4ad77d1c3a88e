using System.Collections.Generic;
using System.Linq;
using System.Text.Json.Nodes;
using FlorenceKernels.Data;
using FlorenceKernels.Datasets;

namespace FlorenceKernels.Cli;

/// <summary><c>florence data stats</c>: what a data set holds, and the non-learned bar on it.</summary>
internal sealed class DataStatsVerb : Verb
{
    public DataStatsVerb(CommonOptions common)
        : base(common, "stats", "Counts of a data set per split and source, and the score that needs no learning",
        "florence data stats", "florence data stats data/emoji --bar", "florence data stats --data shapes --json")
    {
        Positional("data", "data", "Folder of a data set, or auto, emoji, shapes [default: auto]");
        Flag<string>("--data", "data", "The same, as a flag", "DIR");
        Flag<bool>("--bar", "bar", "Score the nearest-picture bar on every zero-shot split");
        Flag<bool>("--check", "check", "Compare the checksum of every image");
        BindSeed("seed");
    }

    protected override JsonObject Defaults(GivenSettings given) =>
        new() { ["device"] = "cpu", ["seed"] = 1, ["data"] = "auto", ["bar"] = false, ["check"] = false };

    protected override int Run(VerbCall call)
    {
        using var interrupts = new Interrupts(call.Screen);
        using var data = DataSource.Open(call.Settings.Text("data"), call.Screen, interrupts.Token);
        var samples = data.Dataset.Samples;
        var splits = samples.GroupBy(s => s.Split).OrderBy(g => g.Key).ToArray();
        call.Screen.Table(["split", "images", "scored", "texts", "sources"], splits.Select(g => new[]
        {
            g.Key.Name(), $"{g.Count()}", $"{g.Count(s => s.Scored)}", $"{g.Select(s => s.Key).Distinct().Count()}",
            string.Join(", ", g.GroupBy(s => s.Source).OrderByDescending(s => s.Count()).Select(s => $"{s.Key} {s.Count()}")),
        }));
        if (data.Report is { } report && report.Packages.Count > 0) { call.Screen.Line(BuildStats.Compare(report)); }
        var bars = call.Settings.Flag("bar") ? NearestBar.Score(data.Dataset) : [];
        foreach (var bar in bars) { call.Screen.Line($"nearest picture, {bar}"); }
        string[] damaged = call.Settings.Flag("check")
            ? [.. samples.Where(s => !data.Dataset.IsIntact(s.Index)).Select(s => s.Id)] : [];
        if (call.Settings.Flag("check"))
        {
            call.Screen.Line(damaged.Length == 0 ? $"all {samples.Count} images have their checksum"
                : $"{damaged.Length} images are damaged, first {damaged[0]}");
        }

        call.Screen.Result(new JsonObject
        {
            ["directory"] = data.Dataset.Directory,
            ["images"] = samples.Count,
            ["splits"] = new JsonObject(splits.Select(g => KeyValuePair.Create<string, JsonNode?>(g.Key.Name(), Counts(g)))),
            ["bars"] = new JsonArray([.. bars.Select(Bar)]),
            ["damaged"] = new JsonArray([.. damaged.Select(d => JsonValue.Create(d))]),
        });
        return damaged.Length == 0 ? 0 : 1;
    }

    private static JsonObject Counts(IEnumerable<PairSample> split) => new()
    {
        ["images"] = split.Count(),
        ["scored"] = split.Count(s => s.Scored),
        ["texts"] = split.Select(s => s.Key).Distinct().Count(),
    };

    private static JsonObject Bar(BarScore bar) =>
        new() { ["name"] = bar.Name, ["top1"] = bar.Top1Rate, ["top5"] = bar.Top5Rate, ["chance"] = bar.Chance };
}
