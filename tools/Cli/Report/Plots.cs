using System;
using System.Collections.Generic;
using System.Linq;
using SkiaSharp;

namespace FlorenceKernels.Cli;

/// <summary>A point of a curve.</summary>
internal readonly record struct CurvePoint(double X, double Y);

/// <summary>The few plots of a report. They are drawn here because a plotting package needs fonts, and a bare machine has
/// none.</summary>
internal static class Plots
{
    private const int CurveWidth = 620, Height = 380, Left = 66, Right = 24, Top = 72, Bottom = 52, ScoresWidth = 980;
    private const float Label = 10.5f;

    /// <summary>A curve over steps, with its moving mean when <paramref name="isSmoothed"/>.</summary>
    public static Picture Curve(string title, string yName, IReadOnlyList<CurvePoint> points, bool isSmoothed,
        double? reference = null, string referenceName = "")
    {
        var picture = new Picture(CurveWidth, Height);
        picture.Text(title, Left, 28, 14, Palette.Ink, isBold: true);
        CurvePoint[] finite = [.. points.Where(p => double.IsFinite(p.Y))];
        if (finite.Length == 0)
        {
            picture.Text("no steps were logged", Left, Height / 2f, 13, Palette.Quiet);
            return picture;
        }

        var axes = new Axes(finite, reference);
        DrawAxes(picture, axes, yName);
        if (reference is { } level)
        {
            picture.Line(Left, axes.Y(level), CurveWidth - Right, axes.Y(level), Palette.Bar, 1.5f);
            picture.Text(referenceName, CurveWidth - Right - 4, axes.Y(level) - 6, Label, Palette.Bar, 1);
        }

        Polyline(picture, axes, finite, isSmoothed ? Palette.Ours.WithAlpha(80) : Palette.Ours, isSmoothed ? 1.2f : 2.4f);
        if (isSmoothed) { Polyline(picture, axes, Smooth(finite), Palette.Ours, 2.6f); }
        return picture;
    }

    /// <summary>One group of bars per score: ours, with marks for chance, the non-learned bar and the target.</summary>
    public static Picture Scores(string title, IReadOnlyList<ScoreRow> scores)
    {
        const int RowHeight = 50, NameWidth = 350, Head = 64, ValueWidth = 110;
        var picture = new Picture(ScoresWidth, Head + Math.Max(1, scores.Count) * RowHeight + 40);
        picture.Text(title, 24, 28, 14, Palette.Ink, isBold: true);
        Legend(picture);
        float X(double value) => NameWidth + (float)value * (ScoresWidth - NameWidth - ValueWidth);
        var bottom = Head + scores.Count * RowHeight;
        for (var percent = 0; percent <= 100; percent += 20)
        {
            picture.Line(X(percent / 100.0), Head - 6, X(percent / 100.0), bottom, Palette.Grid);
            picture.Text($"{percent}%", X(percent / 100.0), bottom + 18, Label, Palette.Quiet, 0.5f);
        }

        for (var i = 0; i < scores.Count; i++) { Row(picture, scores[i], Head + i * RowHeight, NameWidth, X); }
        return picture;
    }

    private static void Row(Picture picture, ScoreRow score, float top, float nameWidth, Func<double, float> x)
    {
        picture.Text(StrokeFont.Fit(score.Name, 11, nameWidth - 40), nameWidth - 14, top + 20, 11, Palette.Ink, 1);
        picture.Text(score.Among, nameWidth - 14, top + 38, 9, Palette.Quiet, 1);
        picture.Box(new SKRect(x(0), top + 8, Math.Max(x(score.Value), x(0) + 1), top + 34), Palette.Ours, 3);
        Mark(picture, x(score.Chance), top, Palette.Chance);
        if (score.Bar is { } bar) { Mark(picture, x(bar), top, Palette.Bar); }
        if (score.Target is { } target) { Mark(picture, x(target), top, Palette.Target); }
        picture.Text($"{100 * score.Value:0.0}%", ScoresWidth - 24, top + 27, 13, Palette.Ours, 1, isBold: true);
    }

    private static void Mark(Picture picture, float x, float top, SKColor colour) =>
        picture.Line(x, top + 3, x, top + 39, colour, 3);

    private static void Legend(Picture picture)
    {
        float x = ScoresWidth - 24;
        foreach (var (name, colour) in new[] { ("target", Palette.Target), ("non-learned bar", Palette.Bar),
            ("chance", Palette.Chance), ("ours", Palette.Ours) })
        {
            x -= StrokeFont.Width(name, Label);
            picture.Text(name, x, 27, Label, Palette.Quiet);
            picture.Box(new SKRect(x - 17, 17, x - 7, 27), colour, 2);
            x -= 36;
        }
    }

