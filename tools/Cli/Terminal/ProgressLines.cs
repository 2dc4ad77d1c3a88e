using System;
using System.Diagnostics;

namespace FlorenceKernels.Cli;

/// <summary>Where work stands.</summary>
internal readonly record struct StageProgress(double Fraction, string Text, TimeSpan? Remaining = null);

/// <summary>Progress where nobody watches: a line at the start of each interval, never a flood.</summary>
internal sealed class ProgressLines(string stage, Action<string> write)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private TimeSpan _next = TimeSpan.Zero;

    public void Report(StageProgress progress)
    {
        var now = _watch.Elapsed;
        if (now < _next && progress.Fraction < 1) { return; }
        _next = now + Interval;
        write($"{stage}: {progress.Fraction,4:P0} "
            + $"{progress.Text}{(progress.Remaining is { } left ? $", {Duration.Text(left)} left" : "")}");
    }
}

/// <summary>Times for people.</summary>
internal static class Duration
{
    public static string Text(TimeSpan time) =>
        time.TotalSeconds < 60 ? $"{Math.Max(0, time.TotalSeconds):0} s" : time.TotalMinutes < 60
            ? $"{(int)time.TotalMinutes} min {time.Seconds:00} s"
        : $"{(int)time.TotalHours} h {time.Minutes:00} min";
}
