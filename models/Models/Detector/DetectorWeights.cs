using System;
using System.Collections.Generic;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Models;

/// <summary>Weights of a detector's backbone made from those of a pre-trained image encoder (Florence §2.4).</summary>
public static class DetectorWeights
{
    private const string Tower = "image_encoder.", Backbone = "fpn.bottom_up.";

    /// <summary>A Florence model's image encoder under the detector's names, for a load that is not strict: the pyramid, the
    /// head and the LayerNorm of each map keep their first values, as the encoder has none.</summary>
    /// <param name="florence">Values by our names or foreign ones (<see cref="CheckpointNames.Canonical"/>).</param>
    public static Dictionary<string, Tensor> FromFlorence(IEnumerable<KeyValuePair<string, Tensor>> florence)
    {
        var result = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        foreach (var (name, value) in florence)
        {
            var ours = CheckpointNames.Canonical(name);
            if (ours is null || !ours.StartsWith(Tower, StringComparison.Ordinal)) { continue; }
            var part = ours[Tower.Length..];
            var isBehindStages = part.Split('.')[0] is "norm" or "head";
            if (!isBehindStages) { result[Backbone + part] = value; }
        }

        return result;
    }
}
