using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using FlorenceKernels.Data;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

public sealed class BpeTrainerTests
{
    [Fact]
    public void Merges_equal_a_recount_from_scratch_at_every_step()
    {
        string[] corpus = [.. TextCorpus.Sentences(11, 60)];
        var merges = BpeTrainer.Train(corpus, 514 + 120).Merges;
        var words = corpus.SelectMany(ClipTokenizer.Pieces).Select(Symbols).ToList();
        foreach (var (left, right) in merges)
        {
            var counts = words.SelectMany(w => w.Zip(w.Skip(1))).GroupBy(pair => pair).ToDictionary(g => g.Key, g => g.Count());
            Assert.Equal(counts.Values.Max(), counts[(left, right)]);
            words = words.ConvertAll(word => Merge(word, left, right));
        }
        Assert.Equal(120, merges.Count);
    }

    [Fact]
    public void The_order_of_the_corpus_does_not_change_the_merges()
    {
        string[] corpus = [.. TextCorpus.Sentences(5, 400)];
        Assert.Equal(BpeTrainer.Train(corpus, 900).Merges, BpeTrainer.Train(corpus.Reverse(), 900).Merges);
    }

    [Fact]
    public void Training_stops_when_pairs_run_out()
    {
        Assert.Empty(BpeTrainer.Train([], 1000).Merges);
        Assert.Equal([new BpeMerge("a", "b</w>")], BpeTrainer.Train(["ab ab", "ab cd"], 1000).Merges);
        Assert.Equal(2, BpeTrainer.Train(["ab ab", "ab cd"], 1000, minFrequency: 1).Merges.Count);
        Assert.Throws<ArgumentOutOfRangeException>(() => BpeTrainer.Train([], 513));
    }

    [Fact]
    public void A_saved_vocabulary_loads_to_the_same_tokenizer_and_leaves_no_other_file()
    {
        var folder = Directory.CreateTempSubdirectory("florence-bpe");
        try
        {
            var path = Path.Combine(folder.FullName, "merges.txt");
            File.WriteAllText(path, "an older file");
            TextCorpus.Trained.Merges.Save(path);
            var loaded = ClipTokenizer.Load(path);
            Assert.Equal([path], Directory.GetFiles(folder.FullName));
            Assert.Equal(TextCorpus.Trained.VocabularySize, loaded.VocabularySize);
            foreach (var text in TextCorpus.Sentences(8, 200)) Assert.Equal(TextCorpus.Trained.Encode(text), loaded.Encode(text));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static List<string> Symbols(string piece)
    {
        var symbols = Encoding.UTF8.GetBytes(piece)
            .Select(b => ByteAlphabet.SymbolOfId(ByteAlphabet.IdOf(b)).ToString()).ToList();
        symbols[^1] += "</w>";
        return symbols;
    }

    private static List<string> Merge(List<string> word, string left, string right)
    {
        var merged = new List<string>();
        for (var i = 0; i < word.Count; i++)
            if (i + 1 < word.Count && word[i] == left && word[i + 1] == right) merged.Add(word[i++] + right);
            else merged.Add(word[i]);
        return merged;
    }
}
