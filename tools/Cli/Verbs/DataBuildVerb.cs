using System.IO;
using System.Linq;
using System.Text.Json;
using System.Text.Json.Nodes;
using FlorenceKernels.Datasets;

namespace FlorenceKernels.Cli;

/// <summary><c>florence data build</c>: draws, splits by rule R and writes a data set.</summary>
internal sealed class DataBuildVerb : Verb
{
    public DataBuildVerb(CommonOptions common)
        : base(common, "build", "Fetch what is missing, draw every image, split by rule R and write the data set",
        "florence data build", "florence data build --data emoji --permissive --out data/emoji",
            "florence data build --data shapes")
    {
        Flag<string>("--data", "data", "auto, emoji or shapes (made pictures, no download) [default: auto]", "NAME");
        Flag<string>("--out", "out", "Folder to write [default: in FLORENCE_DATA or the user's cache]", "DIR");
        Flag<int>("--side", "side", "Side of the stored images, a multiple of 8 [default: 64]", "PIXELS");
        Flag<bool>("--permissive", "permissive", "Leave out art whose licence is share-alike");
        BindSeed("seed");
    }

    protected override JsonObject Defaults(GivenSettings given) =>
        new()
        {
            ["device"] = "cpu",
            ["seed"] = 1,
            ["data"] = "auto",
            ["out"] = null,
            ["side"] = DataSource.Side,
            ["permissive"] = false
        };

    protected override int Run(VerbCall call)
    {
        using var interrupts = new Interrupts(call.Screen);
        var name = call.Settings.Text("data");
        if (!DataSource.Names.Contains(name))
        {
            throw new UsageException($"data build: '{name}' is unknown; give one of {string.Join(", ", DataSource.Names)}");
        }
        var side = call.Settings.Integer("side", 8);
        var output = call.Settings.TextOrNull("out") ?? DataSource.FolderOf(name, side);
        var report = DataSource.Build(new DataBuildPlan(name, output, side, call.Settings.Flag("permissive")), call.Screen,
            interrupts.Token);
        if (name != "shapes") { call.Screen.Line(BuildStats.Compare(report)); }
        call.Screen.Line($"{report.Splits.Values.Sum()} images in {Path.GetFullPath(output)}; licences in "
            + $"{PairSetBuilder.AttributionFile}");
        var result = (JsonObject)JsonSerializer.SerializeToNode(report)!;
        result["Directory"] = Path.GetFullPath(output);
        call.Screen.Result(result);
        return 0;
    }
}
