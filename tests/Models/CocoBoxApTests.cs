using System;
using System.Linq;
using FlorenceKernels.Training;
using Xunit;

namespace FlorenceKernels.Tests.Models;

/// <summary>COCO box AP worked out by hand.</summary>
public sealed class CocoBoxApTests
{
    private static readonly CocoBox Here = new(10, 10, 40, 40), There = new(200, 200, 40, 40);

    private static CocoScores Evaluate(CocoObject[] objects, params CocoDetection[] found) => CocoBoxAp.Evaluate(objects, found, [1]);

    private static CocoObject Object(CocoBox box, bool isCrowd = false, long image = 1) => new(image, 1, box, box.Area, isCrowd);

    private static CocoDetection Found(CocoBox box, double score, long image = 1) => new(image, 1, box, score);

    [Fact]
    public void Right_before_wrong_is_perfect() =>
        Assert.Equal(1, Evaluate([Object(Here)], Found(Here, 0.9), Found(There, 0.8)).Ap, 1e-12);

    [Fact]
    public void Wrong_before_right_is_half() =>
        Assert.Equal(0.5, Evaluate([Object(Here)], Found(There, 0.9), Found(Here, 0.8)).Ap, 1e-12);

    [Fact]
    public void Finding_one_of_two_reaches_51_of_101_recalls()
    {
        var scores = Evaluate([Object(Here), Object(There)], Found(Here, 0.9));
        Assert.Equal(51.0 / 101, scores.Ap, 1e-12);
        Assert.Equal(0.5, scores.RecallWith(100));
        Assert.Equal(scores.Ap, scores.ApOf(1));
    }

    [Fact]
    public void Crowd_alone_counts_neither_for_nor_against()
    {
        var scores = Evaluate([Object(Here, isCrowd: true)], Found(Here, 0.9), Found(new(15, 15, 5, 5), 0.8));
        Assert.Equal(-1, scores.Ap);
        Assert.All(scores.Summary, value => Assert.Equal(-1, value));
    }

    [Fact]
    public void Crowd_absorbs_any_number_of_detections_inside_it() => Assert.Equal(1, Evaluate([Object(Here, isCrowd: true), Object(There)],
        Found(new(12, 12, 9, 9), 0.9), Found(new(30, 30, 9, 9), 0.8), Found(There, 0.7)).Ap, 1e-12);

    [Fact]
    public void Second_detection_of_an_object_is_wrong()
    {
        // Two objects, the first found twice before the second: precision 2/3 for the upper 50 recalls.
        var scores = Evaluate([Object(Here), Object(There)], Found(Here, 0.9), Found(Here, 0.8), Found(There, 0.7));
        Assert.Equal((51 + 50 * 2.0 / 3) / 101, scores.Ap, 1e-12);
    }

    [Fact]
    public void Areas_split_the_objects()
    {
        var scores = Evaluate([Object(new(0, 0, 20, 20)), Object(new(300, 300, 200, 200), image: 2)], Found(new(0, 0, 20, 20), 0.9));
        Assert.Equal(1, scores.ApSmall, 1e-12);
        Assert.Equal(-1, scores.ApMedium);
        Assert.Equal(0, scores.ApLarge);
    }

    [Fact]
    public void Equal_scores_keep_the_order_they_came_in()
    {
        CocoObject[] one = [Object(Here)];
        Assert.Equal(1, Evaluate(one, Found(Here, 0.5), Found(There, 0.5)).Ap, 1e-12);
        Assert.Equal(0.5, Evaluate(one, Found(There, 0.5), Found(Here, 0.5)).Ap, 1e-12);
    }

    [Fact]
    public void Only_a_hundred_detections_of_an_image_count()
    {
        CocoDetection[] found = [.. Enumerable.Range(0, 100).Select(i => Found(There, 1 - i / 1000.0)), Found(Here, 0.1)];
        Assert.Equal(0, Evaluate([Object(Here)], found).Ap);
    }

    [Fact]
    public void Bad_questions_are_refused()
    {
        Assert.Throws<ArgumentException>(() => CocoBoxAp.Evaluate([], [], []));
        Assert.Throws<ArgumentException>(() => CocoBoxAp.Evaluate([], [], [3, 3]));
        Assert.Throws<ArgumentException>(() => CocoBoxAp.Evaluate([], [], [3]).ApOf(4));
        Assert.Throws<ArgumentException>(() => CocoBoxAp.Evaluate([], [], [3]).RecallWith(7));
    }
}
