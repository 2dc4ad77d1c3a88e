using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text.Json.Nodes;
using System.Threading;
using FlorenceKernels.Checkpoints;
using Xunit;

namespace FlorenceKernels.Tests.Models;

/// <summary>A training process that is killed at random moments, before, between and during saves, ends with the bits of one that
/// was never killed. Takes about a minute: FLORENCE_LONG=1.</summary>
public sealed class KillSeriesTests(ITestOutputHelper output) : IDisposable
{
    private const int Steps = 60, Kills = 10, MostKills = 40;

    // Timings that differ from run to run.
    private static readonly string[] Clocks = ["time", "train/pairs_per_second"];

    private static readonly EnumerationOptions Everything =
        new() { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.None };

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly string _folder = Directory.CreateTempSubdirectory("florence-kill").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Run_killed_at_random_moments_ends_bit_for_bit_like_one_that_was_not()
    {
        if (Environment.GetEnvironmentVariable("FLORENCE_LONG") != "1") { Assert.Skip("FLORENCE_LONG=1 runs the long tests"); }
        var data = CliTests.SmallData(_folder);
        var whole = Path.Combine(_folder, "whole");
        _ = CliTests.Succeed(Arguments(data, whole));
        var random = new Random(20);
        var (kills, duringSave, run) = (0, 0, 0);
        var cut = Path.Combine(_folder, "cut-0");
        while (kills < MostKills && (kills < Kills || duringSave == 0 || duringSave == kills))
        {
            // Of four kills one comes at any time after the start of the process, one after a random step, and two during the save
            // that is next after a random step.
            var kind = random.Next(4);
            var (after, atSave) = (kind == 0 ? 0 : random.Next(1, Steps), kind > 1);
            var wait = TimeSpan.FromMilliseconds(random.NextDouble() * (kind == 0 ? 2000 : atSave ? 10 : 60));
            var leftBefore = Unfinished(cut);
            if (!KilledOnce(Arguments(data, cut), cut, after, atSave, wait))
            {
                RequireSame(whole, cut);
                cut = Path.Combine(_folder, $"cut-{++run}");
                continue;
            }

            kills++;
            var isDuringSave = Unfinished(cut).Except(leftBefore).Any();
            duringSave += isDuringSave ? 1 : 0;
            output.WriteLine($"kill {kills}: run {run} at line {Lines(cut)}, {(isDuringSave ? "during" : "between")} saves");
        }

        _ = CliTests.Succeed(Arguments(data, cut));
        RequireSame(whole, cut);
        output.WriteLine($"{kills} kills, {duringSave} of them while something was written, {run + 1} runs");
        Assert.InRange(duringSave, 1, kills - 1);
    }

    // A save every 60 ms, which is every few steps.
    private static string[] Arguments(string data, string run) => ["pretrain", "--data", data, "--steps", $"{Steps}", "--out",
        run, "--set", "options.saveMinutes=0.001", .. CliTests.TinyModel];

    // False when the process had ended before it could be killed.
    private static bool KilledOnce(string[] arguments, string run, int steps, bool atSave, TimeSpan wait)
    {
        var log = Path.Combine(run, "metrics.jsonl");
        var leftBefore = Unfinished(run);
        var program = Path.Combine(AppContext.BaseDirectory, "florence.dll");
        using var process = Process.Start(new ProcessStartInfo("dotnet", [program, .. arguments])
        { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var (printed, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        var watch = Stopwatch.StartNew();
        var started = DateTime.UtcNow;
        bool HasCome() => File.Exists(log) && File.GetLastWriteTimeUtc(log) > started && LineCount(log) >= steps;
        bool IsSaving() => Unfinished(run).Except(leftBefore).Any();
        bool IsWaiting() => !process.HasExited && watch.Elapsed < Patience;
        while (IsWaiting() && steps > 0 && !HasCome()) { Thread.Sleep(1); }
        while (IsWaiting() && atSave && !IsSaving()) { Thread.Yield(); }
        Thread.Sleep(wait);
        var isRunning = !process.HasExited;
        process.Kill(); // SIGKILL
        Assert.True(process.WaitForExit(Patience), "the killed process did not end");
        Assert.True(isRunning || process.ExitCode == 0, printed.Result + errors.Result);
        return process.ExitCode != 0;
    }

    private static int Lines(string run) => LineCount(Path.Combine(run, "metrics.jsonl"));

    private static int LineCount(string path)
    {
        if (!File.Exists(path)) { return 0; }
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var reader = new StreamReader(file);
        return reader.ReadToEnd().Count(c => c == '\n');
    }

    private static void RequireSame(string whole, string cut)
    {
        byte[] Newest(string run, string file) =>
            File.ReadAllBytes(Path.Combine(new CheckpointStore(Path.Combine(run, "checkpoints")).Latest!, file));
        foreach (var file in new[] { "model.safetensors", "optimizer.safetensors", "ema.safetensors" })
        {
            Assert.True(Newest(whole, file).AsSpan().SequenceEqual(Newest(cut, file)), file);
        }

        Assert.Equal(JsonRows(whole), JsonRows(cut));
        Assert.Equal(TableRows(whole), TableRows(cut));
        Assert.Empty(Unfinished(cut));
        Assert.InRange(Directory.GetDirectories(Path.Combine(cut, "checkpoints")).Length, 1, 2);
        Assert.Equal(Files(whole), Files(cut));
    }

    private static List<string> JsonRows(string run) => [.. File.ReadLines(Path.Combine(run, "metrics.jsonl")).Select(line =>
    {
        var row = JsonNode.Parse(line)!.AsObject();
        foreach (var clock in Clocks) { Assert.True(row.Remove(clock), line); }
        return row.ToJsonString();
    })];

    private static List<string> TableRows(string run)
    {
        string[][] rows = [.. File.ReadLines(Path.Combine(run, "metrics.csv")).Select(line => line.Split(','))];
        return [.. rows.Select(row => string.Join(',', row.Where((_, column) => !Clocks.Contains(rows[0][column]))))];
    }

    // Each session adds an event file of its own; which steps the older checkpoints are of depends on time.
    private static List<string> Files(string run) => [.. Directory.EnumerateFiles(run, "*", SearchOption.AllDirectories)
        .Select(f => Path.GetRelativePath(run, f))
        .Where(f => !f.Contains("tfevents", StringComparison.Ordinal) && !f.Contains("step-", StringComparison.Ordinal))
        .Order(StringComparer.Ordinal)];

    private static string[] Unfinished(string run) => !Directory.Exists(run) ? []
        : [.. Directory.EnumerateFileSystemEntries(run, ".*", Everything)];
}
