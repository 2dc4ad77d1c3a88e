using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.IO.Compression;
using System.Linq;
using System.Text;
using System.Text.Json;
using FlorenceKernels.Data;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

public sealed class ClipTokenizerTests
{
    private const string ClipFileVariable = "FLORENCE_CLIP_BPE";

    private static JsonElement Golden()
    {
        using var file = JsonDocument.Parse(File.ReadAllBytes(GoldenCase.PathOf("16_tokenizer", "clip_bpe.json")));
        return file.RootElement.Clone();
    }

    private static ClipTokenizer Clip()
    {
        var path = Environment.GetEnvironmentVariable(ClipFileVariable);
        if (string.IsNullOrEmpty(path)) Assert.Skip($"needs bpe_simple_vocab_16e6.txt.gz: name it in {ClipFileVariable}");
        return ClipTokenizer.Load(path);
    }

    private static int[] Ids(JsonElement array) => [.. array.EnumerateArray().Select(id => id.GetInt32())];

    private static string Spaced(IEnumerable<string> pieces) => string.Concat(pieces.Select(piece => piece + " "));

    [Fact]
    public void Clip_file_gives_the_published_vocabulary()
    {
        var clip = Clip();
        Assert.Equal((49408, 49406, 49407), (clip.VocabularySize, clip.Sot, clip.Eot));
        Assert.Equal(new BpeMerge("i", "n"), clip.Merges.Merges[0]);
        Assert.Equal(new BpeMerge("jeky", "ll</w>"), clip.Merges.Merges[^1]);
    }

    [Fact]
    public void Clip_ids_equal_the_reference_and_decode_back()
    {
        var clip = Clip();
        foreach (var row in Golden().GetProperty("cases").EnumerateArray())
        {
            var expected = Ids(row.GetProperty("ids"));
            var padded = clip.EncodePadded(row.GetProperty("text").GetString()!, row.GetProperty("padded_length").GetInt32());
            Assert.Equal(expected, padded.Ids[..padded.Length]);
            Assert.All(padded.Ids[padded.Length..], id => Assert.Equal(0, id));
        }
        foreach (var row in Golden().GetProperty("decode").EnumerateArray())
            Assert.Equal(row.GetProperty("text").GetString(), clip.Decode(Ids(row.GetProperty("ids"))));
    }

    // ids below 512 and the two special ones do not depend on the merges; a number is always a piece of one byte
    [Fact]
    public void Texts_of_digits_and_signs_get_reference_ids_without_any_merge()
    {
        var bare = new ClipTokenizer(new BpeMerges([]));
        var proved = 0;
        foreach (var row in Golden().GetProperty("cases").EnumerateArray())
        {
            int[] expected = [.. Ids(row.GetProperty("ids")).Select(id => id >= 49406 ? id - 49406 + bare.Sot : id)];
            var text = row.GetProperty("text").GetString()!;
            if (expected.Any(id => id is >= 512 && id < bare.Sot) || text.Any(char.IsLetter)) continue;
            if (Ids(row.GetProperty("ids")).Any(id => id is >= 512 and < 49406)) continue;
            Assert.Equal(expected, bare.EncodePadded(text).Ids[..expected.Length]);
            proved++;
        }
        Assert.True(proved >= 3, $"only {proved} cases need no merges");
    }

    [Fact]
    public void Pieces_equal_what_the_reference_decodes()
    {
        var texts = Golden().GetProperty("cases").EnumerateArray()
            .ToLookup(row => string.Join(' ', Ids(row.GetProperty("ids"))), row => row.GetProperty("text").GetString()!);
        foreach (var row in Golden().GetProperty("decode").EnumerateArray())
        {
            string[] same = [.. texts[string.Join(' ', Ids(row.GetProperty("ids")))]];
            Assert.NotEmpty(same);
            Assert.All(same, text => Assert.Equal(row.GetProperty("text").GetString(), Spaced(ClipTokenizer.Pieces(text))));
        }
    }

    [Theory]
    [InlineData("It's THEY'RE we'veI'm", "it|'s|they|'re|we|'ve|i|'m")]
    [InlineData("x!'s '", "x|!'|s|'")]
    [InlineData("a1²③b", "a|1|²|③|b")]
    [InlineData("\U00010400\U00010401 \U0001D7D8\U0001D7D9", "\U00010428\U00010429|\U0001D7D8|\U0001D7D9")]
    [InlineData("cafe\u0301 \u1100\u1161\u11a8 ", "caf\u00e9|\uac01")]
    [InlineData("ΟΔΟΣ ΣΟΣ Σ.Α İ", "οδος|σος|σ|.|α|i|\u0307")]
    [InlineData("&amp;lt; &#x41;&#128; &notit; &bogus; &#0;", "<|a|€|¬|it|;|&|bogus|;|\ufffd")]
    [InlineData("a\u0085\u00a0\u2003b\u200bc", "a|b|\u200b|c")]
    [InlineData("!<|startoftext|> <|StartOfText|>x", "!<|startoftext|>|<|startoftext|>|x",
        "!<|;startoftext;|>;<|startoftext|>;x")]
    [InlineData(" \u001c\u001da\u001cb\u001e ", "a|\u001c|b")]
    public void Pieces_follow_the_reference_rules(string text, string pieces, string? semicolons = null) =>
        Assert.Equal(semicolons?.Split(';') ?? pieces.Split('|'), ClipTokenizer.Pieces(text));

