using System;
using System.Linq;
using FlorenceKernels.Data;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

public sealed class PromptTemplatesTests
{
    [Fact]
    public void Sets_have_the_published_members()
    {
        var pool = PromptTemplates.Pool81.Templates;
        Assert.Equal((81, 81), (pool.Length, pool.Distinct().Count()));
        Assert.Equal("{}.", pool[0]);
        Assert.Equal(80, PromptTemplates.ImageNet80.Templates.Length);
        Assert.All(pool, template => Assert.Equal(2, template.Split("{}").Length));
        string[] sample = ["a bad photo of a {}.", "a photo of many {}.", "a photo of the hard to see {}.",
            "a jpeg corrupted photo of the {}.",
            "the origami {}.", "the {} in a video game.", "itap of my {}.", "a plushie {}.", "a photo of one {}.",
            "graffiti of the {}."];
        Assert.All(sample, template => Assert.Contains(template, pool));
        Assert.All(PromptTemplates.ImageNet7.Templates, template => Assert.Contains(template, pool));
        Assert.Equal(7, PromptTemplates.ImageNet7.Templates.Length);
    }

    [Fact]
    public void Draw_covers_every_template_evenly_and_repeats_itself()
    {
        var pool = PromptTemplates.Pool81;
        Assert.Equal("dog.", pool.Draw("dog", 0));
        Assert.Equal(pool.Apply(80, "dog"), pool.Draw("dog", uint.MaxValue));
        var counts = Enumerable.Range(0, 8100).Select(n => pool.Draw("dog", (uint)(n * (uint.MaxValue / 8100L))))
            .GroupBy(text => text).ToList();
        Assert.Equal(81, counts.Count);
        Assert.All(counts, group => Assert.InRange(group.Count(), 99, 101));
        Assert.Equal(pool.ApplyAll("dog")[5], pool.Apply(5, "dog"));
    }

    [Theory]
    [InlineData("dog", true)]
    [InlineData("  red   panda ", true)]
    [InlineData("a red panda", false)]
    [InlineData("", false)]
    [InlineData(" \t", false)]
    public void Short_texts_have_one_or_two_words(string text, bool isShort) =>
        Assert.Equal(isShort, PromptTemplates.IsShort(text));

    [Fact]
    public void Class_names_lose_commas_and_plus_signs() =>
        Assert.Equal("crane bird great white", PromptTemplates.CleanClassName("crane+bird, great white"));

    [Fact]
    public void Own_templates_need_one_slot_each()
    {
        Assert.Equal("my cat!", PromptTemplates.Of("my {}!").Apply(0, "cat"));
        Assert.Throws<ArgumentException>(() => PromptTemplates.Of());
        Assert.Throws<ArgumentException>(() => PromptTemplates.Of("no slot"));
        Assert.Throws<ArgumentException>(() => PromptTemplates.Of("{} and {}"));
    }
}
