using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Verification;

/// <summary>How a case ended.</summary>
public enum GoldenOutcome
{
    /// <summary>Everything agrees.</summary>
    Passed,

    /// <summary>Something disagrees or threw.</summary>
    Failed,

    /// <summary>Not run; the message says why.</summary>
    Skipped,
}

/// <summary>Result of one case.</summary>
/// <param name="Name">Group and name.</param> <param name="Outcome">How it ended.</param>
/// <param name="Message">Worst comparison, error or reason.</param> <param name="Compared">Tensors compared.</param>
/// <param name="WorstRatio">Largest error over its allowance.</param> <param name="Seconds">Time taken.</param>
public sealed record GoldenResult(string Name, GoldenOutcome Outcome, string Message, int Compared, double WorstRatio, double Seconds);

/// <summary>A family of cases: one harness for the kinds it names.</summary>
public interface IGoldenKind
{
    /// <summary>Values of the case's <c>kind</c> setting.</summary>
    IEnumerable<string> Kinds { get; }

    /// <summary>Runs a case: reads inputs, gives outputs, lets the run compare.</summary>
    void Run(GoldenRun run);
}

/// <summary>A reference file that is not safetensors (tokens, schedules, VQA answers).</summary>
public interface IGoldenJson
{
    /// <summary>End of the file's path, for example <c>16_tokenizer/clip_bpe.json</c>.</summary>
    string File { get; }

    /// <summary>Checks the file; returns how many things were compared.</summary>
    /// <exception cref="FlorenceException">Something disagrees; the message says what.</exception>
    int Run(string path);
}

/// <summary>Runs every case of a directory.</summary>
public static class GoldenSuite
{
    private static readonly Dictionary<string, IGoldenKind> Kinds = Instances<IGoldenKind>().SelectMany(k => k.Kinds.Select(n => (n, k))).ToDictionary(p => p.n, p => p.k);
    private static readonly IGoldenJson[] JsonFiles = Instances<IGoldenJson>();

    /// <summary>The <c>shared/golden</c> directory above the program or the working directory, or FLORENCE_GOLDEN; null when there is none.</summary>
    public static string? FindDirectory()
    {
        if (Environment.GetEnvironmentVariable("FLORENCE_GOLDEN") is { Length: > 0 } named) { return named; }
        foreach (var start in new[] { AppContext.BaseDirectory, Directory.GetCurrentDirectory() })
        {
            for (var folder = new DirectoryInfo(start); folder is not null; folder = folder.Parent)
            {
                var candidate = Path.Combine(folder.FullName, "shared", "golden");
                if (Directory.Exists(candidate)) { return candidate; }
            }
        }

        return null;
    }

    /// <summary>Paths of all cases under a directory, optionally only those whose path contains <paramref name="only"/>.</summary>
    /// <exception cref="FlorenceException">The directory does not exist or holds no case.</exception>
    public static IReadOnlyList<string> Files(string directory, string? only = null)
    {
        if (!Directory.Exists(directory)) { throw new FlorenceException($"{directory} is not a directory; give the folder with the golden cases"); }
        var files = Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories).Select(f => f.Replace('\\', '/'))
            .Where(f => f.EndsWith(".safetensors", StringComparison.Ordinal) || JsonFiles.Any(j => f.EndsWith(j.File, StringComparison.Ordinal)))
            .Where(f => only is null || f.Contains(only, StringComparison.Ordinal)).Order(StringComparer.Ordinal).ToArray();
        return files.Length > 0 ? files : throw new FlorenceException($"{directory} holds no golden case{(only is null ? "" : $" matching '{only}'")}");
    }

    /// <summary>Runs one case.</summary>
    public static GoldenResult Run(string path, Device device, DType dtype = DType.F32)
    {
        var watch = Stopwatch.StartNew();
        var name = $"{Path.GetFileName(Path.GetDirectoryName(path))}/{Path.GetFileNameWithoutExtension(path)}";
        try
        {
            if (JsonFiles.FirstOrDefault(j => path.EndsWith(j.File, StringComparison.Ordinal)) is { } json)
            {
                return new(name, GoldenOutcome.Passed, "", json.Run(path), 0, watch.Elapsed.TotalSeconds);
            }

            using var golden = new GoldenCase(path);
            if (!Kinds.TryGetValue(golden.Kind, out var kind)) { throw new GoldenSkipException($"kind '{golden.Kind}' is not implemented yet"); }
            using var scope = TensorScope.Begin();
            var run = new GoldenRun(golden, device, dtype);
            kind.Run(run);
            run.Backward();
            var passed = run.WorstRatio <= 1 && run.Compared > 0;
            return new(name, passed ? GoldenOutcome.Passed : GoldenOutcome.Failed, run.Compared > 0 ? run.Worst : "nothing was compared", run.Compared,
                run.WorstRatio, watch.Elapsed.TotalSeconds);
        }
        catch (GoldenSkipException e)
        {
            return new(name, GoldenOutcome.Skipped, e.Message, 0, 0, watch.Elapsed.TotalSeconds);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            return new(name, GoldenOutcome.Failed, $"{e.GetType().Name}: {e.Message}", 0, double.PositiveInfinity, watch.Elapsed.TotalSeconds);
        }
    }

    private static T[] Instances<T>() => [.. typeof(GoldenSuite).Assembly.GetTypes().Where(t => t.IsClass && !t.IsAbstract && t.IsAssignableTo(typeof(T)))
        .OrderBy(t => t.Name, StringComparer.Ordinal).Select(t => (T)Activator.CreateInstance(t)!)];
}
