using FlorenceKernels.Nn;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Models;

/// <summary>A learned vector per place of a token map, added after the stem: <c>absolute_pos_embed</c> [1, side², C].</summary>
internal sealed class PositionTable(int side, int dim, Weights w)
{
    private readonly Tensor _table = w.Get("absolute_pos_embed", [1, side * side, dim], Init.TruncNormal);

    /// <summary>[B, h, w, C] → [B, h, w, C]. For maps of another size the table is resized bicubically, as Swin's detection code
    /// does.</summary>
    public Tensor AddTo(Tensor x)
    {
        int h = x.Shape[1], w = x.Shape[2];
        if (h == side && w == side) { return x + _table.Reshape(1, h, w, dim); }
        var map = _table.Reshape(1, side, side, dim).Permute(0, 3, 1, 2);
        return x + F.Interpolate(map, [h, w], InterpolateMode.Bicubic).Permute(0, 2, 3, 1);
    }
}
