using System;
using System.IO;
using System.IO.Compression;
using System.Linq;
using System.Text;
using FlorenceKernels.Data;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

public sealed class MergesFileTests
{
    private static BpeMerges Read(string text, BpeMergesLimits? limits = null) =>
        BpeMerges.Read(new MemoryStream(Encoding.UTF8.GetBytes(text)), limits);

    [Theory]
    [InlineData("", "header")]
    [InlineData("\na b\n", "header")]
    [InlineData("#v\nab\n", "two symbols")]
    [InlineData("#v\na b c\n", "two symbols")]
    [InlineData("#v\n a\n", "two symbols")]
    [InlineData("#v\na \n", "two symbols")]
    [InlineData("#v\nab c\n", "neither a byte nor made by a merge")]
    [InlineData("#v\na \u4e2d\n", "stands for no byte")]
    public void A_wrong_file_is_refused_with_its_reason(string text, string reason) =>
        Assert.Contains(reason, Assert.Throws<MergesFileException>(() => Read(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void Limits_on_bytes_text_and_lines_hold()
    {
        var text = "#v\na b\nab c\n";
        Assert.Throws<MergesFileException>(() => Read(text, new BpeMergesLimits(MaxFileBytes: 8)));
        Assert.Throws<MergesFileException>(() => Read(text, new BpeMergesLimits(MaxTextBytes: 8)));
        Assert.Throws<MergesFileException>(() => Read(text, new BpeMergesLimits(MaxLineChars: 3)));
        Assert.Equal(2, Read(text, new BpeMergesLimits(12, 12, 4)).Merges.Count);
        var bomb = new MemoryStream();
        using (var gzip = new GZipStream(bomb, CompressionLevel.Fastest, leaveOpen: true)) gzip.Write(new byte[1 << 22]);
        bomb.Position = 0;
        Assert.Throws<MergesFileException>(() => BpeMerges.Read(bomb));
    }

    [Fact]
    public void Ten_thousand_mutated_files_give_a_vocabulary_or_the_typed_exception()
    {
        var merges = TextCorpus.Trained.Merges;
        var plain = Encoding.UTF8.GetBytes(merges.Header + "\n"
            + string.Join('\n', merges.Merges.Take(60).Select(m => $"{m.Left} {m.Right}")));
        var zipped = new MemoryStream();
        using (var gzip = new GZipStream(zipped, CompressionLevel.Fastest, leaveOpen: true)) gzip.Write(plain);
        var (random, read, refused) = (new Random(17), 0, 0);
        for (var n = 0; n < 10_000; n++)
        {
            var bytes = Mutation.Of(n % 2 == 0 ? plain : zipped.ToArray(), random);
            try
            {
                new ClipTokenizer(BpeMerges.Read(new MemoryStream(bytes))).Encode("a photo of baroka's 12 ");
                read++;
            }
            catch (MergesFileException)
            {
                refused++;
            }
        }
        Assert.True(read > 500 && refused > 500, $"{read} read, {refused} refused: the mutations are too weak or too strong");
    }
}
