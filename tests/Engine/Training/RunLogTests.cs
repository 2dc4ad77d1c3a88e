using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Text.Json.Nodes;
using FlorenceKernels.Training;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

public sealed class RunLogTests
{
    private static readonly byte[] Png = Convert.FromHexString("89504e470d0a1a0a0000000d4948445200000003000000020802000000"
        + "1216f14d0000000c4944415408d763f8ffff3f0005fe02fea735815e0000000049454e44ae426082");

    [Fact]
    public void Scalars_land_in_jsonl_and_csv_and_columns_grow()
    {
        using var folder = new TemporaryFolder();
        using (RunLog log = RunLog.Open(folder.Path))
        {
            log.Scalars(1, ("train/loss", 0.1), ("lr", 1e-300));
            log.Scalars(2, ("train/loss", double.NaN), ("a,\"b\"", double.NegativeInfinity));
            log.Scalar(3, "lr", 1.0 / 3);
            Assert.Null(log.Failure);
        }
        JsonElement[] lines = [.. File.ReadLines(folder["metrics.jsonl"]).Select(line => JsonDocument.Parse(line).RootElement)];
        Assert.Equal([1L, 2L, 3L], lines.Select(line => line.GetProperty("step").GetInt64()));
        Assert.Equal(1e-300, lines[0].GetProperty("lr").GetDouble());
        Assert.Equal("NaN", lines[1].GetProperty("train/loss").GetString());
        Assert.Equal("-Infinity", lines[1].GetProperty("a,\"b\"").GetString());
        string[] rows = File.ReadAllLines(folder["metrics.csv"]);
        Assert.Equal("step,time,train/loss,lr,\"a,\"\"b\"\"\"", rows[0]);
        Assert.Equal(["0.1,1E-300,", "NaN,,-Infinity", $",{1.0 / 3:R},"], rows.Skip(1).Select(row => row.Split(',', 3)[2]));
    }

    [Fact]
    public void Scalars_with_a_bad_tag_are_refused_before_anything_is_written()
    {
        using var folder = new TemporaryFolder();
        using RunLog log = RunLog.Open(folder.Path);
        foreach (string tag in new[] { "", "step", "time", "a\nb", "\ud83c" })
            Assert.ThrowsAny<ArgumentException>(() => log.Scalars(1, ("fine", 1), (tag, 2)));
        Assert.Throws<ArgumentException>(() => log.Scalars(1, ("twice", 1), ("twice", 2)));
        Assert.Throws<ArgumentException>(() => log.Image(1, "image", "GIF89a"u8));
        Assert.False(File.Exists(folder["metrics.jsonl"]));
    }

    [Fact]
    public void EventFile_read_by_an_independent_reader_has_every_field()
    {
        using var folder = new TemporaryFolder();
        using (RunLog log = RunLog.Open(folder.Path))
        {
            log.Scalars(300, ("loss", 0.25), ("grad_norm", 1e9));
            log.Text(301, "note", "*naïve* 🌸");
            log.Image(1L << 40, "samples", Png);
        }
        List<ProtoFields> events = EventFileReader.Read(Assert.Single(Directory.GetFiles(folder.Path, "events.out.tfevents.*")));
        Assert.Equal(4, events.Count);
        double now = (DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).TotalSeconds;
        Assert.All(events, e => Assert.InRange(e.Double(1), now - 600, now + 1));
        Assert.Equal("brain.Event:2", events[0].String(3));
        Assert.Equal([0L, 300, 301, 1L << 40], events.Select(e => e.Integer(2)));

        ProtoFields[] scalars = events[1].Message(5).Messages(1);
        Assert.Equal([("loss", 0.25f), ("grad_norm", 1e9f)], scalars.Select(v => (v.String(1), v.Float(2))));

        ProtoFields text = Assert.Single(events[2].Message(5).Messages(1));
        Assert.Equal("note", text.String(1));
        Assert.Equal(7, text.Message(8).Integer(1));                               // DT_STRING
        Assert.Equal(1, text.Message(8).Message(2).Message(2).Integer(1));         // shape [1]
        Assert.Equal("*naïve* 🌸", text.Message(8).String(8));
        Assert.Equal("text", text.Message(9).Message(1).String(1));

        ProtoFields image = Assert.Single(events[3].Message(5).Messages(1));
        Assert.Equal("samples", image.String(1));
        Assert.Equal((2L, 3L, 3L), (image.Message(4).Integer(1), image.Message(4).Integer(2), image.Message(4).Integer(3)));
        Assert.Equal(Png, image.Message(4).Bytes(4));
    }

    [Fact]
    public void EventFileReader_notices_a_flipped_bit()
    {
        using var folder = new TemporaryFolder();
        using (RunLog log = RunLog.Open(folder.Path)) log.Scalar(1, "loss", 2);
        string path = Assert.Single(Directory.GetFiles(folder.Path, "events.*"));
        byte[] bytes = File.ReadAllBytes(path);
        bytes[^6] ^= 1;
        File.WriteAllBytes(path, bytes);
        Assert.Throws<InvalidDataException>(() => EventFileReader.Read(path));
    }

