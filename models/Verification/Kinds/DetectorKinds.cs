using System.Collections.Generic;
using System.Text.Json;
using FlorenceKernels.Models;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Verification;

/// <summary>Swin as the released detector's backbone: maps of strides 4 to 32, each through its LayerNorm.</summary>
public sealed class SwinDetectionKind : IGoldenKind
{
    /// <inheritdoc/>
    public IEnumerable<string> Kinds => ["swin_detection"];

    /// <inheritdoc/>
    public void Run(GoldenRun run)
    {
        var set = run.NewParameters();
        var backbone = new CoSwinBackbone(Config(run.Case.Config), set.Root);
        run.Load(set);
        var maps = backbone.Forward(run.In("x"));
        for (var i = 0; i < maps.Count; i++) { run.Out($"stage{i + 2}", maps[i]); }
    }

    internal static CoSwinConfig Config(JsonElement c) =>
        VisionTowerKind.Config(c, EmbedKind.Patch, imageSize: 224) with { WindowRule = WindowRule.PadKeepShift };
}

/// <summary>The whole detector from image to losses.</summary>
public sealed class DetectorKind : IGoldenKind
{
    /// <inheritdoc/>
    public IEnumerable<string> Kinds => ["detector"];

    /// <inheritdoc/>
    public void Run(GoldenRun run)
    {
        var set = run.NewParameters();
        var detector = new Detector(Config(run), set.Root);
        run.Load(set, name => name.Replace(".bottom_up.net.", ".bottom_up."));
        var image = run.In("image");
        Maps(run, detector, image);
        var output = detector.Forward(image);
        run.Out("logits0", output.Logits[0]);
        run.Out("deltas2", output.Deltas[2]);
        run.Out("centers1", output.Centerness[1]);
        var objects = AtssKinds.Objects(run, "0");
        var anchors = Anchors.Pyramid(output.Sizes, detector.Config.Strides, detector.Config.AnchorScale);
        run.Compare("out.labels0", [.. AtssAssigner.Assign(anchors, objects).Labels(objects)]);
        var losses = detector.Losses(output, [objects]);
        run.Out("loss_cls", losses.Classification);
        run.Out("loss_ctr", losses.Centerness);
        run.Out("loss_box_reg", losses.Box);
    }

    private static DetectorConfig Config(GoldenRun run) => new()
    {
        Backbone = SwinDetectionKind.Config(run["swin"]),
        Classes = run["classes"].GetInt32(),
        DynamicHead = new DynamicHeadConfig
        {
            Channels = run["channels"].GetInt32(),
            Blocks = run["dyhead_blocks"].GetInt32(),
            CoarserLevel = System.Enum.Parse<CoarserLevel>(run["dyhead_mode"].GetString()!, ignoreCase: true),
        },
        Strides = run["strides"].Deserialize<int[]>()!,
        SizeDivisor = 64, // what the case was made with: its image is no multiple of 128
    };

    // The maps between the parts, so that a disagreement names the part.
    private static void Maps(GoldenRun run, Detector detector, Tensor image)
    {
        using var noGrad = GradMode.NoGrad();
        var pyramid = detector.Pyramid.Forward(detector.Backbone.Forward(image));
        run.Out("fpn_p3", pyramid[0]);
        run.Out("dyhead_p5", detector.DynamicHead.Forward(pyramid)[2]);
    }
}
