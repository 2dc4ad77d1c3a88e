using System;
using System.Collections.Generic;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Models;

/// <summary>How a kernel gets its axis of time.</summary>
public enum Inflation
{
    /// <summary>The image kernel in every frame, divided by their number: a still clip gives the image's output. Florence
    /// §2.5.</summary>
    Average,

    /// <summary>The image kernel in the middle frame, zeros elsewhere (ViViT, arXiv 2103.15691, §3.4).</summary>
    CentralFrame,
}

/// <summary>Weights of a video model made from those of an image model.</summary>
public static class VideoWeights
{
    /// <summary>Values by our names for a <see cref="VideoCoSwin"/>: kernels inflated in time, bias tables resized to its spatial
    /// window where that differs (bicubic) and repeated for each of the 2P−1 distances in time; everything else as it
    /// is.</summary>
    /// <param name="image">The image model's values, by our names or foreign ones (<see
    /// cref="CheckpointNames.Canonical"/>).</param>
    /// <param name="wanted">Shape of each of the video model's parameters.</param>
    /// <param name="config">The video model's configuration.</param>
    /// <param name="kind">How kernels are inflated.</param>
    /// <exception cref="FlorenceException">A bias table fits neither model.</exception>
    public static Dictionary<string, Tensor> Inflate(IEnumerable<KeyValuePair<string, Tensor>> image,
        IReadOnlyDictionary<string, Shape> wanted, VideoCoSwinConfig config, Inflation kind = Inflation.Average)
    {
        using var noGrad = GradMode.NoGrad();
        var result = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        foreach (var (name, value) in image)
        {
            if (CheckpointNames.Canonical(name) is not { } ours) { continue; }
            result[ours] = wanted.TryGetValue(ours, out var shape) ? Inflated(ours, value, shape, config, kind) : value;
        }

        return result;
    }

    private static Tensor Inflated(string name, Tensor value, Shape wanted, VideoCoSwinConfig config, Inflation kind)
    {
        if (value.Rank == 4 && wanted.Length == 5) { return Kernel(value, wanted[2], kind); }
        if (!name.EndsWith("relative_position_bias_table", StringComparison.Ordinal)) { return value; }
        var distances = 2 * config.WindowDepths[Stage(name)] - 1;
        var rows = wanted[0] / distances;
        var (from, to) = (Window(name, value.Shape[0]), Window(name, rows));
        var table = from == to ? value : CheckpointNames.ResizeBiasTable(value, from, to);
        return F.Repeat(table, distances, 1);
    }

    // [O, C, kh, kw] → [O, C, K, kh, kw].
    private static Tensor Kernel(Tensor value, int frames, Inflation kind)
    {
        var one = value.Reshape(value.Shape[0], value.Shape[1], 1, value.Shape[2], value.Shape[3]);
        var before = frames / 2;
        return kind == Inflation.Average ? F.Repeat(one / frames, 1, 1, frames, 1, 1)
            : F.Pad(one, [0, 0, 0, 0, before, frames - 1 - before]);
    }

    private static int Stage(string name)
    {
        var parts = name.Split('.');
        var layers = Array.IndexOf(parts, "layers");
        return layers >= 0 && layers + 1 < parts.Length && int.TryParse(parts[layers + 1], out var stage) ? stage
            : throw new FlorenceException($"{name} names no stage; expected layers.N in it");
    }

    private static int Window(string name, int rows)
    {
        var side = (int)Math.Round(Math.Sqrt(rows));
        return side * side == rows && side % 2 == 1 ? (side + 1) / 2
            : throw new FlorenceException($"{name}: {rows} rows are no bias table of a square window");
    }
}
