using System;
using System.Buffers.Binary;
using System.IO;
using System.Linq;
using FlorenceKernels.Data;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

public sealed class PairCacheTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("pairs").FullName;

    private string Cache => Path.Combine(_folder, "set");
    private string Images => Path.Combine(Cache, "images.rgba");
    private string Manifest => Path.Combine(Cache, "manifest.jsonl");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void What_is_written_is_read_back()
    {
        Write("b", "a", "b");
        using PairDataset dataset = PairDataset.Open(Cache);
        Assert.Equal(["a", "b"], dataset.Keys);
        Assert.Equal([1, 0, 1], dataset.Samples.Select(s => s.Label));
        Assert.Equal([0, 1, 2], dataset.Samples.Select(s => s.Index));
        PairSample sample = dataset.Samples[1];
        Assert.Equal(("made/1", "made", PairSplit.TestPhoto, "Text \"1\" é", null, "g", "s", "MIT", true, 41),
            (sample.Id, sample.Source, sample.Split, sample.Text, sample.Rich, sample.Group, sample.Subgroup, sample.Licence,
                sample.Scored,
                sample.Cluster));
        Assert.Equal(["x", "y"], sample.Tags);
        Assert.Equal("rich 2", dataset.Samples[2].Rich);
        Assert.Equal(Pixels(1), dataset.Pixels(1).ToArray());
        Assert.True(dataset.IsIntact(1));
        Assert.Equal([1], dataset.Indices(PairSplit.TestPhoto));
    }

    [Fact]
    public void A_changed_pixel_is_noticed()
    {
        Write("a", "b");
        Change(Images, 64 + 3 * 2 * 4 + 5, b => (byte)(b ^ 1));
        using PairDataset dataset = PairDataset.Open(Cache);
        Assert.True(dataset.IsIntact(0));
        Assert.False(dataset.IsIntact(1));
    }

    [Theory]
    [InlineData(0, 0, "wrong first bytes")]
    [InlineData(8, 2, "has format 2")]
    [InlineData(12, 0, "outside the limits")]
    [InlineData(12, 1 << 20, "outside the limits")]
    [InlineData(16, -1, "outside the limits")]
    [InlineData(20, 3, "outside the limits")]
    [InlineData(24, int.MaxValue, "outside the limits")]
    [InlineData(24, 3, "where its header needs")]
    public void A_false_header_is_refused(int offset, int value, string says)
    {
        Write("a", "b");
        byte[] file = File.ReadAllBytes(Images);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(offset), value);
        File.WriteAllBytes(Images, file);
        Assert.Contains(says, Assert.Throws<InvalidDataException>(() => PairDataset.Open(Cache)).Message);
    }

    [Fact]
    public void A_file_cut_short_is_refused()
    {
        Write("a", "b");
        byte[] file = File.ReadAllBytes(Images);
        foreach (int length in new[] { 0, 63, 64, file.Length - 1 })
        {
            File.WriteAllBytes(Images, file[..length]);
            Assert.Throws<InvalidDataException>(() => PairDataset.Open(Cache));
        }
    }

    [Theory]
    [InlineData("\"index\":1", "\"index\":0", "not the line's position")]
    [InlineData("test-photo", "exam", "names no split")]
    [InlineData("\"key\":\"b\"", "\"key\":\"\"", "'key' is empty")]
    [InlineData("\"cluster\":41", "\"cluster\":\"x\"", "line 2 is not a sample")]
    [InlineData("\"id\":\"made/1\",", "", "'id' is missing")]
    [InlineData("\n{\"index\":1", "\n[\"index\",1", "line 2 is not a sample")]
    public void A_false_manifest_line_is_refused(string old, string replaced, string says)
    {
        Write("a", "b");
        File.WriteAllText(Manifest, File.ReadAllText(Manifest).Replace(old, replaced, StringComparison.Ordinal));
        Assert.Contains(says, Assert.Throws<InvalidDataException>(() => PairDataset.Open(Cache)).Message);
    }

    [Fact]
    public void A_manifest_of_another_length_is_refused()
    {
        Write("a", "b");
        string text = File.ReadAllText(Manifest);
        File.WriteAllText(Manifest, text[..(text.IndexOf('\n', StringComparison.Ordinal) + 1)]);
        Assert.Contains("lists 1 samples for 2", Assert.Throws<InvalidDataException>(() => PairDataset.Open(Cache)).Message);
        File.WriteAllText(Manifest, text + "{}\n");
        Assert.Contains("more samples than", Assert.Throws<InvalidDataException>(() => PairDataset.Open(Cache)).Message);
        File.WriteAllText(Manifest, new string(' ', 70_000));
        Assert.Contains("has a line above", Assert.Throws<InvalidDataException>(() => PairDataset.Open(Cache)).Message);
    }

    [Fact]
    public void An_absent_cache_says_what_to_do() =>
        Assert.Contains("build it first", Assert.Throws<InvalidDataException>(() => PairDataset.Open(Cache)).Message);

    [Fact]
    public void Pixels_after_dispose_throw()
    {
        Write("a");
        PairDataset dataset = PairDataset.Open(Cache);
        dataset.Dispose();
        Assert.Throws<ObjectDisposedException>(() => dataset.Pixels(0).Length);
    }

    [Fact]
    public void A_writer_that_does_not_commit_leaves_the_old_cache()
    {
        Write("old");
        using (var writer = new PairCacheWriter(Cache, 3, 2)) writer.Add(Sample("new", 0), Pixels(0));
        using (PairDataset dataset = PairDataset.Open(Cache)) Assert.Equal(["old"], dataset.Keys);
        Assert.Equal(["set"], Folders());
    }

    [Fact]
    public void What_a_killed_writer_left_is_swept_by_the_next()
    {
        Directory.CreateDirectory(Cache + ".tmp-1");
        File.WriteAllText(Path.Combine(Cache + ".tmp-1", "images.rgba"), "half");
        Assert.Throws<InvalidDataException>(() => PairDataset.Open(Cache));
        Write("a");
        Assert.Equal(["set"], Folders());
    }

    [Fact]
    public void A_replacement_cut_between_the_renames_is_undone()
    {
        Write("old");
        Directory.Move(Cache, Cache + ".old-1");
        new PairCacheWriter(Cache, 3, 2).Dispose();
        using PairDataset dataset = PairDataset.Open(Cache);
        Assert.Equal(["old"], dataset.Keys);
        Assert.Equal(["set"], Folders());
    }

    [Fact]
    public void Two_writers_at_a_time_are_refused()
    {
        using var writer = new PairCacheWriter(Cache, 3, 2);
        Assert.Contains("another process", Assert.Throws<IOException>(() => new PairCacheWriter(Cache, 3, 2)).Message);
    }

    [Fact]
    public void Checksum_is_the_published_crc32c() =>
        Assert.Equal(0xE3069283u, PairImageFile.Checksum("123456789"u8)); // check value of CRC-32/ISCSI

    private static byte[] Pixels(int i) => Enumerable.Range(0, 3 * 2 * 4).Select(p => (byte)(p * 7 + i * 31)).ToArray();

    private static PairSample Sample(string key, int i) => new()
    {
        Id = "made/" + i,
        Source = "made",
        Split = i == 1 ? PairSplit.TestPhoto : PairSplit.Train,
        Key = key,
        Text = $"Text \"{i}\" é",
        Rich = i == 2 ? "rich 2" : null,
        Tags = ["x", "y"],
        Group = "g",
        Subgroup = "s",
        Licence = "MIT",
        Scored = i == 1,
        Cluster = 40 + i,
    };

    private void Write(params string[] keys)
    {
        using var writer = new PairCacheWriter(Cache, 3, 2);
        for (int i = 0; i < keys.Length; i++) writer.Add(Sample(keys[i], i), Pixels(i));
        writer.Commit();
    }

    private string?[] Folders() => Directory.GetDirectories(_folder).Select(Path.GetFileName).ToArray();

    private static void Change(string path, int at, Func<byte, byte> change)
    {
        byte[] file = File.ReadAllBytes(path);
        file[at] = change(file[at]);
        File.WriteAllBytes(path, file);
    }
}
