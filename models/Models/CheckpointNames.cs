using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Models;

/// <summary>Turns the tensor names of other code bases into ours, so that their weights load: UniCL and its aliases, OpenAI CLIP and
/// open_clip text towers, Microsoft and torchvision Swin.</summary>
public static class CheckpointNames
{
    private static readonly string[] Wrappers = ["module.", "model.", "state_dict.", "backbone."];

    private static readonly (string From, string To)[] Aliases =
    [
        ("visual.", "image_encoder."), ("cls_head.fc_cls.", "head."), ("lang_encoder.", "text_encoder."), ("text.", "text_encoder."),
        ("vision_projection", "image_projection"), ("lang_projection", "text_projection"), ("transformer.resblocks.", "text_encoder.resblocks."),
        ("token_embedding.", "text_encoder.token_embedding."), ("positional_embedding", "text_encoder.positional_embedding"), ("ln_final.", "text_encoder.ln_final."),
    ];

    private static readonly string[] Recomputed = ["relative_position_index", "attn_mask", "position_ids", "num_batches_tracked", "input_resolution", "context_length", "vocab_size"];

    /// <summary>A foreign name as ours; null for tensors that are recomputed, never loaded.</summary>
    public static string? Canonical(string name)
    {
        if (Recomputed.Any(r => name.EndsWith(r, StringComparison.Ordinal))) { return null; }
        foreach (var wrapper in Wrappers)
        {
            if (name.StartsWith(wrapper, StringComparison.Ordinal)) { name = name[wrapper.Length..]; }
        }

        foreach (var (from, to) in Aliases)
        {
            if (name.StartsWith(from, StringComparison.Ordinal)) { return to + name[from.Length..]; }
        }

        return name;
    }

    /// <summary>A relative-position bias table [(2a−1)², heads] for window a, bicubically resized (a = −0.75, no antialiasing) to [(2b−1)², heads].</summary>
    /// <exception cref="ShapeException">The table does not belong to window <paramref name="from"/>.</exception>
    public static Tensor ResizeBiasTable(Tensor table, int from, int to)
    {
        int a = 2 * from - 1, b = 2 * to - 1;
        Check.HasRank("resize_bias_table", "table", table, 2, $"[{a * a}, heads]");
        Check.That(table.Shape[0] == a * a, $"resize_bias_table: table is {table.Shape}, window {from} has {a * a} rows");
        var heads = table.Shape[1];
        var square = table.T().Reshape(1, heads, a, a);
        return F.Interpolate(square, [b, b], InterpolateMode.Bicubic).Reshape(heads, b * b).T().Contiguous();
    }

    /// <summary>Values by our names, with bias tables resized to the shapes the model wants.</summary>
    /// <param name="source">Values by foreign names.</param> <param name="wanted">Shape of each of the model's parameters.</param>
    public static Dictionary<string, Tensor> Adapt(IEnumerable<KeyValuePair<string, Tensor>> source, IReadOnlyDictionary<string, Shape> wanted)
    {
        var result = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        foreach (var (name, value) in source)
        {
            if (Canonical(name) is not { } ours) { continue; }
            result[ours] = wanted.TryGetValue(ours, out var shape) && IsOtherWindow(ours, value, shape)
                ? ResizeBiasTable(value, Window(value.Shape), Window(shape)) : value;
        }

        return result;
    }

    private static bool IsOtherWindow(string name, Tensor value, Shape shape) =>
        name.EndsWith("relative_position_bias_table", StringComparison.Ordinal) && value.Rank == 2 && shape.Length == 2
        && value.Shape[0] != shape[0] && value.Shape[1] == shape[1];

    private static int Window(Shape table) => ((int)Math.Round(Math.Sqrt(table[0])) + 1) / 2;
}
