using System;
using System.Linq;
using FlorenceKernels.Nn;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Models;

/// <summary>The text encoder: token and position embeddings, pre-norm blocks, final LayerNorm (Radford et al. 2021, §2.4). Parameter names
/// are those of UniCL's <c>text_encoder</c>.</summary>
public sealed class TextTransformer : Module
{
    private readonly Embedding _tokens;
    private readonly Tensor _positions;
    private readonly TextBlock[] _blocks;
    private readonly LayerNorm _norm;

    /// <summary>Builds the encoder under <paramref name="w"/>.</summary>
    public TextTransformer(TextConfig config, Weights w) : base(w)
    {
        Config = config.Validated();
        _tokens = new Embedding(config.Vocabulary, config.Width, w["token_embedding"], Init.TruncNormal);
        _positions = w.Get("positional_embedding", [config.Context, config.Width], config.ClipInit ? Init.Normal(0.01) : Init.TruncNormal);
        var rates = DropPath.LinearRates(config.Layers, config.DropPath);
        _blocks = [.. rates.Select((rate, l) => new TextBlock(config, rate, w["resblocks"][l]))];
        _norm = new LayerNorm(config.Width, w["ln_final"], config.LayerNormEps);
    }

    /// <summary>The configuration.</summary>
    public TextConfig Config { get; }

    /// <summary>ids [B, N] → outputs of all positions [B, N, W].</summary>
    /// <param name="ids">Token ids, i64.</param> <param name="mask">bool [B, N], true where a token may be attended; for bidirectional towers.</param>
    public Tensor Forward(Tensor ids, Tensor? mask = null)
    {
        Check.HasRank("text_transformer", "ids", ids, 2, "[B, N]");
        Check.That(ids.Shape[1] <= Config.Context, $"text_transformer: ids are {ids.Shape}, longer than the context of {Config.Context}");
        var x = _tokens.Forward(ids) + _positions.Slice(0, 0, ids.Shape[1]);
        return _norm.Forward(_blocks.Aggregate(x, (tokens, block) => block.Forward(tokens, mask)));
    }

    /// <summary>ids [B, N] → the pooled position's output [B, W].</summary>
    public Tensor Pooled(Tensor ids, Tensor? mask = null)
    {
        using var scope = TensorScope.Begin();
        var (batch, length) = (ids.Shape[0], ids.Shape[1]);
        var tokens = Forward(ids, mask).Reshape(batch * length, Config.Width);
        return scope.Keep(F.IndexSelect(tokens, 0, Tensor.From(Positions(ids), [batch], ids.Device)));
    }

    // Row numbers of the pooled positions; ids are few, so they are read on the host.
    private long[] Positions(Tensor ids)
    {
        var (batch, length) = (ids.Shape[0], ids.Shape[1]);
        var rows = Enumerable.Range(0, batch).Select(b => (long)b * length).ToArray();
        if (Config.Pool == TextPool.First) { return rows; }
        var values = ids.To(DType.I64).ToArray<long>();
        for (var b = 0; b < batch; b++)
        {
            var row = values.AsSpan(b * length, length);
            for (var n = 1; n < length; n++)
            {
                if (row[n] > row[(int)(rows[b] - (long)b * length)]) { rows[b] = (long)b * length + n; }
            }
        }

        return rows;
    }
}
