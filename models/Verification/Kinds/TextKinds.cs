using System.Collections.Generic;
using System.Linq;
using System.Text.Json;
using FlorenceKernels.Models;
using FlorenceKernels.Nn;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Verification;

/// <summary>UniCL's and the lineage's text towers: outputs of all positions.</summary>
public sealed class UniClTextKind : IGoldenKind
{
    /// <inheritdoc/>
    public IEnumerable<string> Kinds => ["unicl_text"];

    /// <inheritdoc/>
    public void Run(GoldenRun run)
    {
        var set = run.NewParameters();
        var text = new TextTransformer(Config(run.Case.Config) with { IsCausal = run["causal"].GetBoolean(), LayerNormEps = run["ln_eps"].GetDouble() }, set.Root);
        run.Load(set);
        var mask = run.Case.Has("in.attention_mask") ? run.Case.Mask("in.attention_mask", run.Device) : null;
        run.Out("last_hidden_state", text.Forward(run.In("input_ids"), mask));
    }

    internal static TextConfig Config(JsonElement c) => new()
    {
        Context = c.GetProperty("CONTEXT_LENGTH").GetInt32(),
        Width = c.GetProperty("WIDTH").GetInt32(),
        Layers = c.GetProperty("LAYERS").GetInt32(),
        Heads = c.GetProperty("HEADS").GetInt32(),
        Vocabulary = c.GetProperty("VOCAB").GetInt32(),
        LayerNormEps = 1e-12,
        ClipInit = false,
    };
}

/// <summary>CLIP text towers with pooling and projection.</summary>
public sealed class ClipTextKind : IGoldenKind
{
    /// <inheritdoc/>
    public IEnumerable<string> Kinds => ["clip_text"];

    /// <inheritdoc/>
    public void Run(GoldenRun run)
    {
        var set = run.NewParameters();
        var text = new TextTransformer(new TextConfig
        {
            Context = run["context_length"].GetInt32(),
            Width = run["width"].GetInt32(),
            Layers = run["layers"].GetInt32(),
            Heads = run["heads"].GetInt32(),
            Vocabulary = run["vocab_size"].GetInt32(),
            LayerNormEps = run["ln_eps"].GetDouble(),
            IsCausal = run["causal"].GetBoolean(),
            Activation = run["activation"].GetString() == "gelu" ? Activation.GeluErf : Activation.QuickGelu,
        }, set.Root);
        var projection = set.Root.Get("text_projection", [run["width"].GetInt32(), run["output_dim"].GetInt32()], Init.Zeros);
        run.Load(set, name => name.Replace("transformer.resblocks.", "resblocks."));
        run.Out("text_features", F.MatMul(text.Pooled(run.In("input_ids")), projection));
    }
}

/// <summary>The whole UniCL model with its loss.</summary>
public sealed class UniClModelKind : IGoldenKind
{
    /// <inheritdoc/>
    public IEnumerable<string> Kinds => ["unicl_model"];

    /// <inheritdoc/>
    public void Run(GoldenRun run)
    {
        var text = run["text"];
        var isCausal = text.GetProperty("AUTOGRESSIVE").GetBoolean();
        var config = new FlorenceConfig
        {
            Image = VisionTowerKind.Config(run["image"], EmbedKind.Patch, run["img_size"].GetInt32()),
            Text = UniClTextKind.Config(text) with { IsCausal = isCausal, LayerNormEps = run["text_ln_eps"].GetDouble() },
            EmbedDim = run["dim_projection"].GetInt32(),
        };
        var set = run.NewParameters();
        var model = new Models.Florence(config, set.Root);
        run.Load(set);
        var ids = run.In("input_ids");
        var mask = isCausal ? null : Tensor.From([.. ids.ToArray<long>().Select(i => i != 0)], ids.Shape, run.Device);
        var u = model.EncodeImage(run.In("image"));
        var v = model.EncodeText(ids, mask);
        run.Out("image_features", u);
        run.Out("text_features", v);
        run.Out("logits", F.Exp(model.LogitScale) * F.MatMul(u, v.T()));
        run.Out("loss", F.ContrastiveLoss(u, v, model.LogitScale, run.In("labels")));
    }
}

/// <summary>The contrastive loss alone.</summary>
public sealed class UniClLossKind : IGoldenKind
{
    /// <inheritdoc/>
    public IEnumerable<string> Kinds => ["unicl_loss"];

    /// <inheritdoc/>
    public void Run(GoldenRun run) =>
        run.Out("loss", F.ContrastiveLoss(run.In("u"), run.In("v"), run.In("logit_scale"), run.In("labels")));
}

/// <summary>OpenAI's CLIP with its ViT image tower, composed of ops: the reference for imported CLIP weights.</summary>
public sealed class ClipModelKind : IGoldenKind
{
    /// <inheritdoc/>
    public IEnumerable<string> Kinds => ["clip"];

    /// <inheritdoc/>
    public void Run(GoldenRun run)
    {
        var set = run.NewParameters();
        var text = new TextTransformer(new TextConfig
        {
            Context = run["context_length"].GetInt32(),
            Width = run["transformer_width"].GetInt32(),
            Layers = run["transformer_layers"].GetInt32(),
            Heads = run["transformer_heads"].GetInt32(),
            Vocabulary = run["vocab_size"].GetInt32(),
        }, set.Root);
        int embed = run["embed_dim"].GetInt32(), width = run["vision_width"].GetInt32(), patch = run["vision_patch_size"].GetInt32();
        var projection = set.Root.Get("text_projection", [run["transformer_width"].GetInt32(), embed], Init.Zeros);
        var scale = set.Root.Get("logit_scale", [], Init.Zeros);
        var visual = new VisionTransformer(width, patch, run["image_resolution"].GetInt32(), run["vision_layers"].GetInt32(), embed, set.Root["visual"]);
        run.Load(set, name => name.StartsWith("visual.", System.StringComparison.Ordinal) ? name.Replace("visual.transformer.", "visual.") : name.Replace("transformer.resblocks.", "resblocks."));
        Tensor u = visual.Forward(run.In("image")), v = F.MatMul(text.Pooled(run.In("input_ids")), projection);
        run.Out("image_features", u);
        run.Out("text_features", v);
        run.Out("logits_per_image", F.Exp(scale) * F.MatMul(F.L2Normalize(u), F.L2Normalize(v).T()));
    }
}
