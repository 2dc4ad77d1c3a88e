using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.OpCases;

/// <summary>Embedding, gather, index select and their additive adjoints.</summary>
public sealed class IndexCases : IOpCases
{
    /// <inheritdoc/>
    public IEnumerable<OpCase> Cases => Embeddings().Concat(Selects()).Concat(Gathers());

    /// <inheritdoc/>
    public IEnumerable<ErrorCase> Errors =>
    [
        new("Embedding", "id", d => F.Embedding(Ids(d, [2], 3, 7), Ones(d, 7, 2)), "id 7 at position 1 is outside [0, 7)"),
        new("Embedding", "negative", d => F.Embedding(Ids(d, [1], -1), Ones(d, 7, 2)), "id -1 at position 0 is outside [0, 7)"),
        new("Embedding", "ids", d => F.Embedding(Ones(d, 2), Ones(d, 7, 2)), "id is f32, expected integers"),
        new("Embedding", "weight", d => F.Embedding(Ids(d, [1], 0), Ones(d, 7)), "expected [V, D]"),
        new("Embedding", "padding", d => F.Embedding(Ids(d, [1], 0), Ones(d, 7, 2), 7), "padding index 7 is outside"),
        new("IndexSelect", "range", d => F.IndexSelect(Ones(d, 3, 2), 0, Ids(d, [1], 3)), "index 3 at position 0 is outside [0, 3)"),
        new("IndexSelect", "rank", d => F.IndexSelect(Ones(d, 3, 2), 0, Ids(d, [1, 1], 0)), "expected [K]"),
        new("IndexSelect", "axis", d => F.IndexSelect(Ones(d, 3, 2), 2, Ids(d, [1], 0)), "axis 2 does not exist"),
        new("IndexAdd", "source", d => F.IndexAdd(Ones(d, 3, 2), 0, Ids(d, [1], 0), Ones(d, 2, 2)), "source is [2, 2], expected [1, 2]"),
        new("Gather", "rank", d => F.Gather(Ones(d, 3, 2), 0, Ids(d, [1], 0)), "expected 2 axes"),
        new("Gather", "size", d => F.Gather(Ones(d, 3, 2), 0, Ids(d, [1, 3], 0, 0, 0)), "larger than x [3, 2] along axis 1"),
        new("Gather", "range", d => F.Gather(Ones(d, 3, 2), 0, Ids(d, [1, 2], 0, 5)), "index 5 at position 1 is outside [0, 3)"),
        new("ScatterAdd", "source", d => F.ScatterAdd(Ones(d, 3, 2), 0, Ids(d, [2, 2], 0, 0, 0, 0), Ones(d, 1, 2)), "larger than the source"),
    ];

    private static Tensor Ones(Device d, params int[] shape) => Tensor.Ones(shape, DType.F32, d);

    private static Tensor Ids(Device d, Shape shape, params long[] values) => Tensor.From(values, shape, d);

    private static IEnumerable<OpCase> Embeddings()
    {
        OpCase Row(string label, int[] ids, int[] weight, int padding = -1) => new("Embedding", label, x => F.Embedding(x[0], x[1], padding),
            x => Nd.From(new Shape().Append(ids).Append(weight[1]), i => x[1][(int)x[0][i.AsSpan(0, ids.Length)], i[^1]]), In.Ids(ids, weight[0]), new In(weight));
        return
        [
            Row("odd", [3, 5], [11, 7]), Row("repeats past a group", [257], [3, 5]), Row("wide", [5], [7, 257]), Row("scalar id", [], [3, 4]),
            Row("no ids", [0], [3, 4]), Row("no width", [3], [3, 0]),
            // No id is the padding row, because central differences do not know that it is skipped; the ids lie on the host.
            new("Embedding", "padding", x => F.Embedding(Tensor.From([0L, 2, 1, 2, 2, 0], [2, 3]), x[0], 4),
                x => Nd.From([2, 3, 5], i => x[0][new[] { 0, 2, 1, 2, 2, 0 }[i[0] * 3 + i[1]], i[2]]), new In([5, 5])),
            new("Embedding", "table", x => F.Embedding(x[0], x[1]).Permute(2, 0, 1), x => Nd.From([4, 5, 5], i => x[1][(int)x[0][i[1], i[2]], i[0]]),
                In.Ids([5, 5], 9), new In([9, 4])),
            new("Embedding", "i32", x => F.Embedding(x[0].To(DType.I32), x[1]), x => Nd.From([5, 3], i => x[1][(int)x[0][i[0]], i[1]]), In.Ids([5], 7), new In([7, 3])),
        ];
    }

