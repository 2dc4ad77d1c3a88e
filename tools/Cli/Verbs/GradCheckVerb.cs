using System.Collections.Generic;
using System.Linq;
using System.Text.Json.Nodes;
using FlorenceKernels.OpCases;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Cli;

/// <summary><c>florence gradcheck</c>: every op's backward against central differences in f64, and its f32 gradient against
/// f64.</summary>
internal sealed class GradCheckVerb : Verb
{
    public GradCheckVerb(CommonOptions common)
        : base(common, "gradcheck", "Check every op's gradient against central differences in float64",
        "florence gradcheck", "florence gradcheck --op Softmax --device opencl:0", "florence gradcheck --json")
    {
        Flag<string>("--op", "op", "Only this op [default: all]", "NAME");
        BindSeed("seed");
    }

    protected override JsonObject Defaults(GivenSettings given) => new() { ["device"] = "cpu", ["seed"] = 7, ["op"] = null };

    protected override int Run(VerbCall call)
    {
        var device = call.OpenDevice();
        var rows = Choose(call.Settings.TextOrNull("op")).Where(r => r.IsForSimulator || device.Name != "simulator").ToArray();
        var options = new Tensors.GradCheckOptions(Seed: (ulong)call.Settings.Number("seed"));
        using var interrupts = new Interrupts(call.Screen);
        var checks = call.Screen.Progress("gradcheck", report => rows.Select((row, i) =>
        {
            interrupts.Token.ThrowIfCancellationRequested();
            report(new StageProgress((double)i / rows.Length, row.Op));
            return Check(row, device, options);
        }).ToArray());
        Print(call.Screen, checks);
        var failed = checks.Count(c => c.Fault is not null);
        call.Screen.Line($"{checks.Length - failed} passed, {failed} failed");
        call.Screen.Result(new JsonObject
        {
            ["device"] = device.Name,
            ["passed"] = checks.Length - failed,
            ["failed"] = failed,
            ["rows"] = new JsonArray([.. checks.Select(c => new JsonObject
            {
                ["row"] = c.Row.ToString(), ["derivatives"] = c.Compared, ["worst"] = c.Worst, ["fault"] = c.Fault,
            })]),
        });
        return failed == 0 ? 0 : 1;
    }

    private static IEnumerable<OpCase> Choose(string? op)
    {
        var rows = AllCases.Rows.Where(r => r.IsDifferentiable);
        if (op is null) { return rows; }
        var chosen = rows.Where(r => r.Op == op).ToArray();
        return chosen.Length > 0 ? chosen
            : throw new UsageException($"--op {op}: no differentiable op has this "
                + $"name{NearestName.Hint(op, rows.Select(r => r.Op).Distinct())}");
    }

    private static RowCheck Check(OpCase row, Device device, Tensors.GradCheckOptions options)
    {
        try
        {
            var numeric = CaseRunner.Gradients(row, device, options);
            return new RowCheck(row, numeric.Compared, System.Math.Abs(numeric.Analytic - numeric.Numeric),
                numeric.Passed ? CaseRunner.Gradients32(row, device) : $"{row}: {numeric}");
        }
        catch (FlorenceException e)
        {
            return new RowCheck(row, 0, 0, $"{row}: {e.Message}");
        }
    }

    private static void Print(Screen screen, RowCheck[] checks)
    {
        screen.Table(["op", "rows", "derivatives", "worst difference", "result"], checks.GroupBy(c => c.Row.Op).Select(g => new[]
        {
            g.Key, $"{g.Count()}", $"{g.Sum(c => c.Compared)}", $"{g.Max(c => c.Worst):g3}",
            g.All(c => c.Fault is null) ? "passed" : $"{g.Count(c => c.Fault is not null)} failed",
        }));
        foreach (var check in checks.Where(c => c.Fault is not null)) { screen.Line($"FAILED {check.Fault}"); }
    }

    private sealed record RowCheck(OpCase Row, int Compared, double Worst, string? Fault);
}
