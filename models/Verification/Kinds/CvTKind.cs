using System.Collections.Generic;
using System.Linq;
using System.Text.Json;
using FlorenceKernels.Models;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Verification;

/// <summary>The whole CvT.</summary>
public sealed class CvTKind : IGoldenKind
{
    /// <inheritdoc/>
    public IEnumerable<string> Kinds => ["cvt"];

    /// <inheritdoc/>
    public void Run(GoldenRun run)
    {
        var set = run.NewParameters();
        var model = new CvT(Config(run), set.Root);
        run.Load(set);
        run.Out("logits", model.Forward(run.In("x")));
    }

    // The settings carry the names of the released configuration files.
    private static CvTConfig Config(GoldenRun run)
    {
        T[] Of<T>(string name) => run[name].Deserialize<T[]>()!;
        var (dims, depths, heads) = (Of<int>("DIM_EMBED"), Of<int>("DEPTH"), Of<int>("NUM_HEADS"));
        var (kernels, strides, paddings) = (Of<int>("PATCH_SIZE"), Of<int>("PATCH_STRIDE"), Of<int>("PATCH_PADDING"));
        var (dropPath, classTokens) = (Of<double>("DROP_PATH_RATE"), Of<bool>("CLS_TOKEN"));
        return new CvTConfig
        {
            Stages = [.. dims.Select((dim, i) => new CvTStageConfig(dim, depths[i], heads[i], kernels[i], strides[i], paddings[i],
                dropPath[i], classTokens[i]))],
            Classes = run["num_classes"].GetInt32(),
            MlpRatio = Of<double>("MLP_RATIO")[0],
            Activation = Activation.GeluErf, // the case is the class with its defaults, not a registered model
            QkvBias = Of<bool>("QKV_BIAS")[0],
        };
    }
}
