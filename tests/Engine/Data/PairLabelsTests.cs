using System;
using FlorenceKernels.Data;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

public sealed class PairLabelsTests
{
    [Fact]
    public void Identical_descriptions_share_a_label_and_others_do_not()
    {
        var labels = new TextLabels();
        Assert.Equal(0, labels.LabelOf("A red  Fox"));
        Assert.Equal(1, labels.LabelOf("a red foxes"));
        Assert.Equal(0, labels.LabelOf(" a red fox "));
        Assert.Equal(2, labels.LabelOf(""));
        Assert.Equal(3, labels.LabelOf("caf\u00e9"));
        Assert.Equal(3, labels.LabelOf("cafe\u0301"));
        Assert.Equal((4, 0), (labels.Count, labels.Collisions));
    }

    [Fact]
    public void Texts_that_only_share_a_hash_get_labels_of_their_own()
    {
        var labels = new TextLabels(TextLabels.Normalize, text => (ulong)text.Length);
        Assert.Equal(0, labels.LabelOf("cat"));
        Assert.Equal(1, labels.LabelOf("dog"));
        Assert.Equal(1, labels.LabelOf("dog"));
        Assert.Equal(0, labels.LabelOf("CAT"));
        Assert.Equal((2, 1), (labels.Count, labels.Collisions));
    }

    [Theory]
    [InlineData("A dog.", "dog")]
    [InlineData("the Dog (small)", "dog")]
    [InlineData("ice-cream, an apple", "ice cream apple")]
    [InlineData("O'Clock", "oclock")]
    [InlineData("The", "the")]
    [InlineData("???", "???")]
    public void Names_are_compared_without_articles_brackets_and_punctuation(string text, string name) =>
        Assert.Equal(name, TextLabels.NormalizeName(text));

    [Fact]
    public void Unique_labels_are_replaced_as_in_the_reference()
    {
        var golden = GoldenCase.Open("01_unicl", "loss_b24_classuniq");
        var labels = golden.Longs("in.labels_raw");
        PairLabels.ReplaceUnique(labels);
        Assert.Equal(golden.Longs("in.labels"), labels);
    }

    [Fact]
    public void Replacing_works_on_batches_without_classes_captions_or_anything()
    {
        long[] captions = [0, 0, 0], classes = [5, 5, 2], none = [];
        PairLabels.ReplaceUnique(captions);
        PairLabels.ReplaceUnique(classes);
        PairLabels.ReplaceUnique(none);
        Assert.Equal([1, 2, 3], captions);
        Assert.Equal([5, 5, 2], classes);
        Assert.Throws<OverflowException>(() => PairLabels.ReplaceUnique([0, long.MaxValue]));
    }

    [Fact]
    public void Every_source_has_its_own_range_of_labels()
    {
        Assert.Equal([1L, 11, 11, 14], PairLabels.ClassOffsets([10, 0, 3, 7]));
        Assert.Empty(PairLabels.ClassOffsets([]));
    }
}
