using System.Collections.Generic;
using System.Linq;
using System.Text.Json;
using FlorenceKernels.Models;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Verification;

/// <summary>The kernels of detection: focal loss, GIoU on coded boxes, suppression, and the box coder.</summary>
public sealed class DetectionOpKinds : IGoldenKind
{
    /// <inheritdoc/>
    public IEnumerable<string> Kinds => ["sigmoid_focal", "giou_loss", "nms", "box_coder"];

    /// <inheritdoc/>
    public void Run(GoldenRun run)
    {
        switch (run.Case.Kind)
        {
            case "sigmoid_focal": Focal(run); break;
            case "giou_loss": Giou(run); break;
            case "nms": Suppression(run); break;
            default: Coder(run); break;
        }
    }

    private static void Focal(GoldenRun run)
    {
        Tensor Loss(Reduction reduction) =>
            F.SigmoidFocalLoss(run.In("logits"), run.In("targets"), run["alpha"].GetDouble(), run["gamma"].GetDouble(),
                reduction);
        run.Out("elementwise", Loss(Reduction.None));
        run.Out("sum", Loss(Reduction.Sum));
    }

    private static void Giou(GoldenRun run)
    {
        var anchors = run.In("anchors");
        var overlap = F.GeneralizedBoxIoU(BoxCoder.Decode(run.In("pred"), anchors), BoxCoder.Decode(run.In("target"), anchors),
            run["eps"].GetDouble());
        run.Out("loss", 1 - overlap);
        run.Out("weighted_sum", F.Sum((1 - overlap) * run.In("weight")));
        Skip(run, "pred", 0);
    }

    // A row whose slope depends on how ties of maxima share it takes the file's value, that is, is not compared.
    private static void Skip(GoldenRun run, string input, int row)
    {
        var x = run.In(input);
        var marks = Tensor.From([.. Enumerable.Range(0, x.Shape[0]).Select(i => i == row)], [x.Shape[0], 1], run.Device)
            .Expand(x.Shape.AsSpan());
        var given = run.Case.Tensor($"grad.in.{input}", run.Device, run.DType);
        x.RegisterHook(slope => F.Where(marks, given, slope));
    }

    private static void Suppression(GoldenRun run)
    {
        long[] Kept(Tensor? classes) =>
            F.Nms(run.In("boxes"), run.In("scores"), run["iou_threshold"].GetDouble(), classes).ToArray<long>();
        run.Compare("out.keep", Kept(null));
        run.Compare("out.keep_batched", Kept(run.In("classes")));
    }

    private static void Coder(GoldenRun run)
    {
        run.Out("boxes", BoxCoder.Decode(run.In("deltas"), run.In("anchors")));
        run.Out("encoded", BoxCoder.Encode(run.In("gt"), run.In("anchors")));
    }
}

/// <summary>The detector's layers.</summary>
public sealed class DetectorLayerKinds : IGoldenKind
{
    /// <inheritdoc/>
    public IEnumerable<string> Kinds => ["fpn", "atss_head"];

    /// <inheritdoc/>
    public void Run(GoldenRun run)
    {
        var set = run.NewParameters();
        if (run.Case.Kind == "fpn")
        {
            var pyramid = new FeaturePyramid(run["in_channels"].Deserialize<int[]>()!, run["out_channels"].GetInt32(),
                set.Root["fpn"]);
            run.Load(set);
            var levels = pyramid.Forward([run.In("res3"), run.In("res4"), run.In("res5")]);
            for (var l = 0; l < levels.Count; l++) { run.Out($"p{l + 3}", levels[l]); }
            return;
        }

        var scales = run.Case.Names("param.scales.").Count();
        var head = new AtssHead(run["channels"].GetInt32(), run["classes"].GetInt32(), scales, set.Root);
        run.Load(set);
        var count = run["levels"].GetArrayLength();
        var output = head.Forward([.. Enumerable.Range(0, count).Select(l => run.In($"p{l}"))]);
        for (var l = 0; l < count; l++)
        {
            run.Out($"logits{l}", output.Logits[l]);
            run.Out($"deltas{l}", output.Deltas[l]);
            run.Out($"centers{l}", output.Centerness[l]);
        }
    }
}

/// <summary>Anchors, assignment, losses and inference of ATSS.</summary>
public sealed class AtssKinds : IGoldenKind
{
    /// <inheritdoc/>
    public IEnumerable<string> Kinds => ["anchors", "atss_assign", "atss_losses", "atss_inference"];

    /// <inheritdoc/>
    public void Run(GoldenRun run)
    {
        switch (run.Case.Kind)
        {
            case "anchors": Grids(run); break;
            case "atss_assign": Assign(run); break;
            case "atss_losses": Losses(run); break;
            default: Detect(run); break;
        }
    }

