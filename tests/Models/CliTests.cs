using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using System.Threading;
using FlorenceKernels.Checkpoints;
using FlorenceKernels.Cli;
using FlorenceKernels.Datasets;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;
using Xunit;

namespace FlorenceKernels.Tests.Models;

/// <summary>The command line as a user meets it: help, refusals, settings, a whole quickstart, and a run that is
/// interrupted.</summary>
public sealed class CliTests : IDisposable
{
    // A model of a few thousand parameters on 32-pixel pictures: a step takes milliseconds.
    internal static readonly string[] TinyModel =
    [
        "--set", "model.image.embedDim=8",
        "--set", "model.image.depths=[1,1]",
        "--set", "model.image.heads=[1,2]",
        "--set", "model.image.imageSize=32",
        "--set", "model.text.width=16",
        "--set", "model.text.layers=1",
        "--set", "model.text.heads=2",
        "--set", "model.text.context=16",
        "--set", "model.embedDim=16",
        "--set", "options.batchSize=32",
        "--set", "options.logEvery=1",
        "--set", "options.vocabulary=600",
    ];

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly string _folder = Directory.CreateTempSubdirectory("florence-cli").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    public static TheoryData<string> Calls =>
        ["quickstart", "data fetch", "data build", "data stats", "pretrain", "zeroshot", "retrieve", "embed", "doctor",
        "gradcheck", "verify golden", "bench step", "kernels report"];

