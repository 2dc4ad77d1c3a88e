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
        CheckIds(ids);
        return _norm.Forward(Run(_blocks, Embed(ids), mask));
    }

    /// <summary>ids [B, N] → the text's features [B, W], read where the configuration says. A causal tower computes no position behind the
    /// last text's end, short texts apart from the long ones, and the last block only the positions that are read: what they leave out can
    /// not reach the result.</summary>
    public Tensor Pooled(Tensor ids, Tensor? mask = null)
    {
        CheckIds(ids);
        using var scope = TensorScope.Begin();
        var ends = Config.Pool == TextPool.First ? new int[ids.Shape[0]] : Ends(ids);
        if (!Config.IsCausal || ends.Length == 0) { return scope.Keep(Pooled(ids, mask, ends, ids.Shape[1])); }
        var (longest, half) = (ends.Max() + 1, (ends.Max() + 1) / 2);
        long[] order = [.. Enumerable.Range(0, ends.Length).OrderBy(b => ends[b] >= half).Select(b => (long)b)];
        var isShort = ends.Count(end => end < half);
        // Half of the texts or more: below that the second pass costs more than it saves.
        if (2 * isShort < ends.Length) { return scope.Keep(Pooled(ids, mask, ends, longest)); }
        var parts = new[] { order[..isShort], order[isShort..] }.Select((rows, part) => Pooled(
            F.IndexSelect(ids, 0, Index(rows, ids)), null, [.. rows.Select(b => ends[b])], part == 0 ? half : longest));
        long[] back = [.. Enumerable.Range(0, ends.Length).Select(i => (long)i).OrderBy(i => order[i])];
        return scope.Keep(F.IndexSelect(F.Cat([.. parts], 0), 0, Index(back, ids)));
    }

    private Tensor Pooled(Tensor ids, Tensor? mask, int[] ends, int length)
    {
        var x = Embed(ids.Slice(1, 0, length));
        return _norm.Forward(Config.Pool == TextPool.Mean
            ? F.Sum(Run(_blocks, x, mask) * WordShares(ends, length), [1])
            : AtPositions(x, mask, ends));
    }

    private static Tensor Index(long[] rows, Tensor like) => Tensor.From(rows, [rows.Length], like.Device);

    private void CheckIds(Tensor ids)
    {
        Check.HasRank("text_transformer", "ids", ids, 2, "[B, N]");
        Check.That(ids.Shape[1] <= Config.Context, $"text_transformer: ids are {ids.Shape}, longer than the context of {Config.Context}");
    }

    private Tensor Embed(Tensor ids) => _tokens.Forward(ids) + _positions.Slice(0, 0, ids.Shape[1]);

    private static Tensor Run(ReadOnlySpan<TextBlock> blocks, Tensor x, Tensor? mask)
    {
        foreach (var block in blocks) { x = block.Forward(x, mask); }
        return x;
    }

    private Tensor AtPositions(Tensor x, Tensor? mask, int[] positions)
    {
        var rows = Index([.. positions.Select((position, b) => (long)b * x.Shape[1] + position)], x);
        return _blocks.Length == 0 ? TextBlock.Select(x, rows) : _blocks[^1].ForwardAt(Run(_blocks.AsSpan(..^1), x, mask), mask, rows);
    }

    // 1/words at the tokens between start and end of the text, 0 elsewhere; an empty text is its end token. [B, N, 1]
    private Tensor WordShares(int[] ends, int length)
    {
        var shares = new float[ends.Length * length];
        for (var b = 0; b < ends.Length; b++)
        {
            var row = shares.AsSpan(b * length, length);
            var end = ends[b];
            if (end > 1) { row[1..end].Fill(1f / (end - 1)); } else { row[end] = 1; }
        }

        return Tensor.From(shares, [ends.Length, length, 1], _positions.Device).To(_positions.DType);
    }

    // Where each row has its first largest id; ids are few, so they are read on the host.
    private static int[] Ends(Tensor ids)
    {
        var (values, length) = (ids.To(DType.I64).ToArray<long>(), ids.Shape[1]);
        var ends = new int[ids.Shape[0]];
        for (var b = 0; b < ends.Length; b++)
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
