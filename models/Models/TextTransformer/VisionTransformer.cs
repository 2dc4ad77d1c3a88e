using System.Linq;
using FlorenceKernels.Nn;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Models;

/// <summary>CLIP's ViT image tower (Dosovitskiy et al. 2021; Radford et al. 2021): patches, class token, positions, pre-LayerNorm, blocks,
/// projection of the class token. For imported CLIP weights; Florence's own image tower is <see cref="CoSwin"/>.</summary>
public sealed class VisionTransformer : TensorModule
{
    private readonly Tensor _patch, _class, _positions, _projection;
    private readonly LayerNorm _before, _after;
    private readonly TextBlock[] _blocks;
    private readonly int _stride;

    /// <summary>A tower for square images of <paramref name="imageSize"/> pixels cut into patches of <paramref name="patch"/> pixels.</summary>
    public VisionTransformer(int width, int patch, int imageSize, int layers, int embedDim, Weights w) : base(w)
    {
        var config = new TextConfig { Width = width, Layers = layers, IsCausal = false };
        var tokens = imageSize / patch * (imageSize / patch) + 1;
        var init = Init.Normal(System.Math.Pow(width, -0.5));
        _patch = w["conv1"].Get("weight", [width, 3, patch, patch], Init.FanIn(3 * patch * patch));
        _class = w.Get("class_embedding", [width], init);
        _positions = w.Get("positional_embedding", [tokens, width], init);
        _before = new LayerNorm(width, w["ln_pre"]);
        _blocks = [.. Enumerable.Range(0, layers).Select(l => new TextBlock(config, 0, w["resblocks"][l]))];
        _after = new LayerNorm(width, w["ln_post"]);
        _projection = w.Get("proj", [width, embedDim], init);
        _stride = patch;
    }

    /// <summary>Images [B, 3, H, W] → projected features [B, E], not normalised.</summary>
    public override Tensor Forward(Tensor x)
    {
        var patches = F.ConvTokens(x, _patch, null, _stride, 0).Flatten(1, 2);
        var first = _class.Reshape(1, 1, -1).Expand(patches.Shape[0], 1, patches.Shape[2]);
        var tokens = _before.Forward(F.Cat([first, patches], 1) + _positions);
        tokens = _blocks.Aggregate(tokens, (t, block) => block.Forward(t, null));
        return F.MatMul(_after.Forward(tokens.Select(1, 0)), _projection);
    }
}
