using static TorchSharp.torch;

namespace FlorenceKernels.Benchmarks;

/// <summary>The unified contrastive loss as PyTorch programs write it: two soft cross entropies over the whole matrix of cosines.</summary>
internal static class TorchContrastive
{
    public static Tensor Loss(Tensor u, Tensor v, Tensor logitScale, Tensor labels)
    {
        (u, v) = (nn.functional.normalize(u, dim: 1), nn.functional.normalize(v, dim: 1));
        var similarity = logitScale.exp() * u.matmul(v.t());
        var positives = labels.unsqueeze(1).eq(labels.unsqueeze(0)).to_type(u.dtype);
        var target = positives / positives.sum(1, keepdim: true);
        var rows = (target * nn.functional.log_softmax(similarity, 1)).sum() / u.shape[0];
        var columns = (target * nn.functional.log_softmax(similarity.t(), 1)).sum() / u.shape[0];
        return (rows + columns) * -0.5;
    }
}