    private static void DrawAxes(Picture picture, Axes axes, string yName)
    {
        foreach (var tick in axes.YTicks)
        {
            picture.Line(Left, axes.Y(tick), CurveWidth - Right, axes.Y(tick), Palette.Grid);
            picture.Text(Number(tick), Left - 10, axes.Y(tick) + 4, Label, Palette.Quiet, 1);
        }

        foreach (var tick in axes.XTicks)
        {
            picture.Line(axes.X(tick), Height - Bottom, axes.X(tick), Height - Bottom + 5, Palette.Quiet);
            picture.Text(Number(tick), axes.X(tick), Height - Bottom + 21, Label, Palette.Quiet, 0.5f);
        }

        picture.Line(Left, Height - Bottom, CurveWidth - Right, Height - Bottom, Palette.Quiet, 1.2f);
        picture.Text("step", CurveWidth - Right, Height - 10, Label, Palette.Quiet, 1);
        picture.Text(yName, Left, Top - 18, Label, Palette.Quiet);
    }

    private static void Polyline(Picture picture, Axes axes, CurvePoint[] points, SKColor colour, float width)
    {
        using var builder = new SKPathBuilder();
        builder.MoveTo(axes.X(points[0].X), axes.Y(points[0].Y));
        foreach (var point in points.Skip(1)) { builder.LineTo(axes.X(point.X), axes.Y(point.Y)); }
        using var path = builder.Detach();
        using var paint = new SKPaint
        {
            Color = colour,
            StrokeWidth = width,
            Style = SKPaintStyle.Stroke,
            IsAntialias = true,
            StrokeJoin = SKStrokeJoin.Round
        };
        picture.Canvas.DrawPath(path, paint);
        if (points.Length == 1) { picture.Canvas.DrawCircle(axes.X(points[0].X), axes.Y(points[0].Y), width, paint); }
    }

    // Centred mean over about a twentieth of the curve.
    private static CurvePoint[] Smooth(CurvePoint[] points)
    {
        var reach = Math.Max(1, points.Length / 40);
        return [.. points.Select((p, i)
            => new CurvePoint(p.X, points[Math.Max(0, i - reach)..Math.Min(points.Length, i + reach + 1)].Average(q => q.Y)))];
    }

    private static string Number(double value) => value == 0 ? "0" : Math.Abs(value) is >= 1e-2 and < 1e5 ? $"{value:0.####}"
        : $"{value:0.##e0}";

    /// <summary>Scales with round ticks.</summary>
    private sealed class Axes
    {
        private readonly double _x0, _x1, _y0, _y1;

        public Axes(IReadOnlyList<CurvePoint> points, double? reference)
        {
            (_x0, _x1) = (points.Min(p => p.X), points.Max(p => p.X));
            var values = points.Select(p => p.Y).Concat(reference is { } r ? [r] : []).ToArray();
            XTicks = Ticks(_x0, _x1, 8);
            YTicks = Ticks(Math.Min(0, values.Min()), values.Max(), 6);
            (_y0, _y1) = (Math.Min(0, values.Min()), Math.Max(values.Max(), YTicks.LastOrDefault()) * 1.02);
        }

        public double[] XTicks { get; }

        public double[] YTicks { get; }

        public float X(double value) => Left + (float)((value - _x0) / Math.Max(_x1 - _x0, 1e-12)) * (CurveWidth - Left - Right);

        public float Y(double value) =>
            Height - Bottom - (float)((value - _y0) / Math.Max(_y1 - _y0, 1e-12)) * (Height - Top - Bottom);

        // Steps of 1, 2 or 5 times a power of ten.
        private static double[] Ticks(double low, double high, int about)
        {
            var raw = Math.Max((high - low) / about, 1e-12);
            var power = Math.Pow(10, Math.Floor(Math.Log10(raw)));
            var step = new[] { 1, 2, 5, 10 }.Select(m => m * power).First(s => s >= raw * 0.999);
            var first = (long)Math.Ceiling(low / step - 1e-9);
            var last = (long)Math.Floor(high / step + 1e-9);
            return [.. Enumerable.Range(0, (int)Math.Clamp(last - first + 1, 0, 50)).Select(i => (first + i) * step)];
        }
    }
}
