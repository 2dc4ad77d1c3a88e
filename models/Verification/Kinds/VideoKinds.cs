using System.Collections.Generic;
using System.Linq;
using System.Text.Json;
using FlorenceKernels.Models;
using FlorenceKernels.Nn;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Verification;

/// <summary>3-D Swin blocks, with Video-Swin's rule for small maps. The case of a defect of the released code (a clipped window
/// reads wrong rows of the table) is met by the compatibility switch, and must not be met without it.</summary>
public sealed class VideoBlockKind : IGoldenKind
{
    /// <inheritdoc/>
    public IEnumerable<string> Kinds => ["swin_block_3d", "swin_block_3d_quirk"];

    /// <inheritdoc/>
    public void Run(GoldenRun run)
    {
        var isQuirk = run.Case.Kind == "swin_block_3d_quirk";
        var x = run.In("x");
        var set = run.NewParameters();
        var block = Block(run, set, isQuirk);
        run.Load(set);
        var y = block.Forward(x);
        if (isQuirk) { Differs(run, set, y); }
        run.Out("y", y);
    }

    private static void Differs(GoldenRun run, ParameterSet loaded, Tensor compatible)
    {
        using var noGrad = GradMode.NoGrad();
        using var set = run.NewParameters();
        var block = Block(run, set, slicesTable: false);
        _ = set.Load(loaded.State.ToDictionary(p => p.Key, p => p.Value));
        var difference = F.Max(F.Abs(block.Forward(run.In("x")) - compatible)).To(DType.F64).ToArray<double>()[0];
        if (difference < 1e-3) { throw new FlorenceException($"default and compatible bias differ by {difference} only"); }
    }

    private static SwinBlock Block(GoldenRun run, ParameterSet set, bool slicesTable)
    {
        int dim = run["dim"].GetInt32(), heads = run["heads"].GetInt32();
        int[] size = run["window"].Deserialize<int[]>()!, shift = run["shift"].Deserialize<int[]>()!;
        var window = new WindowShape(size[1], size[2], shift[1], shift[2])
        {
            Depth = size[0],
            ShiftD = shift[0],
            SlicesTable = slicesTable,
        };
        var config = new CoSwinConfig { EmbedDim = dim, Depths = [1], Heads = [heads], WindowRule = WindowRule.Clip };
        return new SwinBlock(config, dim, heads, window, 0, set.Root);
    }
}

/// <summary>The shift mask of clips, read off the attention itself: with all scores equal and one-hot values, the result is the
/// weight each token gives to each of its window.</summary>
public sealed class VideoMaskKind : IGoldenKind
{
    /// <inheritdoc/>
    public IEnumerable<string> Kinds => ["mask3d"];

    /// <inheritdoc/>
    public void Run(GoldenRun run)
    {
        var size = run["padded_size"].Deserialize<int[]>()!;
        int[] w = run["window"].Deserialize<int[]>()!, s = run["shift"].Deserialize<int[]>()!;
        int n = w[0] * w[1] * w[2];
        int[] grid = [size[0] / w[0], size[1] / w[1], size[2] / w[2]];
        var oneHot = new double[n * n];
        for (var i = 0; i < n; i++) { oneHot[i * n + i] = 1; }
        using var noGrad = GradMode.NoGrad();
        var window = Tensor.FromDoubles(oneHot, [w[0], 1, w[1], 1, w[2], n], run.DType, run.Device);
        var rolled = F.Pad(F.Repeat(window.Reshape(w[0], w[1], w[2], n), [.. grid, 1]), [2 * n, 0]);
        var qkv = F.Roll(rolled, s, [0, 1, 2]).Reshape(1, size[0], size[1], size[2], 3 * n);
        var y = F.WindowAttention(qkv, null, 1, new WindowShape(w[1], w[2], s[1], s[2]) { Depth = w[0], ShiftD = s[0] });
        var weights = F.Roll(y.Reshape(size[0], size[1], size[2], n), [-s[0], -s[1], -s[2]], [0, 1, 2])
            .Reshape(grid[0], w[0], grid[1], w[1], grid[2], w[2], n).Permute(0, 2, 4, 1, 3, 5, 6);
        var values = weights.Contiguous().To(DType.F64).ToArray<double>();
        run.Compare("out.mask_blocked", [.. values.Select(v => v < 1e-9 ? 1.0 : 0.0)]);
    }
}

/// <summary>Whole Video-Swin backbones.</summary>
public sealed class VideoTowerKind : IGoldenKind
{
    /// <inheritdoc/>
    public IEnumerable<string> Kinds => ["swin3d"];

    /// <inheritdoc/>
    public void Run(GoldenRun run)
    {
        var set = run.NewParameters();
        var model = new VideoCoSwin(Config(run.Case.Config), set.Root);
        run.Load(set);
        var features = model.Encode(run.In("x"));
        run.Out("map", features.Tokens.Permute(0, 4, 1, 2, 3));
        run.Out("pooled", features.Pooled);
    }

    private static VideoCoSwinConfig Config(JsonElement c) =>
        Config(c, c, patchNorm: c.TryGetProperty("patch_norm", out var norm) && norm.GetBoolean());

    /// <summary>The settings of Video-Swin: those of an image model, and those of its extension in time.</summary>
    internal static VideoCoSwinConfig Config(JsonElement image, JsonElement video, bool patchNorm)
    {
        int[] patch = video.GetProperty("patch_size").Deserialize<int[]>()!;
        int[] window = video.GetProperty("window_size").Deserialize<int[]>()!;
        var config = VisionTowerKind.Config(image, EmbedKind.Patch, imageSize: 224) with
        {
            Window = window[1],
            WindowRule = WindowRule.Clip,
            StemStride = patch[1],
            PatchNorm = patchNorm,
        };
        return new VideoCoSwinConfig
        {
            Image = config,
            WindowDepths = [.. config.Depths.Select(_ => window[0])],
            StemDepth = patch[0],
            StemStrideDepth = patch[0],
        };
    }
}

/// <summary>Weights of an image model inflated to a video model's.</summary>
public sealed class InflateKind : IGoldenKind
{
    /// <inheritdoc/>
    public IEnumerable<string> Kinds => ["inflate_2d_3d"];

    /// <inheritdoc/>
    public void Run(GoldenRun run)
    {
        var config = VideoTowerKind.Config(run["swin2d"], run["swin3d"], patchNorm: true);
        using var set = run.NewParameters();
        _ = new VideoCoSwin(config, set.Root);
        var source = run.Case.Names("in.").Select(n => KeyValuePair.Create(n, run.In(n)));
        var inflated = VideoWeights.Inflate(source, set.Named.ToDictionary(p => p.Key, p => p.Value.Shape), config);
        _ = set.Load(inflated);
        foreach (var (name, value) in set.Named) { run.Out(name, value); }
        var missing = run.Case.Names("out.").Except(set.Names).ToArray();
        if (missing.Length > 0) { throw new FlorenceException($"the model lacks {string.Join(", ", missing)}"); }
    }
}
