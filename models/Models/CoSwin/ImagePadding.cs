using FlorenceKernels.Tensors;

namespace FlorenceKernels.Models;

/// <summary>Zeros behind the last row and column of images.</summary>
internal static class ImagePadding
{
    /// <summary>[B, C, H, W] → [B, C, H', W'], the next multiples of <paramref name="side"/>.</summary>
    public static Tensor ToMultiple(Tensor images, int side)
    {
        var (h, w) = (Missing(images.Shape[^2], side), Missing(images.Shape[^1], side));
        return h + w == 0 ? images : F.Pad(images, [0, w, 0, h]);
    }

    /// <summary>What <paramref name="size"/> lacks to a multiple of <paramref name="side"/>.</summary>
    public static int Missing(int size, int side) => (side - size % side) % side;
}
