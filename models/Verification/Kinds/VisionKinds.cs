using System.Collections.Generic;
using System.Text.Json;
using FlorenceKernels.Models;
using FlorenceKernels.Nn;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Verification;

/// <summary>Windowed attention alone, over images and clips: the case gives windows that are already cut; a shift mask tells that they
/// came from a rolled map.</summary>
public sealed class WindowAttentionKind : IGoldenKind
{
    /// <inheritdoc/>
    public IEnumerable<string> Kinds => ["window_attention", "window_attention_3d"];

    /// <inheritdoc/>
    public void Run(GoldenRun run)
    {
        var window = run["window"].Deserialize<int[]>()!;
        int p = window.Length == 3 ? window[0] : 1, h = window[^2], w = window[^1], heads = run["heads"].GetInt32();
        var x = run.In("x");
        var qkvBias = run.Case.Has("param.qkv.bias") ? run.Parameter("qkv.bias") : null;
        var weights = (Qkv: run.Parameter("qkv.weight"), Table: run.Parameter("relative_position_bias_table"),
            Proj: run.Parameter("proj.weight"), ProjBias: run.Parameter("proj.bias"));
        Tensor Attend(Tensor map, WindowShape shape) => F.Linear(
            F.WindowAttention(F.Linear(map, weights.Qkv, qkvBias), weights.Table, heads, shape, qkvBias), weights.Proj, weights.ProjBias);
        if (run.InOrNull("mask") is null)
        {
            // Fewer tokens than the window has: its depth was clipped.
            var depth = x.Shape[1] / (h * w);
            var shape = new WindowShape(h, w) { Depth = depth, Table = (p, h, w) };
            run.Out("y", Attend(x.Reshape(x.Shape[0], depth, h, w, x.Shape[2]), shape).Reshape(x.Shape));
            return;
        }

        // nW windows of one map innermost, in rolled coordinates. Unroll, attend with the shift, roll back.
        var (grid, s) = Grid(run, p, h, w);
        int batch = x.Shape[0] / (grid.Depth * grid.Height * grid.Width), dim = x.Shape[2];
        var rolled = x.Reshape(batch, grid.Depth, grid.Height, grid.Width, p, h, w, dim).Permute(0, 1, 4, 2, 5, 3, 6, 7)
            .Reshape(batch, grid.Depth * p, grid.Height * h, grid.Width * w, dim);
        var attended = Attend(F.Roll(rolled, [s.Depth, s.Height, s.Width], [1, 2, 3]),
            new WindowShape(h, w, s.Height, s.Width) { Depth = p, ShiftD = s.Depth });
        var y = F.Roll(attended, [-s.Depth, -s.Height, -s.Width], [1, 2, 3]);
        run.Out("y", y.Reshape(batch, grid.Depth, p, grid.Height, h, grid.Width, w, dim).Permute(0, 1, 3, 5, 2, 4, 6, 7).Reshape(x.Shape));
    }

    // Windows per axis and the shift: clips say them, images are square and shifted by half a window.
    private static (Size3 Grid, Size3 Shift) Grid(GoldenRun run, int p, int h, int w)
    {
        if (run["mask"].ValueKind == JsonValueKind.Object && run["mask"].TryGetProperty("padded_size", out var padded))
        {
            int[] size = padded.Deserialize<int[]>()!, s = run["mask"].GetProperty("shift").Deserialize<int[]>()!;
            return ((size[0] / p, size[1] / h, size[2] / w), (s[0], s[1], s[2]));
        }

        var side = (int)System.Math.Sqrt(run.In("mask").Shape[0]);
        return ((1, side, side), (0, h / 2, h / 2));
    }
}

/// <summary>Whole blocks: Microsoft's, torchvision's (padded, other MLP names) and CoSwin's with layer scale.</summary>
public sealed class SwinBlockKind : IGoldenKind
{
    /// <inheritdoc/>
    public IEnumerable<string> Kinds => ["swin_block", "swin_block_padded", "coswin_block"];

    /// <inheritdoc/>
    public void Run(GoldenRun run)
    {
        var size = run["resolution"].Deserialize<int[]>()!;
        int dim = run["dim"].GetInt32(), heads = run["heads"].GetInt32();
        var config = new CoSwinConfig
        {
            EmbedDim = dim,
            Depths = [1],
            Heads = [heads],
            Window = run["window"].GetInt32(),
            LayerScale = run.Get("layer_scale", false) ? 1e-4 : null,
            WindowRule = run.Case.Kind == "swin_block_padded" ? WindowRule.Pad : WindowRule.Shrink,
        };
        var set = run.NewParameters();
        var block = new SwinBlock(config, dim, heads, System.Math.Min(size[0], size[1]), run["shift"].GetInt32() > 0, 0, set.Root);
        run.Load(set, TorchvisionNames.Block);
        var x = run.In("x");
        run.Out("y", block.Forward(x.Reshape(x.Shape[0], size[0], size[1], dim)).Reshape(x.Shape));
    }
}

/// <summary>torchvision's names in ours.</summary>
internal static class TorchvisionNames
{
    public static string Block(string name) => name.Replace("mlp.0.", "mlp.fc1.").Replace("mlp.3.", "mlp.fc2.");