    [Fact]
    public void Padding_and_truncation_follow_the_rule()
    {
        var bare = new ClipTokenizer(new BpeMerges([]));
        var five = bare.EncodePadded("1 2 3 4 5", 5, padId: bare.Eot);
        Assert.Equal([bare.Sot, 272, 273, 274, bare.Eot], five.Ids);
        Assert.Equal(5, five.Length);
        Assert.All(five.AttentionMask, Assert.True);
        var fit = bare.EncodePadded("1 2 3", 7, padId: 9);
        Assert.Equal([bare.Sot, 272, 273, 274, bare.Eot, 9, 9], fit.Ids);
        Assert.Equal([true, true, true, true, true, false, false], fit.AttentionMask);
        Assert.Throws<ArgumentOutOfRangeException>(() => bare.EncodePadded("a", 77, padId: 514));
        Assert.Throws<ArgumentException>(() => bare.Decode([514]));
    }

    [Fact]
    public void Long_pieces_merge_as_short_ones_do()
    {
        // merges that name symbols before they are made: order of passes then matters
        BpeMerge[] odd = [new("aa", "a"), new("a", "a"), new("aaa", "aa"), new("b", "aa"), new("aa", "b"), new("aab", "a</w>"),
            new("b", "a</w>")];
        foreach (var merges in (BpeMerges[])[new(odd), TextCorpus.Trained.Merges])
        {
            var merger = new BpeMerger(merges);
            var random = new Random(7);
            for (var n = 1; n < 300; n++)
            {
                var piece = Enumerable.Range(0, n)
                    .Select(_ => ByteAlphabet.IdOf((byte)"abkroin"[random.Next(n % 2 == 0 ? 2 : 7)])).ToArray();
                piece[^1] += 256;
                var (scan, buckets) = ((int[])piece.Clone(), (int[])piece.Clone());
                Assert.Equal(scan[..merger.MergeByScan(scan)], buckets[..merger.MergeByBuckets(buckets)]);
            }
        }
    }

    [Fact]
    public void Sixteen_times_one_letter_takes_about_sixteen_times_as_long()
    {
        var merges = Enumerable.Range(0, 8).Select(n => new BpeMerge(new string('a', 1 << n), new string('a', 1 << n)));
        var tokenizer = new ClipTokenizer(new BpeMerges([.. merges]));
        string small = new('a', 1 << 16), large = new('a', 1 << 20);
        Assert.Equal(4095 + 8 + 1, tokenizer.Encode(large).Length);   // 255 letters are left over, then the one with </w>
        var ratio = Quickest(() => tokenizer.Encode(large)) / Quickest(() => tokenizer.Encode(small));
        Assert.True(ratio < 64, $"took {ratio:f0} times as long");   // a quadratic loop would take 256 times
    }

    private static double Quickest(Action action)
    {
        var quickest = double.MaxValue;
        for (var run = 0; run < 5; run++)
        {
            var watch = Stopwatch.StartNew();
            action();
            quickest = Math.Min(quickest, watch.Elapsed.TotalMilliseconds);
        }
        return quickest;
    }

    [Fact]
    public void Decode_returns_the_pieces_of_any_text()
    {
        foreach (var text in TextCorpus.RandomStrings(3, 2000, 0x110000).Concat(TextCorpus.Sentences(2, 500)))
        {
            var pieces = ClipTokenizer.Pieces(text);
            if (pieces.Any(piece => piece.StartsWith("<|", StringComparison.Ordinal)
                || piece.Contains("</w>", StringComparison.Ordinal))) continue;
            Assert.Equal(Spaced(pieces), TextCorpus.Trained.Decode(TextCorpus.Trained.Encode(text)));
        }
    }

    [Fact]
    public void Special_tokens_show_in_decoded_text_only_on_request()
    {
        var bare = new ClipTokenizer(new BpeMerges([]));
        Assert.Equal("a <|endoftext|>", bare.Decode([64 + 256, bare.Eot], skipSpecialTokens: false));
        Assert.Equal("a ", bare.Decode([bare.Sot, 64 + 256, bare.Eot]));
        Assert.Equal([bare.Sot, 320, bare.Eot], bare.Encode("<|startoftext|>a<|endoftext|>"));
    }

    [Fact]
    public void Gzip_and_plain_files_give_the_same_merges()
    {
        var merges = TextCorpus.Trained.Merges;
        var plain = Encoding.UTF8.GetBytes(merges.Header + "\n"
            + string.Join('\n', merges.Merges.Select(m => $"{m.Left} {m.Right}")));
        var zipped = new MemoryStream();
        using (var gzip = new GZipStream(zipped, CompressionLevel.Fastest, leaveOpen: true)) gzip.Write(plain);
        zipped.Position = 0;
        Assert.Equal(merges.Merges, BpeMerges.Read(new MemoryStream(plain)).Merges);
        Assert.Equal(merges.Merges, BpeMerges.Read(zipped).Merges);
        Assert.Equal(merges.Merges.Take(10), BpeMerges.Read(new MemoryStream(plain), new BpeMergesLimits(MaxMerges: 10)).Merges);
    }
}