    [Fact]
    public void Resume_drops_later_and_torn_lines_and_appends()
    {
        using var folder = new TemporaryFolder();
        using (RunLog log = RunLog.Open(folder.Path))
            for (int step = 1; step <= 5; step++) log.Scalars(step, ("loss", step), (step == 5 ? "late" : "lr", 0.5));
        File.AppendAllText(folder["metrics.jsonl"], "{\"step\":2,\"los");   // killed in the middle of a line
        File.AppendAllText(folder["metrics.csv"], "2,20");
        Assert.Throws<InvalidOperationException>(() => RunLog.Open(folder.Path));
        using (RunLog log = RunLog.Open(folder.Path, resumeStep: 3)) log.Scalars(4, ("loss", 40), ("new", 1));
        Assert.Equal([1L, 2L, 3L, 4L], File.ReadLines(folder["metrics.jsonl"])
            .Select(line => JsonDocument.Parse(line).RootElement.GetProperty("step").GetInt64()));
        string[] rows = File.ReadAllLines(folder["metrics.csv"]);
        Assert.Equal("step,time,loss,lr,late,new", rows[0]);
        Assert.Equal(["1", "2", "3", "4"], rows.Skip(1).Select(row => row.Split(',')[0]));
        Assert.All(rows, row => Assert.Equal(6, row.Split(',').Length));
        Assert.EndsWith(",40,,,1", rows[4], StringComparison.Ordinal);
        string newest = Directory.GetFiles(folder.Path, "events.*").Order(StringComparer.Ordinal).Last();
        List<ProtoFields> events = EventFileReader.Read(newest);
        // SessionLog START at the first new step
        Assert.Equal((4L, 1L), (events[1].Integer(2), events[1].Message(7).Integer(1)));
        Assert.Equal(40f, events[2].Message(5).Messages(1)[0].Float(2));
    }

    [Fact]
    public void Resume_of_a_folder_without_metrics_starts_them()
    {
        using var folder = new TemporaryFolder();
        using (RunLog log = RunLog.Open(folder["run"], resumeStep: 10)) log.Scalar(11, "loss", 1);
        Assert.Single(File.ReadAllLines(folder["run/metrics.jsonl"]));
    }

    [Fact]
    public void DiskFull_is_reported_once_and_lost_records_leave_no_torn_line()
    {
        using var folder = new TemporaryFolder();
        var disk = new SmallDisk { Free = 700 };
        var warnings = new List<string>();
        using (RunLog log = RunLog.Open(folder.Path, null, warnings.Add, null, disk.Open))
        {
            for (int step = 1; step <= 50; step++) log.Scalars(step, ("loss", step), ("lr", 0.1));
            disk.Free = long.MaxValue;
            log.Scalars(51, ("loss", 51), ("lr", 0.1));
            Assert.Equal(warnings, [log.Failure!]);
        }
        Assert.Contains("No space left", Assert.Single(warnings), StringComparison.Ordinal);
        long[] steps = [.. File.ReadLines(folder["metrics.jsonl"])
            .Select(line => JsonDocument.Parse(line).RootElement.GetProperty("step").GetInt64())];
        Assert.InRange(steps.Length, 2, 40);
        Assert.Equal(51, steps[^1]);
        Assert.All(File.ReadAllLines(folder["metrics.csv"]), row => Assert.Equal(4, row.Split(',').Length));
        Assert.NotEmpty(EventFileReader.Read(Directory.GetFiles(folder.Path, "events.*")[0]));
    }

    [Fact]
    public void Folder_that_vanishes_does_not_stop_the_run()
    {
        using var folder = new TemporaryFolder();
        var warnings = new List<string>();
        using RunLog log = RunLog.Open(folder["run"], onWarning: warnings.Add);
        Directory.Delete(folder["run"], recursive: true);
        log.Scalar(1, "loss", 1);
        log.Arguments(new JsonObject());
        log.Scalar(2, "loss", 1);
        Assert.Single(warnings);
    }

    [Fact]
    public void Arguments_and_environment_are_readable_json()
    {
        using var folder = new TemporaryFolder();
        using (RunLog log = RunLog.Open(folder.Path))
        {
            log.Arguments(new JsonObject { ["batch"] = 64, ["name"] = "é" });
            log.Environment("cpu", new Dictionary<string, string> { ["ranks"] = "2" });
        }
        Assert.Equal(64, (int)JsonNode.Parse(File.ReadAllText(folder["args.json"]))!["batch"]!);
        JsonNode env = JsonNode.Parse(File.ReadAllText(folder["env.json"]))!;
        Assert.Equal(("cpu", "2"), ((string?)env["device"], (string?)env["ranks"]));
        Assert.Equal(Environment.ProcessorCount, (int)env["cpu"]!["threads"]!);
        Assert.NotNull(env["versions"]!["FlorenceKernels.Training"]);
        Assert.StartsWith(".NET 10", (string)env["versions"]![".NET"]!, StringComparison.Ordinal);
    }

    /// <summary>Files on a device of limited size: a write that does not fit stores what fits and fails, as Linux does.</summary>
    private sealed class SmallDisk
    {
        public long Free { get; set; }

        public Stream Open(string path) => new LimitedStream(path, this);

        private sealed class LimitedStream(string path, SmallDisk disk)
            : FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0)
        {
            public override void Write(ReadOnlySpan<byte> buffer)
            {
                int fits = (int)Math.Min(disk.Free, buffer.Length);
                disk.Free -= fits;
                base.Write(buffer[..fits]);
                if (fits < buffer.Length) throw new IOException("No space left on device");
            }

            public override void SetLength(long value)
            {
                disk.Free += Length - value;
                base.SetLength(value);
            }
        }
    }
}
