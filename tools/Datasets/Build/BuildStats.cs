using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;

namespace FlorenceKernels.Datasets;

/// <summary>The counts of a build beside those of the survey of sources, so that a changed package shows.</summary>
public static class BuildStats
{
    // Measured on the 64x64 images of emoji-datasource 16.0.0, openclipart and tuxpaint; google and twitter come from other
    // packages of the same art here, google without its country flags.
    private static readonly (string Name, int Count)[] Surveyed =
    [
        ("train", 12724), ("val-vendor", 649), ("val-retrieval", 163), ("test-vendor", 1594), ("test-photo", 147),
            ("test-retrieval", 326),
    ];

    private static readonly (string Name, int Count)[] SurveyedScored = [("test-vendor", 1586), ("test-photo", 147),
        ("test-retrieval", 221)];

    private static readonly (string Name, int Count)[] SurveyedTexts = [("train", 4258), ("test-vendor", 1585),
        ("test-photo", 131)];

    private static readonly (string Name, int Count)[] SurveyedTrain =
    [
        ("openclipart", 2851), ("openmoji", 1912), ("google", 1903), ("twitter", 1903), ("emojione", 1309), ("noto-v1", 1198),
        ("emojione-v1", 1120), ("tuxpaint", 528),
    ];

    private const int SurveyedDropped = 90;

    /// <summary>A table of counts: here, in the survey, and the difference.</summary>
    public static string Compare(BuildReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        var text = new StringBuilder($"{"",-28}{"here",8}{"survey",8}{"diff",8}\n");
        Rows(text, "images: ", report.Splits, Surveyed);
        Rows(text, "scored: ", report.Scored, SurveyedScored);
        Rows(text, "texts: ", report.Texts, SurveyedTexts);
        Rows(text, "train: ", report.TrainSources, SurveyedTrain);
        Row(text, "dropped near held-out", report.Dropped, SurveyedDropped);
        foreach (string missing in report.Missing) text.Append("left out: ").Append(missing).Append('\n');
        if (report.Undrawable.Count > 0)
            text.Append($"{report.Undrawable.Count} images could not be drawn, first {report.Undrawable[0]}\n");
        return text.ToString();
    }

    private static void Rows(StringBuilder text, string prefix, IReadOnlyDictionary<string, int> counts,
        (string Name, int Count)[] survey)
    {
        foreach ((string name, int count) in survey) Row(text, prefix + name, counts.GetValueOrDefault(name), count);
        foreach (string other in counts.Keys.Except(survey.Select(s => s.Name))) Row(text, prefix + other, counts[other], null);
    }

    private static void Row(StringBuilder text, string name, int here, int? survey) =>
        text.Append($"{name,-28}{here,8}{survey,8}{(survey is { } s ? (here - s).ToString("+0;-0;0") : ""),8}\n");
}
