using System;
using System.Collections.Generic;
using System.IO;
using System.IO.Enumeration;
using System.Linq;
using System.Text.Json;

namespace FlorenceKernels.Benchmarks;

/// <summary>One measured line.</summary>
/// <param name="Unit">ms or MB.</param> <param name="Note">Wait policy of the peer, or what went wrong.</param>
internal sealed record RatioResult(string Name, double Ours, double Peer, double Goal, string Unit, string Note, bool Failed = false)
{
    public double Ratio => Failed ? 0 : Peer / Ours;
}

/// <summary><c>ratios [--only PATTERN] [--json] [--device D] [--seconds S] [--list]</c>.</summary>
internal static class RatioCommand
{
    public static int Run(string[] arguments)
    {
        var options = RatioOptions.Parse(arguments);
        if (options is null) { return 2; }
        var rows = RatioRow.All.Where(r => options.Only is null || Matches(r.Name, options.Only)).ToList();
        if (rows.Count == 0)
        {
            Console.Error.WriteLine($"no row matches '{options.Only}'; the rows are {string.Join(", ", RatioRow.All.Select(r => r.Name))}");
            return 2;
        }

        if (options.List)
        {
            foreach (var row in rows) { Console.WriteLine(row.Name); }
            return 0;
        }

        var log = options.Json ? Console.Error : Console.Out;
        var results = Measure(rows, options, log);
        if (options.Json) { Console.WriteLine(Json(results)); }
        return results.Any(r => r.Failed) ? 1 : 0;
    }

    private static List<RatioResult> Measure(List<RatioRow> rows, RatioOptions options, TextWriter log)
    {
        var setting = PeerSetting.Find();
        foreach (var line in setting.Describe()) { log.WriteLine(line); }
        log.WriteLine($"{"row",-30} {"ratio",7} {"goal",6} {"ours",11} {"peer",11}");
        var results = new List<RatioResult>();
        using var bench = new RatioBench(options.Device, setting, options.Seconds);
        Console.CancelKeyPress += (_, _) => bench.Dispose();
        foreach (var row in rows)
        {
            foreach (var result in bench.Measure(row))
            {
                results.Add(result);
                log.WriteLine(Line(result));
                log.Flush();
            }
        }

        return results;
    }

    private static bool Matches(string name, string pattern) => pattern.Contains('*')
        ? FileSystemName.MatchesSimpleExpression(pattern, name) : name.Contains(pattern, StringComparison.OrdinalIgnoreCase);

    private static string Line(RatioResult r) => r.Failed
        ? $"{r.Name,-30} FAILED: {r.Note}"
        : $"{r.Name,-30} {r.Ratio,7:f2} {r.Goal,6:f2} {r.Ours,8:f2} {r.Unit} {r.Peer,8:f2} {r.Unit}  {(r.Ratio >= r.Goal ? "reached" : "MISSED ")}  {r.Note}";

    private static string Json(IEnumerable<RatioResult> results) => JsonSerializer.Serialize(new Dictionary<string, object>
    {
        ["ratios"] = results.Select(r =>
        {
            var unit = r.Unit == "MB" ? "mb" : "ms";
            var line = new Dictionary<string, object>
            {
                ["name"] = r.Name,
                ["ratio"] = Math.Round(r.Ratio, 3),
                [$"ours_{unit}"] = Math.Round(r.Ours, 4),
                [$"peer_{unit}"] = Math.Round(r.Peer, 4),
                ["goal"] = r.Goal,
            };
            if (r.Failed) { line["error"] = r.Note; }
            return line;
        }).ToList(),
    });
}

/// <summary>What the command line asks for.</summary>
internal sealed record RatioOptions(string? Only, bool Json, string Device, double Seconds, bool List)
{
    public static RatioOptions? Parse(string[] arguments)
    {
        var options = new RatioOptions(null, false, "cpu", 4, false);
        for (var i = 0; i < arguments.Length; i++)
        {
            var value = i + 1 < arguments.Length ? arguments[i + 1] : null;
            RatioOptions? next = arguments[i] switch
            {
                "--json" => options with { Json = true },
                "--list" => options with { List = true },
                "--only" when value is not null => options with { Only = value },
                "--device" when value is not null => options with { Device = value },
                "--seconds" when double.TryParse(value, out var s) && s > 0 => options with { Seconds = s },
                _ => null,
            };
            if (next is null)
            {
                Console.Error.WriteLine($"ratios: '{arguments[i]}' is not understood; use [--only PATTERN] [--json] [--device D] [--seconds S] [--list]");
                return null;
            }

            if (arguments[i] is "--only" or "--device" or "--seconds") { i++; }
            options = next;
        }

        return options;
    }
}
