using System.Collections.Generic;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.OpCases;

/// <summary>Views and copies.</summary>
public sealed class ViewCases : IOpCases
{
    /// <inheritdoc/>
    public IEnumerable<OpCase> Cases =>
    [
        new("Reshape", "split", x => x[0].Reshape(3, -1, 2), x => new Nd(x[0].Data, [3, 5, 2]), new In([15, 2])),
        new("Permute", "cycle", x => x[0].Permute(2, 0, 1), x => Nd.From([7, 3, 5], i => x[0][i[1], i[2], i[0]]), new In([3, 5, 7])),
        new("Transpose", "copied", x => x[0].T().Contiguous(), x => Nd.From([5, 3], i => x[0][i[1], i[0]]), new In([3, 5])),
        new("Slice", "step", x => x[0].Slice(1, 1, 3, 2), x => Nd.From([3, 3, 2], i => x[0][i[0], 1 + 2 * i[1], i[2]]), new In([3, 7, 2])),
        new("Select", "axis", x => x[0].Select(1, -1), x => Nd.From([3, 2], i => x[0][i[0], 6, i[1]]), new In([3, 7, 2])),
        new("Expand", "lead", x => x[0].Expand(4, 3, 5) * 2, x => Nd.From([4, 3, 5], i => 2 * x[0][i[1], 0]), new In([3, 1])),
        new("Unsqueeze", "both", x => x[0].Unsqueeze(1).Unsqueeze(-1).Squeeze(1), x => new Nd(x[0].Data, [3, 5, 1]), new In([3, 5])),
        new("Flatten", "middle", x => x[0].Flatten(1, 2), x => new Nd(x[0].Data, [2, 15, 4]), new In([2, 3, 5, 4])),
        new("To", "f32 and back", x => (x[0] * 2).To(DType.F64).To(x[0].DType), x => x[0].Map(v => 2 * v), new In([3, 5])),
    ];

    /// <inheritdoc/>
    public IEnumerable<ErrorCase> Errors =>
    [
        new("Reshape", "count", d => Tensor.Ones([2, 3], DType.F32, d).Reshape(4, 2), "does not fit"),
        new("Slice", "range", d => Tensor.Ones([2, 3], DType.F32, d).Slice(1, 2, 2), "leave axis 1"),
        new("Expand", "size", d => Tensor.Ones([2, 3], DType.F32, d).Expand(2, 4), "does not broadcast"),
    ];
}
