using System;
using System.IO;
using FlorenceKernels.Checkpoints;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

public sealed class AtomicFileTests
{
    [Fact]
    public void Write_that_fails_midway_leaves_the_old_file_and_no_temporary()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["a"], "old");
        Assert.Throws<InvalidDataException>(() => AtomicFile.Write(folder["a"], stream =>
        {
            stream.Write(new byte[1 << 20]);
            throw new InvalidDataException("simulated");
        }));
        Assert.Equal("old", File.ReadAllText(folder["a"]));
        Assert.Equal(["a"], folder.Names());
    }

    [Fact]
    public void Write_replaces_the_file_only_on_commit()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["a"], "old");
        using (AtomicFile file = AtomicFile.Create(folder["a"], expectedBytes: 1 << 16))
        {
            file.Stream.Write("new content"u8);
            Assert.Equal("old", File.ReadAllText(folder["a"]));
            file.Commit();
        }
        Assert.Equal("new content", File.ReadAllText(folder["a"]));
        Assert.Equal(["a"], folder.Names());
    }

    [Fact]
    public void Write_keeps_mode_bits_and_follows_links()
    {
        if (OperatingSystem.IsWindows()) Assert.Skip("Mode bits are Unix's.");
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["a"], "old");
        const UnixFileMode mode =
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherExecute;
        File.SetUnixFileMode(folder["a"], mode);
        File.CreateSymbolicLink(folder["link"], folder["a"]);
        AtomicFile.WriteText(folder["link"], "new");
        Assert.Equal(mode, File.GetUnixFileMode(folder["a"]));
        Assert.Equal("new", File.ReadAllText(folder["a"]));
        Assert.NotNull(new FileInfo(folder["link"]).LinkTarget);
        File.WriteAllText(folder["plain"], "");
        AtomicFile.WriteText(folder["fresh"], "");
        Assert.Equal(File.GetUnixFileMode(folder["plain"]), File.GetUnixFileMode(folder["fresh"]));
    }

    [Fact]
    public void Write_sweeps_orphans_of_dead_processes_and_nothing_else()
    {
        using var folder = new TemporaryFolder();
        string mine = Path.GetFileName(TempName.For(folder["a"]));
        string[] parts = mine.Split('.');   // "", a, machine, pid, random, tmp
        string Of(string name, string machine, int pid, int ageHours)
        {
            string path = folder[$".{name}.{machine}.{pid}.{ageHours:d8}.tmp"];
            File.WriteAllText(path, "partial");
            File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddHours(-ageHours));
            return path;
        }
        int dead = int.MaxValue, own = Environment.ProcessId;
        string ours = TempName.For(folder["a"]);
        File.WriteAllText(ours, "partial");
        // A supervisor starts the next process at once, in a container with the same number: age alone tells nothing.
        string[] orphans =
        [
            Of("a", parts[2], dead, 2000), Of("a", parts[2], dead, 0), Of("a", parts[2], own, 2000), Of("a", parts[2], own, 1),
            Of("a", "elsewhere", 1, 48),
        ];
        string[] others =
        [
            ours, Of("b", parts[2], dead, 2000), Of("a", "elsewhere", 1, 1), folder[".a.notes.tmp"],
            folder["a.tmp"],
        ];
        File.WriteAllText(others[3], "");
        File.WriteAllText(others[4], "");
        File.SetLastWriteTimeUtc(others[3], DateTime.UtcNow.AddYears(-1));
        AtomicFile.WriteText(folder["a"], "new");
        Assert.All(orphans, path => Assert.False(File.Exists(path), path));
        Assert.All(others, path => Assert.True(File.Exists(path), path));
    }

    [Fact]
    public void Write_with_a_name_of_255_bytes_succeeds()
    {
        using var folder = new TemporaryFolder();
        string name = new('n', 255);
        AtomicFile.WriteText(folder[name], "new");
        Assert.Equal([name], folder.Names());
    }

    [Fact]
    public void Checkpoint_overwritten_by_a_writer_that_fails_still_loads()
    {
        using var folder = new TemporaryFolder();
        SafeTensorsSamples.Write(folder["a"], SafeTensorsSamples.Entries());
        using (SafeTensorsReader mapped = SafeTensorsReader.Open(folder["a"]))
        {
            using (var writer = SafeTensorsWriter.Create(folder["a"], [new("x", SafeTensorsDType.F32, 1000)]))
                writer.Write<float>("x", new float[500]);
            using (var writer = SafeTensorsWriter.Create(folder["a"], [new("x", SafeTensorsDType.F32, 1)]))
            {
                writer.Write<float>("x", [1f]);
                writer.Commit();
            }
            mapped.VerifyChecksums();   // an open mapping keeps the replaced file's content
        }
        using SafeTensorsReader reader = SafeTensorsReader.Open(folder["a"]);
        Assert.Equal(1f, reader.Values<float>("x")[0]);
        Assert.Single(folder.Names());
    }

    [Fact]
    public void Create_without_room_or_folder_fails_before_anything_is_written()
    {
        using var folder = new TemporaryFolder();
        Assert.ThrowsAny<IOException>(() => AtomicFile.Create(folder["absent/a"]));
        Assert.Throws<CheckpointException>(() => SafeTensorsWriter.Create(folder["absent/a"], []));
        var e = Assert.Throws<CheckpointException>(() =>
            SafeTensorsWriter.Create(folder["a"], [new("x", SafeTensorsDType.U8, 1L << 60)]));
        Assert.Contains("No space left", e.Message, System.StringComparison.Ordinal);
        Assert.IsAssignableFrom<IOException>(e.InnerException);
        Assert.Empty(folder.Names());
    }
}
