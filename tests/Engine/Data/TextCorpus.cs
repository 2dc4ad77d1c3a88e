using System;
using System.Collections.Generic;
using System.Text;
using FlorenceKernels.Data;

namespace FlorenceKernels.Tests.Engine;

/// <summary>Generated texts: words made of syllables, so that a small BPE has something to learn, and strings of random
/// runes.</summary>
internal static class TextCorpus
{
    private static readonly string[] _syllables =
        ["ba", "ro", "lin", "te", "sun", "ka", "mo", "photo", "cat", "ing", "é", "日", "本", "ß"];
    private static readonly string[] _glue =
        [" ", " ", " ", "  ", ", ", ". ", "'s ", "-", "!", " 12 ", " 😀 ", "’", "\t", "&amp;", "_"];
    private static readonly Lazy<ClipTokenizer> _trained =
        new(() => new ClipTokenizer(BpeTrainer.Train(Sentences(1, 2000), 1500)));

    /// <summary>A tokenizer trained on the first 2,000 sentences.</summary>
    internal static ClipTokenizer Trained => _trained.Value;

    internal static IEnumerable<string> Sentences(int seed, int count)
    {
        var random = new Random(seed);
        for (var s = 0; s < count; s++)
        {
            var text = new StringBuilder();
            for (var w = random.Next(1, 12); w > 0; w--)
            {
                for (var n = random.Next(1, 5); n > 0; n--)
                    text.Append(_syllables[random.Next(random.Next(1, _syllables.Length + 1))]);
                text.Append(_glue[random.Next(_glue.Length)]);
            }
            yield return text.ToString();
        }
    }

    internal static IEnumerable<string> RandomStrings(int seed, int count, int runeLimit)
    {
        var random = new Random(seed);
        for (var s = 0; s < count; s++)
        {
            var text = new StringBuilder();
            for (var n = random.Next(0, 40); n > 0; n--)
            {
                var rune = random.Next(4) == 0 ? random.Next(runeLimit) : random.Next(0x250);
                if (Rune.IsValid(rune)) text.Append(new Rune(rune).ToString());
            }
            yield return text.ToString();
        }
    }
}
