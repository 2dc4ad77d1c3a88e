using FlorenceKernels.Nn;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Models;

/// <summary>The two-tower model of Florence (§2.2): image and text encoders, a linear projection on each into a common space, compared by
/// scaled cosines. u = L2(CoSwin(x)·P_i), v = L2(Text(t)·P_t), s = exp(logit_scale)·u·vᵀ. Parameter names are UniCL's.</summary>
public sealed class Florence : Module
{
    private readonly Tensor _imageProjection, _textProjection;

    /// <summary>Builds both towers under <paramref name="w"/>.</summary>
    public Florence(FlorenceConfig config, Weights w) : base(w)
    {
        Config = config;
        var text = config.Text;
        Image = new CoSwin(config.Image, w["image_encoder"]);
        Text = new TextTransformer(text, w["text_encoder"]);
        _imageProjection = w.Get("image_projection", [config.Image.Features, config.EmbedDim], Init.TruncNormal);
        _textProjection = w.Get("text_projection", [text.Width, config.EmbedDim],
            text.ClipInit ? Init.Normal(System.Math.Pow(text.Width, -0.5)) : Init.TruncNormal);
        LogitScale = w.Get("logit_scale", [], Init.Constant(config.LogitScale));
    }

    /// <summary>The configuration.</summary>
    public FlorenceConfig Config { get; }

    /// <summary>The image encoder.</summary>
    public CoSwin Image { get; }

    /// <summary>The text encoder.</summary>
    public TextTransformer Text { get; }

    /// <summary>Logarithm of the scale that multiplies cosines, [].</summary>
    public Tensor LogitScale { get; }

    /// <summary>Images [B, 3, H, W] → projected features [B, E], of unit length when <paramref name="normalize"/>.</summary>
    public Tensor EncodeImage(Tensor images, bool normalize = true) => Project(Image.Forward(images), _imageProjection, normalize);

    /// <summary>Token ids [B, N] → projected features [B, E], of unit length when <paramref name="normalize"/>.</summary>
    public Tensor EncodeText(Tensor ids, Tensor? mask = null, bool normalize = true) => Project(Text.Pooled(ids, mask), _textProjection, normalize);

    /// <summary>The UniCL loss of a batch of pairs; rows with equal labels are positives of each other (Florence eq. 1-3, mean form).</summary>
    public Tensor Loss(Tensor images, Tensor ids, Tensor labels, Tensor? mask = null)
    {
        using var scope = TensorScope.Begin();
        var u = EncodeImage(images, normalize: false);
        var v = EncodeText(ids, mask, normalize: false);
        return scope.Keep(F.ContrastiveLoss(u, v, LogitScale, labels));
    }

    /// <summary>As <see cref="Loss(Tensor, Tensor, Tensor, Tensor?)"/>, where the images choose among further texts too; texts choose among the
    /// batch's images only. With v' the batch's texts followed by the further ones, L = ½·CE(s·u·v'ᵀ, P) + ½·CE(s·v·uᵀ, Q), P and Q
    /// uniform over the columns that carry the row's label. Unlike the loss of pairs alone it holds the [B, B + M] similarities: for batches
    /// of hundreds, not of thousands.</summary>
    /// <param name="images">[B, 3, H, W].</param> <param name="ids">[B, N].</param> <param name="labels">[B].</param>
    /// <param name="extraIds">Token ids of texts without images, [M, N].</param> <param name="extraLabels">[M].</param>
    public Tensor Loss(Tensor images, Tensor ids, Tensor labels, Tensor extraIds, Tensor extraLabels)
    {
        using var scope = TensorScope.Begin();
        Tensor u = EncodeImage(images), texts = EncodeText(F.Cat([ids, extraIds], 0)), scale = F.Exp(LogitScale);
        return scope.Keep(0.5 * (Choice(u, texts, scale, labels, F.Cat([labels, extraLabels], 0))
            + Choice(texts.Slice(0, 0, ids.Shape[0]), u, scale, labels, labels)));
    }

    private static Tensor Choice(Tensor rows, Tensor columns, Tensor scale, Tensor rowLabels, Tensor columnLabels)
    {
        var positives = F.Equal(rowLabels.Reshape(-1, 1), columnLabels.Reshape(1, -1)).To(rows.DType);
        return F.CrossEntropy(F.MatMul(rows, columns.T()) * scale, positives / F.Sum(positives, [1], keepDim: true), Reduction.Mean);
    }

    private static Tensor Project(Tensor features, Tensor projection, bool normalize)
    {
        var projected = F.MatMul(features, projection);
        return normalize ? F.L2Normalize(projected) : projected;
    }
}
