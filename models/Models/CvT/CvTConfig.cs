using System.Collections.Immutable;
using System.Linq;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Models;

/// <summary>A stage of <see cref="CvT"/>: a convolutional embedding k×k/s, then blocks.</summary>
/// <param name="Dim">Channels.</param> <param name="Depth">Blocks.</param> <param name="Heads">Attention heads.</param>
/// <param name="Kernel">Kernel side of the embedding.</param> <param name="Stride">Its stride.</param> <param name="Padding">Its
/// padding.</param>
/// <param name="DropPath">Stochastic depth of the last block; earlier blocks of the stage have linearly less.</param>
/// <param name="HasClassToken">A learned token attends with the others; the last stage's is classified.</param>
public sealed record CvTStageConfig(int Dim, int Depth, int Heads, int Kernel = 3, int Stride = 2, int Padding = 1,
    double DropPath = 0, bool HasClassToken = false);

/// <summary>A convolutional vision transformer (Wu et al., arXiv 2103.15808).</summary>
public sealed record CvTConfig
{
    /// <summary>The stages, first to last.</summary>
    public required ImmutableArray<CvTStageConfig> Stages { get; init; }

    /// <summary>Colour channels.</summary>
    public int Channels { get; init; } = 3;

    /// <summary>Outputs of the classification head.</summary>
    public int Classes { get; init; } = 1000;

    /// <summary>Width of the hidden layer of the MLPs over the width of the tokens.</summary>
    public double MlpRatio { get; init; } = 4;

    /// <summary>Bias on the query, key and value projections.</summary>
    public bool QkvBias { get; init; } = true;

    /// <summary>Activation of the MLPs. The released models use QuickGELU; their class by itself the exact GELU.</summary>
    public Activation Activation { get; init; } = Activation.QuickGelu;

    /// <summary>CvT-13 of the paper's table 2: 20.0 million parameters.</summary>
    public static CvTConfig CvT13 { get; } = Published([64, 192, 384], [1, 2, 10], [1, 3, 6], 0.1);

    /// <summary>CvT-21: 31.6 million.</summary>
    public static CvTConfig CvT21 { get; } = Published([64, 192, 384], [1, 4, 16], [1, 3, 6], 0.1);

    /// <summary>CvT-W24: 277 million.</summary>
    public static CvTConfig CvTW24 { get; } = Published([192, 768, 1024], [2, 2, 20], [3, 12, 16], 0.3);

    /// <summary>This configuration, checked.</summary>
    /// <exception cref="FlorenceException">Sizes contradict each other.</exception>
    public CvTConfig Validated()
    {
        if (Stages.IsDefaultOrEmpty || Channels <= 0 || Classes <= 0 || MlpRatio <= 0)
        {
            throw new FlorenceException("CvT: give at least one stage, and positive channels, classes and mlpRatio");
        }

        foreach (var (s, i) in Stages.Select((s, i) => (s, i)))
        {
            int[] sizes = [s.Dim, s.Depth, s.Heads, s.Kernel, s.Stride];
            if (sizes.Any(size => size <= 0) || s.Padding < 0 || s.DropPath is < 0 or >= 1)
            {
                throw new FlorenceException($"CvT: stage {i} is {s}; sizes must be positive and dropPath in [0, 1)");
            }

            if (s.Dim % s.Heads != 0)
            {
                throw new FlorenceException($"CvT: stage {i} has {s.Dim} channels, not a multiple of its {s.Heads} heads");
            }
        }

        return this;
    }

    // Table 2: 7×7/4, 3×3/2, 3×3/2; drop path and the class token in the last stage only. The stem's padding is 2 (released
    // code).
    private static CvTConfig Published(int[] dims, int[] depths, int[] heads, double dropPath) => new()
    {
        Stages =
        [
            new(dims[0], depths[0], heads[0], Kernel: 7, Stride: 4, Padding: 2), new(dims[1], depths[1], heads[1]),
            new(dims[2], depths[2], heads[2], DropPath: dropPath, HasClassToken: true),
        ],
    };
}