    /// <summary><c>features.0.0/0.2</c> stem, <c>features.{2i+1}.j</c> blocks, <c>features.{2i+2}</c> merging.</summary>
    public static string Model(string name)
    {
        if (!name.StartsWith("features.", System.StringComparison.Ordinal)) { return name; }
        var parts = name.Split('.', 3);
        var index = int.Parse(parts[1]);
        if (index == 0) { return parts[2].Replace("0.", "patch_embed.proj.").Replace("2.", "patch_embed.norm."); }
        return index % 2 == 1 ? $"layers.{(index - 1) / 2}.blocks.{Block(parts[2])}" : $"layers.{(index - 2) / 2}.downsample.{parts[2]}";
    }
}

/// <summary>Whole vision towers: Swin by Microsoft and torchvision, CoSwin.</summary>
public sealed class VisionTowerKind : IGoldenKind
{
    /// <inheritdoc/>
    public IEnumerable<string> Kinds => ["swin", "swin_torchvision", "coswin"];

    /// <inheritdoc/>
    public void Run(GoldenRun run)
    {
        var set = run.NewParameters();
        var model = new CoSwin(Config(run), set.Root);
        run.Load(set, run.Case.Kind == "swin_torchvision" ? TorchvisionNames.Model : null);
        var features = model.Encode(run.In("x"));
        run.Out("features", features.Pooled);
        run.Out("pooled", features.Pooled);
        run.Out("features_map", features.Tokens);
        for (var i = 0; i < features.Stages.Count; i++) { run.Out($"stage{i + 1}", features.Stages[i].Flatten(1, 2)); }
        if (model.Config.Classes > 0) { run.Out("logits", model.Classify(features.Pooled)); }
    }

    internal static CoSwinConfig Config(GoldenRun run)
    {
        var c = run.Case.Config;
        var window = c.GetProperty("window_size");
        var isTorchvision = run.Case.Kind == "swin_torchvision";
        return Config(c, run.Case.Kind == "coswin" ? EmbedKind.Convolution : EmbedKind.Patch, isTorchvision ? 224 : c.GetProperty("img_size").GetInt32()) with
        {
            Window = window.ValueKind == JsonValueKind.Array ? window[0].GetInt32() : window.GetInt32(),
            WindowRule = isTorchvision ? WindowRule.Pad : WindowRule.Shrink,
            Classes = run.Get("num_classes", 0),
        };
    }

    internal static CoSwinConfig Config(JsonElement c, EmbedKind embed, int imageSize) => new()
    {
        EmbedDim = c.GetProperty("embed_dim").GetInt32(),
        Depths = [.. c.GetProperty("depths").Deserialize<int[]>()!],
        Heads = [.. c.GetProperty("num_heads").Deserialize<int[]>()!],
        Window = c.TryGetProperty("window_size", out var w) && w.ValueKind == JsonValueKind.Number ? w.GetInt32() : 7,
        ImageSize = imageSize,
        Embed = embed,
        AbsolutePositions = c.TryGetProperty("ape", out var ape) && ape.GetBoolean(),
        LayerScale = c.TryGetProperty("layer_scale", out var scale) && scale.GetBoolean() ? 1e-4 : null,
    };
}

/// <summary>Patch and convolutional embeddings, and patch merging.</summary>
public sealed class EmbedKinds : IGoldenKind
{
    /// <inheritdoc/>
    public IEnumerable<string> Kinds => ["patch_embed", "patch_merging", "patch_merging_padded", "conv_embed", "cvt_conv_embed"];

    /// <inheritdoc/>
    public void Run(GoldenRun run)
    {
        var set = run.NewParameters();
        var x = run.In("x");
        if (run.Case.Kind.StartsWith("patch_merging", System.StringComparison.Ordinal))
        {
            var merging = new PatchMerging(run["dim"].GetInt32(), set.Root);
            run.Load(set);
            var size = run["resolution"].Deserialize<int[]>()!;
            var merged = merging.Forward(x.Rank == 4 ? x : x.Reshape(x.Shape[0], size[0], size[1], -1));
            run.Out("y", x.Rank == 4 ? merged : merged.Flatten(1, 2));
            return;
        }

        var isPatch = run.Case.Kind == "patch_embed";
        var embed = isPatch ? new ConvEmbed(3, run["embed_dim"].GetInt32(), run["patch"].GetInt32(), run["patch"].GetInt32(), 0, set.Root)
            : new ConvEmbed(run["cin"].GetInt32(), run["cout"].GetInt32(), run["kernel"].GetInt32(), run["stride"].GetInt32(), run["padding"].GetInt32(), set.Root);
        run.Load(set);
        if (x.Rank == 3)
        {
            var size = run["resolution"].Deserialize<int[]>()!;
            run.Out("y", embed.Forward(x.Reshape(x.Shape[0], size[0], size[1], -1)).Flatten(1, 2));
            return;
        }

        var tokens = embed.ForwardImage(x);
        run.Out("y", run.Case.Kind == "cvt_conv_embed" ? tokens.Permute(0, 3, 1, 2) : tokens.Flatten(1, 2));
    }
}

/// <summary>Relative position bias tables resized for another window.</summary>
public sealed class BiasTableKind : IGoldenKind
{
    /// <inheritdoc/>
    public IEnumerable<string> Kinds => ["bias_table_resize"];

    /// <inheritdoc/>
    public void Run(GoldenRun run) =>
        run.Out("table", CheckpointNames.ResizeBiasTable(run.In("table"), run["window_from"].GetInt32(), run["window_to"].GetInt32()));
}
