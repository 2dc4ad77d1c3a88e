using System;
using System.IO;
using System.Linq;
using System.Threading;
using FlorenceKernels.Data;
using FlorenceKernels.Datasets;

namespace FlorenceKernels.Cli;

/// <summary>An open data set and how it was made.</summary>
/// <param name="Dataset">The pairs.</param> <param name="Report">Counts and packages; null for a foreign folder.</param>
internal sealed record OpenedData(PairDataset Dataset, BuildReport? Report) : IDisposable
{
    /// <summary>What identifies the content; the folder when it does not say.</summary>
    public string Fingerprint => Report?.Inputs ?? Path.GetFullPath(Dataset.Directory);

    public void Dispose() => Dataset.Dispose();
}

/// <summary>Data sets by name: <c>auto</c>, <c>emoji</c>, <c>shapes</c>, or a folder that <c>data build</c> wrote.</summary>
internal static class DataSource
{
    /// <summary>Side of the stored images.</summary>
    public const int Side = 64;

    /// <summary>The names that are not folders.</summary>
    public static readonly string[] Names = ["auto", "emoji", "shapes"];

    /// <summary>Where packages and built sets lie: FLORENCE_DATA, else the user's cache folder.</summary>
    public static string Root
    {
        get
        {
            if (Environment.GetEnvironmentVariable("FLORENCE_DATA") is { Length: > 0 } named) { return Path.GetFullPath(named); }
            var cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } xdg ? xdg
                : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
            return Path.Combine(cache, "florence-kernels");
        }
    }

    /// <summary>Folder of the fetched packages.</summary>
    public static string Packages => Path.Combine(Root, "packages");

    /// <summary>Folder that a named set is built in by default.</summary>
    public static string FolderOf(string name, int side) =>
        Path.Combine(Root, name switch { "auto" => $"mini-{side}", "emoji" => $"emoji-{side}", _ => $"shapes-{side}" });

    /// <summary>Opens a set, fetching and building it first when it is a name and not there.</summary>
    public static OpenedData Open(string nameOrFolder, Screen screen, CancellationToken stop)
    {
        if (!Names.Contains(nameOrFolder)) { return OpenFolder(nameOrFolder); }
        var folder = FolderOf(nameOrFolder, Side);
        _ = Build(new DataBuildPlan(nameOrFolder, folder, Side, IsPermissive: false), screen, stop);
        return OpenFolder(folder);
    }

    /// <summary>Fetches and builds a named set.</summary>
    public static BuildReport Build(DataBuildPlan plan, Screen screen, CancellationToken stop)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(plan.Output))!);
        if (plan.Name == "shapes")
        {
            var shapes = new ShapeOptions { Output = plan.Output, Side = plan.Side };
            return screen.Progress("made shapes", _ => ShapeScenes.Build(shapes));
        }

        try
        {
            return screen.Progress("data", report => PairSetBuilder.Build(new BuildOptions
            {
                Output = plan.Output,
                Packages = Packages,
                Collections = plan.Name == "auto",
                Permissive = plan.IsPermissive,
                Side = plan.Side,
                Progress = p => report(new StageProgress(p.Total == 0 ? 0 : (double)p.Done / p.Total, $"{p.Stage} {p.Item}")),
            }, stop));
        }
        catch (DatasetException e)
        {
            throw new UsageException($"{e.Message.TrimEnd('.')}; where no registry client works, --data shapes trains on made "
                + $"pictures", e);
        }
    }

    private static OpenedData OpenFolder(string folder)
    {
        if (!Directory.Exists(folder))
        {
            throw new UsageException($"'{folder}' is neither a folder nor one of "
                + $"{string.Join(", ", Names)}{NearestName.Hint(folder, Names)}");
        }

        return new OpenedData(PairDataset.Open(folder), BuildReport.Read(folder));
    }
}

/// <summary>What <see cref="DataSource.Build"/> makes.</summary>
internal sealed record DataBuildPlan(string Name, string Output, int Side, bool IsPermissive);
