using FlorenceKernels.Tensors;

namespace FlorenceKernels.Verification;

/// <summary>Operators with several outputs.</summary>
internal static class OpKindPairs
{
    public static bool TryRun(string op, GoldenRun run)
    {
        switch (op)
        {
            case "max over dim with indices":
                Give(run, F.MaxWithIndices(run.In("x"), run["dim"].GetInt32()));
                return true;
            case "sort descending":
                Give(run, F.Sort(run.In("x"), run["dim"].GetInt32(), descending: true));
                return true;
            case "topk":
                Give(run, F.TopK(run.In("x"), run["k"].GetInt32(), run["dim"].GetInt32()));
                return true;
            case "bce_with_logits":
                run.Out("none", F.BinaryCrossEntropyWithLogits(run.In("x"), run.In("target"), Reduction.None));
                run.Out("mean", F.BinaryCrossEntropyWithLogits(run.In("x"), run.In("target"), Reduction.Mean));
                return true;
            default:
                return false;
        }
    }

    private static void Give(GoldenRun run, (Tensor Values, Tensor Indices) result)
    {
        run.Out("values", result.Values);
        run.Out("indices", result.Indices);
    }
}
