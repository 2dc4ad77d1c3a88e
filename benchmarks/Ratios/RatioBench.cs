using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;

namespace FlorenceKernels.Benchmarks;

/// <summary>Measures rows: values are compared first, then the sides run in turn, so that a slow minute of the machine hits both; the figures
/// are medians.</summary>
internal sealed class RatioBench(string device, PeerSetting setting, double seconds) : IDisposable
{
    private const double SampleMs = 20;
    private const int FewestPairs = 5, MostPairs = 51;
    private static readonly string[] Policies = ["PASSIVE", "ACTIVE"];
    private readonly Dictionary<string, SideProcess> _sides = [];

    public IEnumerable<RatioResult> Measure(RatioRow row)
    {
        yield return Guard(row, row.Name, row.Goal, "ms", () => Time(row));
        if (row.Memory == MemoryKind.None) { yield break; }
        End();
        yield return Guard(row, $"{row.Name}-memory", row.MemoryGoal, "MB", () => Memory(row));
    }

    public void Dispose() => End();

    private RatioResult Guard(RatioRow row, string name, double goal, string unit, Func<(double Ours, double Peer, string Note)> measure)
    {
        try
        {
            var (ours, peer, note) = measure();
            return new RatioResult(name, ours, peer, goal, unit, note);
        }
        catch (Exception e) when (e is InvalidOperationException or System.IO.IOException)
        {
            End();
            return new RatioResult(name, 0, 0, goal, unit, $"{row.Name}: {e.Message}", Failed: true);
        }
    }

    private (double Ours, double Peer, string Note) Time(RatioRow row)
    {
        var ours = Side("ours");
        ours.Open(row.Name);
        var results = ours.Results();
        var (peer, policy) = BetterPeer(row, results);
        var (ourRepeats, peerRepeats) = (Repeats(ours), Repeats(peer));
        var (ourTimes, peerTimes) = (new List<double>(), new List<double>());
        var start = Stopwatch.GetTimestamp();
        while (ourTimes.Count < FewestPairs || (ourTimes.Count < MostPairs && Stopwatch.GetElapsedTime(start).TotalSeconds < seconds))
        {
            ourTimes.Add(ours.Time(ourRepeats));
            peerTimes.Add(peer.Time(peerRepeats));
        }

        ours.Close();
        peer.Close();
        return (Median(ourTimes), Median(peerTimes), $"{ourTimes.Count} pairs, {row.PeerName} {policy}");
    }

    private (SideProcess Peer, string Policy) BetterPeer(RatioRow row, List<float[]> ours)
    {
        var best = (Ms: double.PositiveInfinity, Policy: "");
        foreach (var policy in Policies)
        {
            var peer = Side(policy);
            peer.Open(row.Name);
            if (policy == Policies[0]) { Compare(row, ours, peer.Results()); }
            var repeats = Repeats(peer);
            var ms = Enumerable.Range(0, 3).Min(_ => peer.Time(repeats));
            peer.Close();
            if (ms < best.Ms) { best = (ms, policy); }
        }

        var chosen = Side(best.Policy);
        chosen.Open(row.Name);
        return (chosen, best.Policy);
    }

    // Warms up, then as many runs as make a sample long enough for the clock.
    private static int Repeats(SideProcess side)
    {
        var ms = Math.Min(side.Time(1), side.Time(1));
        if (ms > SampleMs) { return 1; }
        ms = side.Time(3);
        return Math.Clamp((int)Math.Ceiling(SampleMs / Math.Max(ms, 1e-3)), 1, 10_000);
    }

    private (double Ours, double Peer, string Note) Memory(RatioRow row)
    {
        double Used(string side)
        {
            var process = Side(side);
            process.Open(row.Name);
            process.ResetPeak();
            var before = process.Memory().Now;
            process.Time(2);
            var peak = process.Memory().Peak;
            End();
            return row.Memory == MemoryKind.Extra ? Math.Max(peak - before, 1) : peak;
        }

        return (Used("ours"), Used("PASSIVE"), row.Memory == MemoryKind.Extra ? "growth of resident memory" : "peak resident memory");
    }

    private static void Compare(RatioRow row, List<float[]> ours, List<float[]> peer)
    {
        if (ours.Count != peer.Count) { throw new InvalidOperationException($"{ours.Count} results here, {peer.Count} of {row.PeerName}"); }
        for (var i = 0; i < ours.Count; i++)
        {
            if (ours[i].Length != peer[i].Length) { throw new InvalidOperationException($"result {i} has {ours[i].Length} values, {row.PeerName}'s {peer[i].Length}"); }
            double worst = 0, scale = 1e-6;
            for (var k = 0; k < ours[i].Length; k++)
            {
                var difference = Math.Abs(ours[i][k] - (double)peer[i][k]);
                worst = double.IsNaN(difference) ? double.PositiveInfinity : Math.Max(worst, difference);
                scale = Math.Max(scale, Math.Abs(peer[i][k]));
            }

            if (worst > row.Tolerance * scale)
            {
                throw new InvalidOperationException($"result {i} differs from {row.PeerName}'s by {worst:g3}, allowed {row.Tolerance * scale:g3}");
            }
        }
    }

    private SideProcess Side(string name)
    {
        if (_sides.TryGetValue(name, out var side)) { return side; }
        side = name == "ours" ? new SideProcess("ours", device, new Dictionary<string, string>())
            : new SideProcess("peer", device, setting.Environment(name));
        return _sides[name] = side;
    }

    private void End()
    {
        foreach (var side in _sides.Values) { side.Dispose(); }
        _sides.Clear();
    }

    private static double Median(List<double> values)
    {
        values.Sort();
        return values.Count % 2 == 1 ? values[values.Count / 2] : (values[values.Count / 2 - 1] + values[values.Count / 2]) / 2;
    }
}
