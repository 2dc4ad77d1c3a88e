using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using FlorenceKernels.Checkpoints;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

public sealed class CheckpointStoreTests
{
    [Fact]
    public void Publish_keeps_the_last_two_and_the_best()
    {
        using var folder = new TemporaryFolder();
        var store = new CheckpointStore(folder.Path, keepLast: 2);
        Assert.Null(store.Latest);
        double?[] scores = [0.1, 0.9, double.NaN, 0.3, null, 0.9];
        for (int i = 0; i < scores.Length; i++) store.Publish(100 * (i + 1), path => Fill(path, i), scores[i]);
        Assert.Equal(["best", "latest", Step(200), Step(500), Step(600)], folder.Names().Order(StringComparer.Ordinal));
        Assert.Equal(folder[Step(600)], store.Latest);
        Assert.Equal(folder[Step(200)], store.Best);
        Assert.Equal(0.9, store.BestScore);
        Assert.Equal([folder[Step(600)], folder[Step(500)], folder[Step(200)]], store.Candidates());
    }

    [Fact]
    public void Publish_that_fails_midway_changes_nothing()
    {
        using var folder = new TemporaryFolder();
        var store = new CheckpointStore(folder.Path);
        store.Publish(1, path => Fill(path, 1));
        foreach (long step in new long[] { 1, 2 })
        {
            Assert.Throws<IOException>(() => store.Publish(step, path =>
            {
                File.WriteAllText(Path.Combine(path, "model.txt"), "part");
                throw new IOException("simulated: no space left");
            }));
        }
        Assert.Equal(["latest", Step(1)], folder.Names().Order(StringComparer.Ordinal));
        Assert.Equal("1", File.ReadAllText(Path.Combine(store.Latest!, "model.txt")));
    }

    [Fact]
    public void Publish_of_an_existing_step_replaces_it_and_its_score()
    {
        using var folder = new TemporaryFolder();
        var store = new CheckpointStore(folder.Path);
        store.Publish(5, path => Fill(path, 1), 0.8);
        store.Publish(5, path => Fill(path, 2), 0.4);
        Assert.Equal("2", File.ReadAllText(Path.Combine(store.Latest!, "model.txt")));
        Assert.Equal(0.4, store.BestScore);
        Assert.Equal(["best", "latest", Step(5)], folder.Names().Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Publish_after_winding_back_keeps_the_new_line()
    {
        using var folder = new TemporaryFolder();
        var store = new CheckpointStore(folder.Path, keepLast: 2);
        foreach (long step in new long[] { 10, 20, 30, 40 }) store.Publish(step, path => Fill(path, 0));
        store.Publish(15, path => Fill(path, 15));
        Assert.Equal(folder[Step(15)], store.Latest);
        Assert.Equal([folder[Step(15)]], store.Candidates());
        store.Publish(25, path => Fill(path, 25));
        Assert.True(Directory.Exists(folder[Step(15)]));
    }

    [Fact]
    public void Store_reopened_after_a_kill_recovers_and_clears_up()
    {
        using var folder = new TemporaryFolder();
        new CheckpointStore(folder.Path).Publish(7, path => Fill(path, 7));
        // Killed between the two renames of a replacement, with a half-written folder of another step left over.
        Directory.Move(folder[Step(7)], folder["." + Step(7) + ".replaced"]);
        string[] parts = Path.GetFileName(TempName.For(folder[Step(8)])).Split('.');
        string orphan = folder[$".{Step(8)}.{parts[2]}.{int.MaxValue}.00000000.tmp"];
        Directory.CreateDirectory(orphan);
        File.WriteAllText(Path.Combine(orphan, "model.txt"), "part");
        Directory.SetLastWriteTimeUtc(orphan, DateTime.UtcNow.AddDays(-300));
        var store = new CheckpointStore(folder.Path);
        Assert.Equal("7", File.ReadAllText(Path.Combine(store.Latest!, "model.txt")));
        Assert.Equal(["latest", Step(7)], folder.Names().Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Latest_pointer_that_leads_out_or_is_lost_falls_back_to_the_newest_step()
    {
        using var folder = new TemporaryFolder();
        var store = new CheckpointStore(folder["store"]);
        store.Publish(1, path => Fill(path, 1));
        store.Publish(2, path => Fill(path, 2));
        Directory.CreateDirectory(folder["outside"]);
        foreach (string pointer in new[] { "../outside\n", Step(9), "", "step-2\n", "step--00000000002" })
        {
            File.WriteAllText(Path.Combine(store.Folder, "latest"), pointer);
            Assert.Equal(Path.Combine(store.Folder, Step(2)), store.Latest);
        }
        File.Delete(Path.Combine(store.Folder, "latest"));
        Assert.Equal(Path.Combine(store.Folder, Step(2)), store.Latest);
    }

    [Fact]
    public void Candidates_with_a_damaged_latest_lead_to_the_previous_one()
    {
        using var folder = new TemporaryFolder();
        var store = new CheckpointStore(folder.Path, keepLast: 3);
        foreach (long step in new long[] { 1, 2, 3 })
            store.Publish(step, path =>
                SafeTensorsSamples.Write(Path.Combine(path, "model.safetensors"), SafeTensorsSamples.Entries()));
        string newest = Path.Combine(store.Latest!, "model.safetensors");
        File.WriteAllBytes(newest, File.ReadAllBytes(newest)[..^1]);
        var loaded = new List<string>();
        foreach (string candidate in store.Candidates())
        {
            try
            {
                SafeTensorsReader.Open(Path.Combine(candidate, "model.safetensors")).Dispose();
                loaded.Add(Path.GetFileName(candidate));
            }
            catch (CheckpointException)
            {
                Assert.Equal(Step(3), Path.GetFileName(candidate));
            }
        }
        Assert.Equal([Step(2), Step(1)], loaded);
    }

    private static string Step(long step) => $"step-{step:d12}";

    private static void Fill(string path, int content)
    {
        File.WriteAllText(Path.Combine(path, "model.txt"), $"{content}");
        Directory.CreateDirectory(Path.Combine(path, "state"));
        File.WriteAllText(Path.Combine(path, "state", "rng.txt"), "0");
    }
}