    private static IEnumerable<OpCase> Selects()
    {
        OpCase Select(string label, int[] shape, int axis, int count) => new("IndexSelect", label, x => F.IndexSelect(x[1], axis, x[0]), x =>
            Nd.From(((Shape)shape).With(axis, count), i => x[1][Replace(i, axis, (int)x[0][i[axis]])]), In.Ids([count], shape[axis]), new In(shape));
        OpCase Add(string label, int[] shape, int axis, int count) => new("IndexAdd", label, x => F.IndexAdd(x[1], axis, x[0], x[2]), x =>
        {
            var y = new Nd([.. x[1].Data], shape);
            foreach (var i in Nd.Indices(x[2].Shape)) { y[Replace(i, axis, (int)x[0][i[axis]])] += x[2][i]; }
            return y;
        }, In.Ids([count], shape[axis]), new In(shape), new In(((Shape)shape).With(axis, count)));
        return
        [
            Select("first", [6, 5], 0, 9), Select("middle", [3, 5, 7], 1, 4), Select("last", [3, 5], 1, 33), Select("none", [3, 5], 0, 0), Select("vector", [5], 0, 7),
            new("IndexSelect", "integers", x => F.IndexSelect(x[0], 0, x[1]).To(DType.F64).To(x[2].DType), x => Nd.From([4, 2], i => x[0][(int)x[1][i[0]], i[1]]),
                In.Ids([3, 2], 9), In.Ids([4], 3), In.Constant([1])) { IsDifferentiable = false },
            Add("first", [5, 3], 0, 8), Add("middle", [3, 5, 7], 1, 4), Add("last past a group", [2, 3], 1, 257), Add("none", [3, 5], 0, 0),
        ];
    }

    private static IEnumerable<OpCase> Gathers()
    {
        OpCase Gather(string label, int[] shape, int axis, int[] index) => new("Gather", label, x => F.Gather(x[1], axis, x[0]), x =>
            Nd.From(index, i => x[1][Replace(i, axis, (int)x[0][i])]), In.Ids(index, shape[axis]), new In(shape));
        OpCase Scatter(string label, int[] shape, int axis, int[] index, int[]? source = null) => new("ScatterAdd", label, x => F.ScatterAdd(x[1], axis, x[0], x[2]), x =>
        {
            var y = new Nd([.. x[1].Data], shape);
            foreach (var i in Nd.Indices(index)) { y[Replace(i, axis, (int)x[0][i])] += x[2][i]; }
            return y;
        }, In.Ids(index, shape[axis]), new In(shape), new In(source ?? index));
        return
        [
            Gather("last", [4, 7], 1, [4, 5]), Gather("first", [4, 7], 0, [9, 7]), Gather("smaller", [3, 5, 7], 1, [2, 9, 4]), Gather("none", [3, 5], 1, [3, 0]),
            Gather("past a group", [2, 3], 1, [2, 257]), Scatter("last", [4, 6], 1, [4, 9]), Scatter("first", [3, 5], 0, [9, 5]),
            Scatter("corner", [3, 5, 4], 2, [2, 3, 6], [3, 5, 7]), Scatter("none", [3, 5], 1, [3, 0]), Scatter("past a group", [2, 3], 1, [2, 257]),
        ];
    }

    private static int[] Replace(int[] index, int axis, int value)
    {
        var copy = (int[])index.Clone();
        copy[axis] = value;
        return copy;
    }
}