    private static int LevelCount(GoldenRun run) => run["levels"].GetArrayLength();

    private static BoundingBox[] Boxes(GoldenRun run, string name) =>
        BoundingBox.FromTensor(run.Case.Tensor($"in.{name}", Runtime.Device.Cpu, Runtime.DType.F32));

    private static BoundingBox[][] AnchorLevels(GoldenRun run) =>
        [.. Enumerable.Range(0, LevelCount(run)).Select(l => Boxes(run, $"anchors{l}"))];

    internal static GroundTruth[] Objects(GoldenRun run, string suffix) =>
        [.. Boxes(run, $"gt_boxes{suffix}").Zip(run.Case.Values($"in.gt_classes{suffix}"), (box, c) =>
            new GroundTruth(box, (int)c))];

    private static HeadOutput Output(GoldenRun run)
    {
        Tensor[] Level(string name) => [.. Enumerable.Range(0, LevelCount(run)).Select(l => run.In($"{name}{l}"))];
        return new(Level("logits"), Level("deltas"), Level("centers"));
    }

    private static void Grids(GoldenRun run)
    {
        var sizes = run["levels"].Deserialize<int[][]>()!.Select(s => (s[0], s[1]));
        var levels = Anchors.Pyramid(sizes, run["strides"].Deserialize<int[]>()!, run["size_factor"].GetInt32());
        for (var l = 0; l < levels.Count; l++) { run.Out($"anchors{l}", BoundingBox.ToTensor(levels[l])); }
    }

    private static void Assign(GoldenRun run)
    {
        var (levels, objects) = (AnchorLevels(run), Objects(run, ""));
        var assignment = AtssAssigner.Assign(levels, objects, run["topk"].GetInt32());
        BoundingBox[] anchors = [.. levels.SelectMany(l => l)],
            matched = [.. assignment.Object.Select(g => objects[System.Math.Max(g, 0)].Box)];
        run.Compare("out.labels", [.. assignment.Labels(objects)]);
        run.Compare("out.pos_index", [.. assignment.Positives.Select(a => (long)a)]);
        run.Compare("out.centerness_pos", [.. assignment.Positives.Select(a => AtssAssigner.Centerness(anchors[a], matched[a]))]);
        Tensor On(BoundingBox[] boxes) => BoundingBox.ToTensor(boxes, run.DType, run.Device);
        run.Out("reg_targets", BoxCoder.Encode(On(matched), On(anchors)));
    }

    private static void Losses(GoldenRun run)
    {
        var config = new AtssLossConfig
        {
            Alpha = run["alpha"].GetDouble(),
            Gamma = run["gamma"].GetDouble(),
            BoxWeight = run["reg_weight"].GetDouble(),
        };
        GroundTruth[][] images = [.. Enumerable.Range(0, run["images"].GetInt32()).Select(i => Objects(run, $"{i}"))];
        var levels = AnchorLevels(run);
        for (var i = 0; i < images.Length; i++)
        {
            run.Compare($"out.labels{i}", [.. AtssAssigner.Assign(levels, images[i]).Labels(images[i])]);
        }

        var losses = new AtssLoss(config).Compute(Output(run), levels, images);
        run.Out("loss_cls", losses.Classification);
        run.Out("loss_ctr", losses.Centerness);
        run.Out("loss_box_reg", losses.Box);
    }

    private static void Detect(GoldenRun run)
    {
        var inference = new AtssInference(new AtssInferenceConfig
        {
            ScoreThreshold = run["score_thr"].GetDouble(),
            CandidatesPerLevel = run["pre_nms_top_n"].GetInt32(),
            NmsThreshold = run["nms_iou"].GetDouble(),
            MaxDetections = run["max_dets"].GetInt32(),
        });
        var images = inference.Detect(Output(run), AnchorLevels(run));
        (int, int) Size(string name) => run[name].Deserialize<int[]>() is [var h, var w] ? (h, w) : default;
        for (var i = 0; i < images.Count; i++)
        {
            Give(run, images[i], "boxes_raw", "scores", "classes", i);
            Give(run, AtssInference.Rescale(images[i], Size("image_size"), Size("output_size")), "post_boxes", "post_scores",
                "post_classes", i);
        }
    }

    private static void Give(GoldenRun run, Detection[] found, string boxes, string scores, string classes, int image)
    {
        run.Out($"{boxes}{image}", BoundingBox.ToTensor([.. found.Select(d => d.Box)]));
        run.Compare($"out.{scores}{image}", [.. found.Select(d => d.Score)]);
        run.Compare($"out.{classes}{image}", [.. found.Select(d => (long)d.Class)]);
    }
}
