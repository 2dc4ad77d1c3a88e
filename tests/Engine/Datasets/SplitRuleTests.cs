using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Data;
using FlorenceKernels.Datasets;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

public sealed class SplitRuleTests
{
    private static SplitInput Image(string source, string key, int cluster, bool known = false, bool flag = false) =>
        new(source, key, known, flag, cluster);

    // Values of int(md5(text).hexdigest(), 16) % 20 computed by Python's hashlib.
    [Theory]
    [InlineData("castle", 11)]
    [InlineData("piñata", 6)]
    [InlineData("lion", 4)]
    [InlineData("zeppelin", 6)]
    public void Bucket_of_a_text_is_its_md5_modulo_20(string text, int bucket) => Assert.Equal(bucket, SplitRule.Bucket(text));

    [Fact]
    public void Vendors_and_photos_of_known_concepts_are_held_out()
    {
        SplitOutcome[] got = SplitRule.Apply(
        [
            Image("fluent", "lion", 0, known: true),
            Image("fxemoji", "lion", 1, known: true),
            Image("tuxpaint", "lion", 2, known: true),
            Image("openclipart", "lion", 3, known: true),
            Image("google", "lion", 4, known: true),
        ]);
        Assert.Equal([PairSplit.TestVendor, PairSplit.ValVendor, PairSplit.TestPhoto, PairSplit.Train, PairSplit.Train],
            got.Select(o => o.Split!.Value));
    }

    [Fact]
    public void A_group_of_collections_only_goes_where_its_smallest_text_hashes()
    {
        string[] words = Enumerable.Range(0, 400).Select(i => "word " + i).ToArray();
        SplitOutcome[] got = SplitRule.Apply(words.Select((w, i) => Image(i % 2 == 0 ? "openclipart" : "tuxpaint", w, i))
            .ToArray());
        for (int i = 0; i < words.Length; i++)
        {
            PairSplit expected = SplitRule.Bucket(words[i]) switch
            {
                0 or 1 => PairSplit.TestRetrieval,
                2 => PairSplit.ValRetrieval,
                _ => PairSplit.Train,
            };
            Assert.Equal(expected, got[i].Split);
        }

        Assert.Equal(3, got.Select(o => o.Split).Distinct().Count());
    }

    [Fact]
    public void Look_and_text_link_a_group_and_the_smallest_text_decides()
    {
        string held = First("a", 0, 1), train = First("b", 5, 19);
        // "b..." would train, but it looks like "a...", which is held out; a third image shares only the second one's text.
        SplitOutcome[] got = SplitRule.Apply(
            [Image("openclipart", train, 0), Image("openclipart", held, 0), Image("tuxpaint", train, 1)]);
        Assert.All(got, o => Assert.Equal(PairSplit.TestRetrieval, o.Split));
    }

    [Fact]
    public void A_group_with_an_emoji_trains_whatever_its_hash()
    {
        string held = First("x", 0, 1);
        SplitOutcome[] got = SplitRule.Apply([Image("openclipart", held, 7), Image("google", "teapot", 7, known: true)]);
        Assert.All(got, o => Assert.Equal(PairSplit.Train, o.Split));
    }

    [Fact]
    public void A_training_image_that_looks_like_a_held_out_one_is_dropped()
    {
        SplitOutcome[] got = SplitRule.Apply(
        [
            Image("fluent", "lion", 3, known: true), Image("google", "tiger", 3, known: true),
                Image("twitter", "lion", 4, known: true),
        ]);
        Assert.Null(got[1].Split);
        Assert.False(got[1].Scored);
        Assert.Equal(PairSplit.Train, got[2].Split);
    }

    [Fact]
    public void Flags_and_training_images_are_not_scored()
    {
        SplitOutcome[] got = SplitRule.Apply(
        [
            Image("fluent", "lion", 0, known: true), Image("fluent", "flag france", 1, known: true, flag: true),
                Image("google", "lion", 2, known: true),
        ]);
        Assert.Equal([true, false, false], got.Select(o => o.Scored));
    }

    [Fact]
    public void Only_captions_and_clusters_that_occur_once_are_scored_in_retrieval()
    {
        string once = First("p", 0, 1), twice = First("q", 0, 1), left = First("r", 0, 1), right = First("s", 0, 1);
        SplitOutcome[] got = SplitRule.Apply(
        [
            Image("openclipart", once, 0), Image("openclipart", twice, 1), Image("openclipart", twice, 2),
            Image("openclipart", left, 3), Image("openclipart", right, 3),
        ]);
        Assert.All(got, o => Assert.Equal(PairSplit.TestRetrieval, o.Split));
        Assert.Equal([true, false, false, false, false], got.Select(o => o.Scored));
    }

    [Fact]
    public void No_held_out_look_or_caption_is_in_training()
    {
        string[] sources = ["google", "twitter", "fluent", "fxemoji", "tuxpaint", "openclipart", "openclipart"];
        var random = new Random(5);
        SplitInput[] images = Enumerable.Range(0, 3000).Select(_ => Image(sources[random.Next(sources.Length)],
            "text " + random.Next(900), random.Next(2600), known: random.Next(3) == 0)).ToArray();
        SplitOutcome[] got = SplitRule.Apply(images);
        var trainClusters = new HashSet<int>(Where(PairSplit.Train).Select(i => images[i].Cluster));
        var trainKeys = new HashSet<string>(Where(PairSplit.Train).Select(i => images[i].Key));
        PairSplit[] others = Enum.GetValues<PairSplit>().Where(s => s != PairSplit.Train).ToArray();
        Assert.All(others.SelectMany(Where), i => Assert.DoesNotContain(images[i].Cluster, trainClusters));
        int[] retrieval = Where(PairSplit.TestRetrieval).Concat(Where(PairSplit.ValRetrieval)).ToArray();
        Assert.NotEmpty(retrieval);
        Assert.All(retrieval, i => Assert.DoesNotContain(images[i].Key, trainKeys));

        IEnumerable<int> Where(PairSplit split) => Enumerable.Range(0, got.Length).Where(i => got[i].Split == split);
    }

    private static string First(string prefix, int least, int most) =>
        Enumerable.Range(0, 1000).Select(i => prefix + i).First(w => SplitRule.Bucket(w) is var b && b >= least && b <= most);
}
