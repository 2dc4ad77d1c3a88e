using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using FlorenceKernels.Data;
using FlorenceKernels.Nn;
using FlorenceKernels.Runtime;
using FlorenceKernels.Training;

namespace FlorenceKernels.Cli;

/// <summary>A trained model ready to embed.</summary>
internal sealed class OpenedModel : IDisposable
{
    private const int FilesAtOnce = 256;

    private readonly ParameterSet _parameters;

    public OpenedModel(string runDirectory, Device device)
    {
        if (!Directory.Exists(runDirectory))
        {
            throw new UsageException($"--run {runDirectory}: there is no such folder; give the --out folder of 'florence "
                + $"pretrain'");
        }
        (Model, var tokenizer, _parameters) = PretrainRun.Open(runDirectory, device);
        Embedder = new Embedder(Model, tokenizer, device);
    }

    public Models.Florence Model { get; }

    public Embedder Embedder { get; }

    /// <summary>Scalars of the model.</summary>
    public long ParameterCount => _parameters.Count;

    /// <summary>Image files → [count, width]: on white, squeezed into a square as in training's evaluation view.</summary>
    public float[] Files(IReadOnlyList<string> paths, Action<StageProgress>? report = null)
    {
        var side = Model.Config.Image.ImageSize;
        var transform = Compose.SquareEval(side);
        var row = 3 * side * side;
        var result = new float[paths.Count * Embedder.Width];
        for (var from = 0; from < paths.Count; from += FilesAtOnce)
        {
            report?.Invoke(new StageProgress((double)from / paths.Count, Path.GetFileName(paths[from])));
            var count = Math.Min(FilesAtOnce, paths.Count - from);
            var pixels = new float[count * row];
            for (var i = 0; i < count; i++) { transform.Apply(Read(paths[from + i]), pixels.AsSpan(i * row, row)); }
            Embedder.Images(pixels, count).CopyTo(result.AsSpan(from * Embedder.Width));
        }

        return result;
    }

    public void Dispose() => _parameters.Dispose();

    private static RgbImage Read(string path)
    {
        try
        {
            return ImageDecoder.DecodeFile(path).Over(255, 255, 255);
        }
        catch (ImageDecodeException e)
        {
            throw new UsageException($"{path} cannot be read as an image: {e.Message}", e);
        }
    }
}

/// <summary>Image files of a folder.</summary>
internal static class ImageFolder
{
    private static readonly string[] Endings = [".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp"];

    /// <summary>All image files below a folder, by path.</summary>
    public static IReadOnlyList<string> Files(string folder)
    {
        if (!Directory.Exists(folder)) { throw new UsageException($"--images {folder}: there is no such folder"); }
        string[] files = [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Where(f => Endings.Contains(Path.GetExtension(f).ToLowerInvariant())).Order(StringComparer.Ordinal)];
        return files.Length > 0 ? files
            : throw new UsageException($"--images {folder}: the folder holds no {string.Join(", ", Endings)} file");
    }
}

/// <summary>The largest scores of a row.</summary>
internal static class Top
{
    /// <summary>Indices of the <paramref name="k"/> largest, best first; equal ones by index.</summary>
    public static int[] Of(ReadOnlySpan<float> scores, int k)
    {
        var values = scores.ToArray();
        return [.. Enumerable.Range(0, values.Length).OrderByDescending(i => values[i]).ThenBy(i => i).Take(k)];
    }
}
