using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Nn;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Models;

/// <summary>One block of the Dynamic Head. For each level l, with the finer level l − 1 and the coarser l + 1 where they exist:
/// <code>
/// Δ, m = conv(x_l)                                                 where to look, at level l
/// f    = GN(DCN₁(x_l; Δ, m)), GN(DCN₂(x_{l−1}; Δ, m)/2), ↕GN(DCN₀(x_{l+1}; Δ, m))     spatial attention
/// z    = mean over the f of hsig(relu(w·pool(f) + b))·f            level attention
/// out  = max(α₁·z + β₁, α₂·z + β₂), α and β from pool(z)           task attention
/// </code>
/// All levels share the block's weights.</summary>
public sealed class DynamicHeadBlock : Module
{
    private readonly Steering _offset;
    private readonly DeformableBranch _coarser, _same, _finer;
    private readonly LevelAttention _attention;
    private readonly DyRelu _relu;
    private readonly CoarserLevel _mode;

    /// <summary>A block under <paramref name="w"/>.</summary>
    public DynamicHeadBlock(DynamicHeadConfig config, Weights w) : base(w)
    {
        _coarser = new DeformableBranch(config, 1, w["DyConv"][0]);
        _same = new DeformableBranch(config, 1, w["DyConv"][1]);
        _finer = new DeformableBranch(config, 2, w["DyConv"][2]);
        _attention = new LevelAttention(config.Channels, w["AttnConv"][1]);
        _offset = new Steering(config, w["offset"]);
        _relu = new DyRelu(config.Channels, w["relu"], config.Reduction);
        _mode = config.CoarserLevel;
    }

    /// <summary>Levels [B, C, H_l, W_l], fine to coarse → levels of the same shapes.</summary>
    public IReadOnlyList<Tensor> Forward(IReadOnlyList<Tensor> levels) => [.. levels.Select((_, l) => Level(levels, l))];

    private Tensor Level(IReadOnlyList<Tensor> levels, int l)
    {
        using var scope = TensorScope.Begin();
        var sampling = _offset.Forward(levels[l]);
        List<Tensor> branches = [_same.Forward(levels[l], sampling)];
        if (l > 0) { branches.Add(_finer.Forward(levels[l - 1], sampling)); }
        if (l + 1 < levels.Count) { branches.Add(Coarser(levels[l + 1], sampling)); }
        return scope.Keep(_relu.Forward(_attention.Forward(branches)));
    }

    private Tensor Coarser(Tensor neighbour, Sampling sampling)
    {
        var (h, w) = (neighbour.Shape[2], neighbour.Shape[3]);
        return _mode switch
        {
            CoarserLevel.Resample => _coarser.Forward(sampling.Resize(neighbour), sampling),
            CoarserLevel.Crop => sampling.Resize(_coarser.Forward(neighbour, sampling.Crop(h, w))),
            _ => sampling.Resize(_coarser.Forward(neighbour, sampling.Reread(h, w))),
        };
    }
}

/// <summary>Where and how strongly a level samples itself and its neighbours.</summary>
/// <param name="Offset">[B, 18, H, W].</param> <param name="Mask">[B, 9, H, W], in (0, 1).</param>
internal readonly record struct Sampling(Tensor Offset, Tensor Mask)
{
    /// <summary>A map resized to this level, corners on corners.</summary>
    public Tensor Resize(Tensor map) =>
        F.Interpolate(map, [Offset.Shape[2], Offset.Shape[3]], InterpolateMode.Bilinear, alignCorners: true);

    /// <summary>The upper left corner.</summary>
    public Sampling Crop(int h, int w) => new(Crop(Offset, h, w), Crop(Mask, h, w));

    /// <summary>Each image's memory as if its maps were h×w.</summary>
    public Sampling Reread(int h, int w) => new(Reread(Offset, h, w), Reread(Mask, h, w));

    private static Tensor Crop(Tensor maps, int h, int w) => maps.Slice(2, 0, h).Slice(3, 0, w);

    private static Tensor Reread(Tensor maps, int h, int w)
    {
        var channels = maps.Shape[1];
        return maps.Flatten(1).Slice(1, 0, channels * h * w).Reshape(maps.Shape[0], channels, h, w);
    }
}
