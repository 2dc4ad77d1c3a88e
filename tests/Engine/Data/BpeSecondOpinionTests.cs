using System.Collections.Generic;
using System.Linq;
using System.Text.RegularExpressions;
using FlorenceKernels.Data;
using Microsoft.ML.Tokenizers;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

/// <summary>Microsoft.ML.Tokenizers' BPE, given our merges and CLIP's pattern as a .NET Regex. Texts stay inside the BMP, because
/// that Regex sees letters outside it as surrogates.</summary>
public sealed class BpeSecondOpinionTests
{
    private const string ClipPattern =
        @"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+";

    private static BpeTokenizer Peer(BpeMerges merges) => BpeTokenizer.Create(new BpeOptions(merges.Symbols)
    {
        Merges = merges.Merges.Select(merge => $"{merge.Left} {merge.Right}"),
        PreTokenizer = new RegexPreTokenizer(new Regex(ClipPattern, RegexOptions.CultureInvariant), null),
        EndOfWordSuffix = "</w>",
        ByteLevel = true,
    });

    [Fact]
    public void Ids_of_generated_texts_equal_those_of_ml_tokenizers()
    {
        var ours = TextCorpus.Trained;
        var peer = Peer(ours.Merges);
        var compared = 0;
        foreach (var text in TextCorpus.Sentences(21, 3000).Concat(TextCorpus.RandomStrings(22, 3000, 0xD800)))
        {
            if (text.AsEnumerable().Any(c => c is '\u0345' or '\u017f')) continue;   // case-blind oddities of the reference
            var clean = TextCleaning.ForClip(text);
            List<int> expected = [.. peer.EncodeToIds(clean)];
            Assert.Equal(expected, ours.Encode(text));
            compared += expected.Count;
        }
        Assert.True(compared > 50_000, $"only {compared} ids were compared");
    }
}
