using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;

namespace FlorenceKernels.Checkpoints;

/// <summary>
/// A folder of training checkpoints, one subfolder per step, with two pointer files, "latest" and "best". Keeps the last few
/// and the
/// best; one process (rank 0) writes at a time.
/// </summary>
public sealed class CheckpointStore
{
    private const string StepPrefix = "step-", LatestFile = "latest", BestFile = "best";
    private readonly int _keepLast;

    /// <summary>Opens the folder, creating it if need be, and clears up after a killed process.</summary>
    /// <param name="folder">Where the checkpoints live.</param>
    /// <param name="keepLast">How many of the newest are kept, besides the best.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="keepLast"/> is not positive.</exception>
    public CheckpointStore(string folder, int keepLast = 2)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(keepLast);
        Folder = Path.GetFullPath(folder);
        _keepLast = keepLast;
        Directory.CreateDirectory(Folder);
        ClearUp();
    }

    /// <summary>Full path of the store.</summary>
    public string Folder { get; }

    /// <summary>Folder of the checkpoint published last; null when there is none.</summary>
    public string? Latest => ReadPointer(LatestFile)?.Path ?? (Steps() is [.., long newest] ? PathOf(newest) : null);

    /// <summary>Folder of the checkpoint with the highest score; null when none had a score.</summary>
    public string? Best => ReadPointer(BestFile)?.Path;

    /// <summary>Score of <see cref="Best"/>.</summary>
    public double? BestScore => ReadPointer(BestFile)?.Score;

    /// <summary>Folders to try when resuming: the latest, then older ones by falling step; a damaged one is refused by its
    /// reader.</summary>
    public IReadOnlyList<string> Candidates()
    {
        var candidates = new List<string>();
        if (Latest is not string latest) return candidates;
        candidates.Add(latest);
        List<long> steps = Steps();
        for (int i = steps.Count - 1; i >= 0; i--)
            if (steps[i] < StepOf(Path.GetFileName(latest))) candidates.Add(PathOf(steps[i]));
        return candidates;
    }

    /// <summary>Writes a checkpoint and makes it the latest; older ones beyond the kept number are removed.</summary>
    /// <param name="step">Training step; a checkpoint of the same step is replaced.</param>
    /// <param name="write">Writes the files into the folder it is given; if it throws, nothing changes.</param>
    /// <param name="score">Higher is better; null or NaN never becomes the best.</param>
    /// <returns>The checkpoint's folder.</returns>
    public string Publish(long step, Action<string> write, double? score = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        ArgumentNullException.ThrowIfNull(write);
        string path = PathOf(step), name = Path.GetFileName(path);
        using (AtomicDirectory directory = AtomicDirectory.Create(path))
        {
            write(directory.WorkPath);
            directory.Commit();
        }
        AtomicFile.WriteText(Path.Combine(Folder, LatestFile), name + "\n");
        // The old best no longer exists under its score when its own step was written anew.
        double bar = Best == path ? double.NegativeInfinity : BestScore ?? double.NegativeInfinity;
        if (score is double value && (value > bar || double.IsNegativeInfinity(bar)) && !double.IsNaN(value))
            AtomicFile.WriteText(Path.Combine(Folder, BestFile),
                $"{name}\n{value.ToString("R", CultureInfo.InvariantCulture)}\n");
        Prune(step);
        return path;
    }

    // Steps beyond the one just written belong to a run that was wound back: they are neither counted nor removed.
    private void Prune(long step)
    {
        List<long> steps = Steps();
        steps.RemoveAll(s => s > step);
        for (int i = 0; i < steps.Count - _keepLast; i++)
        {
            string path = PathOf(steps[i]);
            if (path == Best) continue;
            string doomed = TempName.For(path);
            Directory.Move(path, doomed);   // a half-deleted checkpoint must not carry a checkpoint's name
            TempName.Delete(doomed);
        }
    }

    private void ClearUp()
    {
        foreach (string aside in Directory.GetDirectories(Folder, $".{StepPrefix}*{AtomicDirectory.ReplacedSuffix}"))
        {
            string name = Path.GetFileName(aside)[1..^AtomicDirectory.ReplacedSuffix.Length];
            if (StepOf(name) is not null) AtomicDirectory.Recover(Path.Combine(Folder, name));
        }
        foreach (string temp in Directory.GetDirectories(Folder, $".{StepPrefix}*.tmp"))
        {
            string name = Path.GetFileName(temp)[1..].Split('.')[0];
            if (StepOf(name) is not null) TempName.SweepOrphans(Path.Combine(Folder, name));
        }
    }

    private List<long> Steps()
    {
        var steps = new List<long>();
        foreach (string path in Directory.GetDirectories(Folder, StepPrefix + "*"))
            if (StepOf(Path.GetFileName(path)) is long step) steps.Add(step);
        steps.Sort();
        return steps;
    }

    private (string Path, double? Score)? ReadPointer(string file)
    {
        string path = Path.Combine(Folder, file);
        if (!File.Exists(path)) return null;
        string[] lines = File.ReadAllText(path).Split('\n');
        // Only a step's plain name is followed, so that an edited pointer cannot lead out of the store.
        if (StepOf(lines[0]) is not long step || !Directory.Exists(PathOf(step))) return null;
        bool hasScore = lines.Length > 1 && double.TryParse(lines[1], NumberStyles.Float, CultureInfo.InvariantCulture, out _);
        return (PathOf(step), hasScore ? double.Parse(lines[1], CultureInfo.InvariantCulture) : null);
    }

    private string PathOf(long step) => Path.Combine(Folder, $"{StepPrefix}{step:d12}");

    private static long? StepOf(string name) =>
        name.StartsWith(StepPrefix, StringComparison.Ordinal)
        && long.TryParse(name.AsSpan(StepPrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out long step)
        && name == $"{StepPrefix}{step:d12}" ? step : null;
}
