using FlorenceKernels.Models;
using FlorenceKernels.Nn;

namespace FlorenceKernels.Benchmarks;

/// <summary>CoSwin-T with the values that every side starts from.</summary>
internal static class CoSwinT
{
    public const int Width = 96, Window = 7, Features = 768;

    public static int[] Depths => [2, 2, 6, 2];

    public static int[] Heads => [3, 6, 12, 24];

    public static CoSwin Build(ParameterSet parameters, int imageSize)
    {
        var model = new CoSwin(new CoSwinConfig
        {
            EmbedDim = Width,
            Depths = [.. Depths],
            Heads = [.. Heads],
            Window = Window,
            ImageSize = imageSize,
        }, parameters.Root);
        foreach (var (name, p) in parameters.Named) { p.CopyFrom<float>(Values.Weight(name, [.. p.Shape.AsSpan()])); }
        return model;
    }
}
