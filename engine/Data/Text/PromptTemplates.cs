using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;

namespace FlorenceKernels.Data;

/// <summary>Sentences that a class name or a short text is put into; <c>{}</c> is the place of the name.</summary>
public sealed class PromptTemplates
{
    private const string Slot = "{}";
    private const int ShortWords = 2;

    private PromptTemplates(IEnumerable<string> templates) => Templates = [.. templates];

    /// <summary>The templates, in a fixed order.</summary>
    public ImmutableArray<string> Templates { get; }

    /// <summary>CLIP's 80 templates for ImageNet.</summary>
    public static PromptTemplates ImageNet80 { get; } = new(Generated());

    /// <summary>The pool for short texts in training, as in UniCL: the bare name and CLIP's 80.</summary>
    public static PromptTemplates Pool81 { get; } = new([Slot + ".", .. Generated()]);

    /// <summary>The seven templates that CLIP's authors found to do as well as the 80.</summary>
    public static PromptTemplates ImageNet7 { get; } = new(
    [
        "itap of a {}.", "a bad photo of the {}.", "a origami {}.", "a photo of the large {}.", "a {} in a video game.",
        "art of the {}.", "a photo of the small {}.",
    ]);

    /// <summary>Templates that fit drawn pictures: emoji, stamps, clip art. Training draws from these.</summary>
    public static PromptTemplates DrawnArt { get; } = new(
        ["{}", "a picture of {}", "a drawing of {}", "an icon of {}", "a photo of {}", "this is {}", "{} clip art"]);

    /// <summary>Those of <see cref="DrawnArt"/> that classify best after a short training (chosen on the validation artist: 52.5 % of 1922
    /// names against 51.2 % with all seven), in which few pictures were called by a sentence.</summary>
    public static PromptTemplates DrawnArtShort { get; } = new(["{}", "{} clip art"]);

    /// <summary>Makes a set of own templates.</summary>
    /// <exception cref="ArgumentException">The set is empty, or a template does not hold <c>{}</c> exactly once.</exception>
    public static PromptTemplates Of(params IEnumerable<string> templates)
    {
        var made = new PromptTemplates(templates);
        if (made.Templates.IsEmpty) throw new ArgumentException("A set of templates needs at least one.", nameof(templates));
        foreach (var template in made.Templates)
            if (template.Split(Slot).Length != 2)
                throw new ArgumentException($"The template '{template}' must hold {{}} exactly once.", nameof(templates));
        return made;
    }

    /// <summary>One template with the name put in.</summary>
    public string Apply(int index, string name) => Templates[index].Replace(Slot, name, StringComparison.Ordinal);

    /// <summary>All templates with the name put in: the texts of one zero-shot class.</summary>
    public string[] ApplyAll(string name) =>
        [.. Templates.Select(template => template.Replace(Slot, name, StringComparison.Ordinal))];

    /// <summary>The template that a uniform 32-bit number picks, with the name put in: the same number, the same
    /// sentence.</summary>
    public string Draw(string name, uint random) => Apply((int)((ulong)random * (ulong)Templates.Length >> 32), name);

    /// <summary>A class name as the reference data loaders write it: commas out, plus signs to spaces.</summary>
    public static string CleanClassName(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return name.Replace(",", "", StringComparison.Ordinal).Replace('+', ' ');
    }

    /// <summary>Whether a text has one or two words, so that training wraps it in a template (Florence, section 2.1).</summary>
    public static bool IsShort(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var words = text.Split((char[]?)null, ShortWords + 1, StringSplitOptions.RemoveEmptyEntries).Length;
        return words is > 0 and <= ShortWords;
    }

    // 38 patterns, each with "a" and "the" before the name (literally "a" even before a vowel), and four without an article
    private static IEnumerable<string> Generated()
    {
        string[] photos =
            ["bad", "low resolution", "cropped", "bright", "dark", "close-up", "black and white", "pixelated", "jpeg corrupted",
            "blurry", "good"];
        string[] things = ["hard to see", "clean", "dirty", "cool", "large", "nice", "weird", "small"];
        string[] works = ["sculpture", "rendering", "tattoo", "drawing", "painting", "doodle", "sketch", "rendition"];
        string[] made = ["embroidered", "plastic", "origami", "toy", "cartoon", "plushie"];
        foreach (var article in (string[])["a", "the"])
        {
            foreach (var photo in photos) yield return $"a {photo} photo of {article} {{}}.";
            foreach (var thing in things) yield return $"a photo of {article} {thing} {{}}.";
            yield return $"a photo of {article} {{}}.";
            foreach (var work in works) yield return $"a {work} of {article} {{}}.";
            foreach (var kind in made) yield return $"{article} {kind} {{}}.";
            yield return $"graffiti of {article} {{}}.";
            yield return $"art of {article} {{}}.";
            yield return $"itap of {article} {{}}.";
            yield return $"{article} {{}} in a video game.";
        }
        foreach (var photo in (string[])["a photo of many", "a photo of my", "a photo of one", "itap of my"])
            yield return $"{photo} {{}}.";
    }
}
