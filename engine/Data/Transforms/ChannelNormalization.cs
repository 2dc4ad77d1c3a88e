using System;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace FlorenceKernels.Data;

/// <summary>(value/255 − mean)/std per channel, from uint8 [H, W, 3] to float [3, H, W]. A byte has 256 values, so the
/// arithmetic is done once, in float32 as torchvision does it, and looked up after that.</summary>
public sealed class ChannelNormalization
{
    private const int Levels = 256;

    private readonly float[] _table = new float[RgbImage.ChannelCount * Levels];

    /// <summary>Makes a normalisation.</summary>
    /// <param name="mean">Mean of red, green, blue on the scale 0..1.</param>
    /// <param name="std">Standard deviation of each.</param>
    public ChannelNormalization(ReadOnlySpan<float> mean, ReadOnlySpan<float> std)
    {
        if (mean.Length != RgbImage.ChannelCount || std.Length != RgbImage.ChannelCount)
            throw new ArgumentException($"Three means and deviations are needed; {mean.Length} and {std.Length} were given.",
                nameof(mean));
        if (std.ContainsAnyExceptInRange(float.Epsilon, float.MaxValue))
            throw new ArgumentException("Deviations must be positive.", nameof(std));
        (Mean, Std) = ([.. mean], [.. std]);
        for (var c = 0; c < RgbImage.ChannelCount; c++)
            for (var v = 0; v < Levels; v++) _table[c * Levels + v] = (v / 255f - mean[c]) / std[c];
    }

    /// <summary>Statistics of CLIP's training images.</summary>
    public static ChannelNormalization Clip { get; } =
        new([0.48145466f, 0.4578275f, 0.40821073f], [0.26862954f, 0.26130258f, 0.27577711f]);

    /// <summary>Statistics of ImageNet, used by Swin, UniCL and Florence.</summary>
    public static ChannelNormalization ImageNet { get; } = new([0.485f, 0.456f, 0.406f], [0.229f, 0.224f, 0.225f]);

    /// <summary>Only the division by 255.</summary>
    public static ChannelNormalization Unit { get; } = new([0, 0, 0], [1, 1, 1]);

    /// <summary>Mean of each channel.</summary>
    public ImmutableArray<float> Mean { get; }

    /// <summary>Standard deviation of each channel.</summary>
    public ImmutableArray<float> Std { get; }

    /// <summary>Writes an image into the caller's row of a batch. [3, H, W]</summary>
    /// <exception cref="ArgumentException">The row has another length than 3·H·W.</exception>
    public void Apply(RgbImage image, Span<float> chw)
    {
        ArgumentNullException.ThrowIfNull(image);
        var plane = image.Width * image.Height;
        if (chw.Length != RgbImage.ChannelCount * plane)
            throw new ArgumentException(
                $"An image of {image.Width}x{image.Height} needs {3 * plane} floats, but the row has {chw.Length}.", nameof(chw));
        Span<float> red = chw[..plane], green = chw.Slice(plane, plane), blue = chw[(2 * plane)..];
        ref var table = ref MemoryMarshal.GetArrayDataReference(_table);
        ReadOnlySpan<byte> pixels = image.Pixels;
        for (var i = 0; i < red.Length; i++)
        {
            // a byte never leaves its 256 entries of the table
            red[i] = Unsafe.Add(ref table, pixels[3 * i]);
            green[i] = Unsafe.Add(ref table, Levels + pixels[3 * i + 1]);
            blue[i] = Unsafe.Add(ref table, 2 * Levels + pixels[3 * i + 2]);
        }
    }
}
