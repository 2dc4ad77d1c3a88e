using System.IO;
using System.Linq;
using System.Text.Json.Nodes;
using FlorenceKernels.Verification;

namespace FlorenceKernels.Cli;

/// <summary><c>florence verify golden</c>: the cases that the original authors' code computed, run on a device.</summary>
internal sealed class VerifyGoldenVerb : Verb
{
    public VerifyGoldenVerb(CommonOptions common)
        : base(common, "golden", "Run the reference cases of a folder and compare every output and gradient",
        "florence verify golden", "florence verify golden ../shared/golden --only 03_window --device opencl:0",
            "florence verify golden cases --json")
    {
        Positional("directory", "directory",
            "Folder of the cases [default: FLORENCE_GOLDEN, or shared/golden above the program]");
        Flag<string>("--only", "only", "Only cases whose path contains this", "TEXT");
        BindSeed("seed");
    }

    protected override JsonObject Defaults(GivenSettings given) =>
        new() { ["device"] = "cpu", ["seed"] = 1, ["directory"] = null, ["only"] = null };

    protected override int Run(VerbCall call)
    {
        var directory = call.Settings.TextOrNull("directory") ?? GoldenSuite.FindDirectory()
            ?? throw new UsageException("no golden cases were found; give their folder, or set FLORENCE_GOLDEN");
        var device = call.OpenDevice();
        var files = GoldenSuite.Files(directory, call.Settings.TextOrNull("only"));
        using var interrupts = new Interrupts(call.Screen);
        var results = call.Screen.Progress("golden", report => files.Select((file, i) =>
        {
            interrupts.Token.ThrowIfCancellationRequested();
            report(new StageProgress((double)i / files.Count, Path.GetFileNameWithoutExtension(file)));
            return GoldenSuite.Run(file, device);
        }).ToArray());
        foreach (var failed in results.Where(r => r.Outcome == GoldenOutcome.Failed))
        {
            call.Screen.Line($"FAILED {failed.Name}: {failed.Message}");
        }
        foreach (var reason in results.Where(r => r.Outcome == GoldenOutcome.Skipped).GroupBy(r => r.Message))
        {
            call.Screen.Line($"skipped {reason.Count()}: {reason.Key}");
        }
        int Count(GoldenOutcome outcome) => results.Count(r => r.Outcome == outcome);
        call.Screen.Line($"{Count(GoldenOutcome.Passed)} passed, {Count(GoldenOutcome.Failed)} failed, "
            + $"{Count(GoldenOutcome.Skipped)} skipped");
        call.Screen.Result(new JsonObject
        {
            ["device"] = device.Name,
            ["passed"] = Count(GoldenOutcome.Passed),
            ["failed"] = Count(GoldenOutcome.Failed),
            ["skipped"] = Count(GoldenOutcome.Skipped),
            ["cases"] = new JsonArray([.. results.Select(r => new JsonObject
            {
                ["name"] = r.Name, ["outcome"] = r.Outcome.ToString().ToLowerInvariant(), ["message"] = r.Message,
                    ["compared"] = r.Compared,
                ["worst"] = double.IsFinite(r.WorstRatio) ? r.WorstRatio : null, ["seconds"] = r.Seconds,
            })]),
        });
        return Count(GoldenOutcome.Failed) == 0 ? 0 : 1;
    }
}
