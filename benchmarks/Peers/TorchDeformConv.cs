using System;
using System.Linq;
using TorchSharp;
using static TorchSharp.torch.nn;
using TorchTensor = TorchSharp.torch.Tensor;

namespace FlorenceKernels.Benchmarks;

/// <summary>Modulated deformable convolution from libtorch's own operators: one grid_sample of all taps, times the mask, then one
/// product. torchvision's fused operator is not part of TorchSharp.</summary>
internal static class TorchDeformConv
{
    /// <summary>x [B, C, H, W], offset [B, 2·kh·kw, Ho, Wo], weight [O, C, kh, kw], mask [B, kh·kw, Ho, Wo].</summary>
    public static TorchTensor Run(TorchTensor x, TorchTensor offset, TorchTensor weight, TorchTensor mask, int stride,
        int padding)
    {
        long batch = x.shape[0], channels = x.shape[1], kh = weight.shape[2], kw = weight.shape[3], taps = kh * kw;
        long height = offset.shape[2], width = offset.shape[3];
        var delta = offset.view(batch, taps, 2, height, width);
        var rows = delta.select(2, 0) + Places(taps, t => t / kw, height, stride, padding, x).view(taps, height, 1);
        var columns = delta.select(2, 1) + Places(taps, t => t % kw, width, stride, padding, x).view(taps, 1, width);
        // With align_corners, −1 … 1 runs from the first pixel's centre to the last one's.
        var grid = torch.stack([columns * (2.0 / (x.shape[3] - 1)) - 1, rows * (2.0 / (x.shape[2] - 1)) - 1], -1);
        var samples = functional.grid_sample(x, grid.view(batch, taps * height, width, 2), torch.GridSampleMode.Bilinear,
            torch.GridSamplePaddingMode.Zeros, align_corners: true);
        var modulated = samples.view(batch, channels, taps, height * width) * mask.view(batch, 1, taps, height * width);
        return weight.flatten(1).matmul(modulated.view(batch, channels * taps, height * width)).view(batch, -1, height, width);
    }

    private static TorchTensor Places(long taps, Func<long, long> tap, long size, int stride, int padding, TorchTensor like)
    {
        var places = from t in Enumerable.Range(0, (int)taps)
                     from o in Enumerable.Range(0, (int)size)
                     select (double)(o * stride - padding + tap(t));
        return torch.tensor(places.ToArray()).to_type(like.dtype);
    }
}
