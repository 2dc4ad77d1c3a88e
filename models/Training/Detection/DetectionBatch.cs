using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Models;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Training;

/// <summary>An image and its objects.</summary>
/// <param name="Id">Name, for messages.</param> <param name="Pixels">Normalised, [3, Height, Width].</param>
/// <param name="Height">Rows.</param> <param name="Width">Columns.</param>
/// <param name="Objects">Boxes in pixels and classes.</param>
public sealed record DetectionSample(string Id, float[] Pixels, int Height, int Width, IReadOnlyList<GroundTruth> Objects)
{
    internal const int Channels = 3;

    /// <summary>The image and its boxes mirrored left to right.</summary>
    public DetectionSample Flipped()
    {
        var pixels = (float[])Pixels.Clone();
        for (var row = 0; row < Channels * Height; row++) { Array.Reverse(pixels, row * Width, Width); }
        GroundTruth Mirror(GroundTruth o) => o with { Box = o.Box with { X1 = Width - o.Box.X2, X2 = Width - o.Box.X1 } };
        return this with { Pixels = pixels, Objects = [.. Objects.Select(Mirror)] };
    }
}

/// <summary>Images of one step, each in the upper left corner of a common size, zeros elsewhere.</summary>
/// <param name="Pixels">[B, 3, Height, Width].</param> <param name="Height">Rows of the largest.</param>
/// <param name="Width">Columns of the largest.</param> <param name="Samples">What is in it.</param>
public sealed record DetectionBatch(float[] Pixels, int Height, int Width, IReadOnlyList<DetectionSample> Samples)
{
    /// <summary>Puts samples of any sizes together.</summary>
    /// <exception cref="FlorenceException">There is none, or a sample has not 3·Height·Width values.</exception>
    public static DetectionBatch Of(IReadOnlyList<DetectionSample> samples)
    {
        if (samples.Count == 0) { throw new FlorenceException("detection batch: there are no samples"); }
        int h = samples.Max(s => s.Height), w = samples.Max(s => s.Width);
        var pixels = new float[checked(samples.Count * DetectionSample.Channels * h * w)];
        for (var b = 0; b < samples.Count; b++) { Place(samples[b], pixels.AsSpan(b * DetectionSample.Channels * h * w), h, w); }
        return new(pixels, h, w, samples);
    }

    /// <summary>The images as a tensor [B, 3, Height, Width].</summary>
    public Tensor Images(Device device, DType dtype = DType.F32) =>
        Tensor.From(Pixels, [Samples.Count, DetectionSample.Channels, Height, Width], device).To(dtype);

    private static void Place(DetectionSample sample, Span<float> image, int h, int w)
    {
        if (sample.Pixels.Length != DetectionSample.Channels * sample.Height * sample.Width)
        {
            throw new FlorenceException(
                $"detection sample '{sample.Id}' has {sample.Pixels.Length} values, not 3·{sample.Height}·{sample.Width}");
        }

        for (var row = 0; row < DetectionSample.Channels * sample.Height; row++)
        {
            var at = (row / sample.Height * h + row % sample.Height) * w;
            sample.Pixels.AsSpan(row * sample.Width, sample.Width).CopyTo(image[at..]);
        }
    }
}