    [Theory]
    [MemberData(nameof(Calls))]
    public void Help_of_every_verb_shows_its_options_and_examples(string verb)
    {
        var (code, output, _) = Call([.. verb.Split(' '), "--help"]);
        Assert.Equal(0, code);
        Assert.Contains("Examples:", output, StringComparison.Ordinal);
        Assert.Contains($"  florence {verb}", output, StringComparison.Ordinal);
        foreach (var option in new[] { "--device", "--seed", "--config", "--set", "--json", "--verbose" })
        {
            Assert.Contains(option, output, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("pretrian", "did you mean 'pretrain'?")]
    [InlineData("data", "needs one of fetch, build, stats")]
    [InlineData("pretrain --sed 3", "did you mean '--seed'?")]
    [InlineData("pretrain --steps many", "'many'")]
    [InlineData("pretrain --model tny", "nano")]
    [InlineData("pretrain --set options.sourceShares.shapes=many", "does not fit")]
    [InlineData("pretrain --set options.extraTexts=-1", "must not be negative")]
    [InlineData("pretrain --set options.secondStage.from=0", "secondStage.from is 0; it is a share of the steps")]
    [InlineData("pretrain --set options.secondStage.augmentation.degrees=500", "degrees in [0, 180]")]
    [InlineData("pretrain --set options.optimizer=mun", "'options.optimizer': 'mun' is none of adamW, muon")]
    [InlineData("pretrain --set model.text.pool=max", "'text.pool': 'max' is none of endOfText, first, mean")]
    [InlineData("pretrain --device quda:0", "cpu, cuda:N")]
    [InlineData("pretrain --device cuda:99", "cuda:99")]
    [InlineData("pretrain --data nowhere", "auto, emoji, shapes")]
    [InlineData("pretrain --config nowhere.json", "no such file")]
    [InlineData("pretrain --set learningRate=1", "did you mean 'options.learningRate'?")]
    [InlineData("pretrain --set model.image.widow=8", "did you mean 'model.image.window'?")]
    [InlineData("pretrain --set options.learningRate=fast", "must be a number")]
    [InlineData("pretrain --set options.batchSize=1", "at least 2 pairs")]
    [InlineData("pretrain --set nonsense", "key=value")]
    [InlineData("quickstart --minutes -1", "must be positive")]
    [InlineData("zeroshot --run nowhere --images . --classes a", "no such folder")]
    [InlineData("zeroshot --run nowhere", "either --images FOLDER or --data DIR")]
    [InlineData("retrieve --run nowhere --query a --image b", "either --query TEXT or --image FILE")]
    [InlineData("retrieve --run nowhere --query a --split test-vender", "did you mean 'test-vendor'?")]
    [InlineData("zeroshot --run nowhere --data . --split test-vender", "did you mean 'test-vendor'?")]
    [InlineData("embed --run nowhere --texts nowhere.txt --out x", "no such file")]
    [InlineData("gradcheck --op Sofmax", "did you mean 'Softmax'?")]
    [InlineData("verify golden nowhere", "not a directory")]
    [InlineData("bench step --batch 0", "at least 1")]
    [InlineData("kernels report --only gem5", "gemm forward, gemm backward")]
    [InlineData("kernels report --device cuda:99", "cuda:99")]
    public void Call_that_cannot_be_carried_out_is_refused_in_one_sentence(string call, string says)
    {
        var (code, _, errors) = Call(call.Split(' '));
        Assert.Equal(2, code);
        Assert.StartsWith("florence: ", errors, StringComparison.Ordinal);
        Assert.Contains(says, errors, StringComparison.Ordinal);
        Assert.Single(errors.Trim().Split('\n'));
    }

    [Fact]
    public void Verbose_adds_the_stack_trace()
    {
        var (code, _, errors) = Call("pretrain", "--data", "nowhere", "--verbose");
        Assert.Equal(2, code);
        Assert.Contains("   at ", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Set_wins_over_flag_and_flag_over_config()
    {
        var config = Path.Combine(_folder, "config.json");
        File.WriteAllText(config, """{ "options": { "batchSize": 3, "learningRate": 0.25, "minutes": 5 } }""");
        var given = new GivenSettings(config,
            [("options.batchSize", JsonValue.Create(4)), ("options.minutes", JsonValue.Create(6.0))], ["options.minutes=7"]);
        var defaults = """{ "options": { "batchSize": 2, "learningRate": 0.5, "minutes": 4.5, "seed": 9 } }""";
        var tree = given.Resolve((JsonObject)JsonNode.Parse(defaults)!);
        Assert.Equal((4.0, 0.25, 7.0, 9.0),
            (tree.Number("options.batchSize"), tree.Number("options.learningRate"), tree.Number("options.minutes"),
            tree.Number("options.seed")));
    }

    [Fact]
    public void Quickstart_of_a_tiny_model_writes_every_file_and_repeats_from_what_is_finished()
    {
        var run = Path.Combine(_folder, "run");
        string[] call = ["quickstart", "--data", SmallData(), "--steps", "6", "--out", run, "--json", .. TinyModel];
        var (code, output, errors) = Call(call);
        Assert.True(code == 0, errors);
        string[] expected = ["args.json", "env.json", "metrics.jsonl", "metrics.csv", "merges.txt", "model.json", "metrics.json",
            "bars.json", "report.html",
            "loss.png", "learning-rate.png", "zeroshot.png", "retrieval.png", "contact-zeroshot.png", "contact-retrieval.png"];
        Assert.Empty(expected.Where(f => !File.Exists(Path.Combine(run, f))));
        Assert.NotEmpty(Directory.GetFiles(run, "events.out.tfevents.*"));
        var metrics = JsonNode.Parse(output)!;
        Assert.Equal(6, metrics["steps"]!.GetValue<long>());
        Assert.All(metrics["scores"]!.AsArray(), s => Assert.InRange(s!["value"]!.GetValue<double>(), 0, 1));
        Assert.Equal(8, metrics["scores"]!.AsArray().Count);
        var report = File.ReadAllText(Path.Combine(run, "report.html"));
        Assert.Equal(6, report.Split("src=\"data:image/png;base64,").Length - 1);
        Assert.DoesNotContain("http", report, StringComparison.Ordinal);
        Assert.Equal("quickstart",
            JsonNode.Parse(File.ReadAllText(Path.Combine(run, "args.json")))!["recorded"]!["verb"]!.ToString());

        var weights = Weights(run);
        (code, _, errors) = Call(call);
        Assert.True(code == 0, errors);
        Assert.Equal(weights, Weights(run));
        (code, _, errors) = Call([.. call, "--seed", "5"]);
        Assert.Equal(2, code);
        Assert.Contains("options.seed is 1 there and 5 here", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Recorded_arguments_repeat_a_run_bit_for_bit()
    {
        string first = Path.Combine(_folder, "first"), second = Path.Combine(_folder, "second");
        Succeed(["pretrain", "--data", SmallData(), "--steps", "5", "--out", first, .. TinyModel]);
        Succeed("pretrain", "--config", Path.Combine(first, "args.json"), "--out", second);
        Assert.Equal(Weights(first), Weights(second));
    }

    [Fact]
    public void Run_ended_by_a_signal_saves_and_goes_on_bit_for_bit()
    {
        if (OperatingSystem.IsWindows()) { Assert.Skip("sends SIGTERM"); }
        string whole = Path.Combine(_folder, "whole"), cut = Path.Combine(_folder, "cut"), data = SmallData();
        string[] Arguments(string output) => ["pretrain", "--data", data, "--steps", "60", "--out", output, .. TinyModel];
        Succeed(Arguments(whole));
        var (code, output) = RunUntilFirstStep(Arguments(cut), Path.Combine(cut, "metrics.jsonl"));
        Assert.True(code == 0, output);
        Assert.Contains("go on with: florence pretrain", output, StringComparison.Ordinal);
        Assert.NotEqual(Weights(whole), Weights(cut));
        Succeed(Arguments(cut));
        Assert.Equal(Weights(whole), Weights(cut));
        Assert.Equal(60, File.ReadLines(Path.Combine(cut, "metrics.jsonl")).Count());
    }

    [Fact]
    public void Run_killed_before_its_first_checkpoint_takes_its_log_back()
    {
        var (run, data) = (Path.Combine(_folder, "run"), SmallData());
        string[] call = ["pretrain", "--data", data, "--steps", "3", "--out", run, .. TinyModel];
        Succeed(call);
        Directory.Delete(Path.Combine(run, "checkpoints"), recursive: true);
        Succeed(call);
        Assert.Equal(3, File.ReadLines(Path.Combine(run, "metrics.jsonl")).Count());
        Assert.Equal(4, File.ReadLines(Path.Combine(run, "metrics.csv")).Count());
    }

    [Fact]
    public void Trained_model_classifies_retrieves_and_embeds()
    {
        string run = Path.Combine(_folder, "run"), data = SmallData(),
            images = Directory.CreateDirectory(Path.Combine(_folder, "red circle")).FullName;
        Succeed(["pretrain", "--data", data, "--steps", "2", "--out", run, .. TinyModel]);
        using (var picture = new Picture(40, 30)) { picture.Save(Path.Combine(images, "white.png")); }
        var zeroShot = JsonNode.Parse(Succeed("zeroshot", "--run", run, "--images", _folder, "--classes", "red circle,blue star",
            "--json"))!;
        var guesses = zeroShot["images"]!.AsArray().Single(i
            => i!["file"]!.ToString().EndsWith("white.png", StringComparison.Ordinal))!["guesses"]!.AsArray();
        Assert.Equal(1, guesses.Sum(g => g!["probability"]!.GetValue<double>()), 6);
        var found = JsonNode.Parse(Succeed("retrieve", "--run", run, "--query", "a red circle", "--data", data, "-k", "3",
            "--json"))!.AsArray();
        Assert.Equal(3, found.Count);
        Assert.True(found[0]!["cosine"]!.GetValue<double>() >= found[2]!["cosine"]!.GetValue<double>());
        var file = Path.Combine(_folder, "vectors.safetensors");
        Succeed("embed", "--run", run, "--images", images, "--out", file);
        using var scope = TensorScope.Begin();
        var vectors = TensorFile.Load(file)["embeddings"];
        Assert.Equal("[1, 16]", vectors.Shape.ToString());
        Assert.Equal(1, vectors.ToArray<float>().Sum(v => (double)v * v), 5);
    }

    [Fact]
    public void Bench_step_counts_launches_and_asks_the_system_for_no_memory_once_warm()
    {
        var result = JsonNode.Parse(Succeed("bench", "step", "--model", "nano", "--size", "32", "--batch", "2", "--repeat", "2",
            "--json"))!;
        Assert.True(result["launchesPerStep"]!.GetValue<double>() > 50);
        Assert.True(result["peakResidentBytes"]!.GetValue<long>() > 1 << 20);
        Assert.Equal(0, result["systemAllocations"]!.GetValue<long>());
    }

    [Fact]
    public void Gradcheck_of_one_op_prints_its_count()
    {
        var output = Succeed("gradcheck", "--op", "Relu");
        Assert.Matches(@"[1-9]\d* passed, 0 failed", output);
    }

    [Fact]
    public void Verify_golden_fails_on_a_planted_wrong_value()
    {
        var golden = Verification.GoldenSuite.FindDirectory();
        if (golden is null || !Directory.Exists(golden)) { Assert.Skip("no golden cases beside the repository"); }
        var source = Directory.EnumerateFiles(golden, "*.safetensors", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .First(f => new FileInfo(f).Length < 1 << 20 && Output(f) is not null
                && Verification.GoldenSuite.Run(f, Device.Cpu).Outcome == Verification.GoldenOutcome.Passed);
        var group = Directory.CreateDirectory(Path.Combine(_folder, "cases", "planted")).FullName;
        File.Copy(source, Path.Combine(group, "right.safetensors"));
        Assert.Equal(0, Call("verify", "golden", group).Code);
        Plant(source, Path.Combine(group, "wrong.safetensors"));
        var (code, output, _) = Call("verify", "golden", group);
        Assert.Equal(1, code);
        Assert.Contains("FAILED planted/wrong", output, StringComparison.Ordinal);
        Assert.Contains("1 passed, 1 failed, 0 skipped", output, StringComparison.Ordinal);
    }

    private static string? Output(string file)
    {
        using var reader = SafeTensorsReader.Open(file);
        return reader.Entries.FirstOrDefault(e => e.Name.StartsWith("out.", StringComparison.Ordinal)
            && e.DType == SafeTensorsDType.F32)?.Name;
    }

    // The same file with one output scaled.
    private static void Plant(string source, string target)
    {
        using var reader = SafeTensorsReader.Open(source);
        var metadata = reader.Metadata;
        var entries = reader.Entries.ToArray();
        var name = Output(source);
        using var writer = SafeTensorsWriter.Create(target,
            entries.Select(e => new SafeTensorsEntry(e.Name, e.DType, [.. e.Shape])), metadata);
        foreach (var entry in entries)
        {
            var bytes = reader.Bytes(entry.Name).ToArray();
            var values = entry.Name == name ? MemoryMarshal.Cast<byte, float>(bytes.AsSpan()) : [];
            foreach (ref var v in values) { v = 1.5f * v + 0.25f; }
            writer.Write(entry.Name, bytes);
        }

        writer.Commit();
    }

    private static byte[] Weights(string run) => [.. new[] { "model.safetensors", "optimizer.safetensors" }
        .SelectMany(f => File.ReadAllBytes(Path.Combine(new CheckpointStore(Path.Combine(run, "checkpoints")).Latest!, f)))];

    private string SmallData() => SmallData(_folder);

    internal static string SmallData(string parent)
    {
        var folder = Path.Combine(parent, "shapes");
        _ = ShapeScenes.Build(new ShapeOptions
        {
            Output = folder,
            Train = 96,
            ValRetrieval = 8,
            TestRetrieval = 16,
            PerClass = 1,
            Side = 32
        });
        return folder;
    }

    private static (int Code, string Output) RunUntilFirstStep(string[] arguments, string log)
    {
        var program = Path.Combine(AppContext.BaseDirectory, "florence.dll");
        using var process = Process.Start(new ProcessStartInfo("dotnet", [program, .. arguments])
        { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEndAsync();
        var watch = Stopwatch.StartNew();
        while ((!File.Exists(log) || new FileInfo(log).Length == 0) && !process.HasExited && watch.Elapsed < Patience)
        {
            Thread.Sleep(5);
        }
        using (var kill = Process.Start("kill", ["-TERM", $"{process.Id}"])) { kill.WaitForExit(); }
        if (!process.WaitForExit(Patience)) { process.Kill(); }
        return (process.ExitCode, output.Result + errors.Result);
    }

    internal static string Succeed(params string[] arguments)
    {
        var (code, output, errors) = Call(arguments);
        Assert.True(code == 0, $"{string.Join(' ', arguments)}: {errors}{output}");
        return output;
    }

    private static (int Code, string Output, string Errors) Call(params string[] arguments)
    {
        using StringWriter output = new(), errors = new();
        var code = FlorenceCommand.Run(arguments, new CallStreams(output, errors, IsTerminal: false));
        return (code, output.ToString(), errors.ToString());
    }
}
