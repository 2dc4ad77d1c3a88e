using System.Text.Json.Serialization;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Models;

/// <summary>Which token's output stands for the text.</summary>
public enum TextPool
{
    /// <summary>The first largest id of the row: the end-of-text token of CLIP's vocabularies.</summary>
    EndOfText,

    /// <summary>Position 0, for vocabularies with a leading class token.</summary>
    First,

    /// <summary>The mean over the tokens between start and end, taken before the final LayerNorm so that a token's norm is its weight.
    /// Learns faster from few short texts.</summary>
    Mean,
}

/// <summary>A CLIP-style text transformer.</summary>
public sealed record TextConfig
{
    /// <summary>Entries of the token embedding.</summary>
    public int Vocabulary { get; init; } = 49408;

    /// <summary>Longest text in tokens, start and end included.</summary>
    public int Context { get; init; } = 77;

    /// <summary>Channels.</summary>
    public required int Width { get; init; }

    /// <summary>Attention heads; 0 stands for Width/64.</summary>
    public int Heads { get; init; }

    /// <summary>Blocks.</summary>
    public int Layers { get; init; } = 12;

    /// <summary>Tokens attend to earlier tokens only (CLIP, UniCL); false is bidirectional with padding masked (Florence's lineage).</summary>
    public bool IsCausal { get; init; } = true;

    /// <summary>QuickGELU for OpenAI's and UniCL's weights, exact GELU for most of open_clip's.</summary>
    public Activation Activation { get; init; } = Activation.QuickGelu;

    /// <summary>1e-5 in CLIP, 1e-12 in UniCL and the Florence lineage.</summary>
    public double LayerNormEps { get; init; } = 1e-5;

    /// <summary>CLIP's width-dependent initial values; false is the lineage's trunc-normal .02.</summary>
    public bool ClipInit { get; init; } = true;

    /// <summary>Initial value of learnable scales per channel on both branches of a block (Touvron et al. 2021, CaiT); null for none. A
    /// small one lets a tower learn words before their order.</summary>
    public double? LayerScale { get; init; }

    /// <summary>Stochastic depth of the last block.</summary>
    public double DropPath { get; init; }

    /// <summary>Where the text's features are read.</summary>
    public TextPool Pool { get; init; }

    /// <summary>Heads in use.</summary>
    [JsonIgnore]
    public int EffectiveHeads => Heads > 0 ? Heads : Width / 64;

    /// <summary>This configuration, checked.</summary>
    /// <exception cref="FlorenceException">Sizes contradict each other.</exception>
    public TextConfig Validated()
    {
        if (Width <= 0 || EffectiveHeads <= 0 || Width % EffectiveHeads != 0)
        {
            throw new FlorenceException($"text tower: width {Width} is not a positive multiple of its {EffectiveHeads} heads");
        }

        if (Layers < 0 || Context <= 0 || Vocabulary <= 0) { throw new FlorenceException("text tower: layers, context and vocabulary must be positive"); }
        return this;
    }
}
