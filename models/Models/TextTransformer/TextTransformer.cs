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
    public Tensor Forward(Tensor ids, Tensor? mask = null) => _norm.Forward(Blocks(ids, mask));

    /// <summary>ids [B, N] → the text's features [B, W], read where the configuration says.</summary>
    public Tensor Pooled(Tensor ids, Tensor? mask = null)
    {
        using var scope = TensorScope.Begin();
        var (batch, length) = (ids.Shape[0], ids.Shape[1]);
        if (Config.Pool == TextPool.Mean) { return scope.Keep(_norm.Forward(F.Sum(Blocks(ids, mask) * WordShares(ids), [1]))); }
        var rows = Config.Pool == TextPool.First ? new int[batch] : Ends(ids);
        var tokens = Forward(ids, mask).Reshape(batch * length, Config.Width);
        var places = rows.Select((n, b) => (long)b * length + n).ToArray();
        return scope.Keep(F.IndexSelect(tokens, 0, Tensor.From(places, [batch], ids.Device)));
    }

    private Tensor Blocks(Tensor ids, Tensor? mask)
    {
        Check.HasRank("text_transformer", "ids", ids, 2, "[B, N]");
        Check.That(ids.Shape[1] <= Config.Context, $"text_transformer: ids are {ids.Shape}, longer than the context of {Config.Context}");
        var x = _tokens.Forward(ids) + _positions.Slice(0, 0, ids.Shape[1]);
        return _blocks.Aggregate(x, (tokens, block) => block.Forward(tokens, mask));
    }

    // 1/words at the tokens between start and end of the text, 0 elsewhere; an empty text is its end token. [B, N, 1]
    private Tensor WordShares(Tensor ids)
    {
        var (batch, length) = (ids.Shape[0], ids.Shape[1]);
        var shares = new float[batch * length];
        foreach (var (end, b) in Ends(ids).Select((end, b) => (end, b)))
        {
            if (end > 1) { shares.AsSpan(b * length + 1, end - 1).Fill(1f / (end - 1)); }
            else { shares[b * length + end] = 1; }
        }

        return Tensor.From(shares, [batch, length, 1], ids.Device).To(_positions.DType);
    }

    // Where each row has its first largest id; ids are few, so they are read on the host.
    private static int[] Ends(Tensor ids)
    {
        var (batch, length) = (ids.Shape[0], ids.Shape[1]);
        var values = ids.To(DType.I64).ToArray<long>();
        var ends = new int[batch];
        for (var b = 0; b < batch; b++)
        {
            var row = values.AsSpan(b * length, length);
            for (var n = 1; n < length; n++)
            {
                if (row[n] > row[ends[b]]) { ends[b] = n; }
            }
        }

        return ends;
    }
}
