using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

public static partial class F
{
    /// <summary>Einstein summation, <c>"bhid,bhjd->bhij"</c>: letters name axes, letters absent from the result are summed; without an arrow the
    /// result has the letters that occur once, in order. A letter twice in one operand takes its diagonal. Pairs are matrix products of
    /// permuted views, from left to right (torch.einsum; no ellipsis).</summary>
    /// <exception cref="ShapeException">The equation is malformed, or an axis has two sizes.</exception>
    public static Tensor Einsum(string equation, params ReadOnlySpan<Tensor> operands)
    {
        ArgumentNullException.ThrowIfNull(equation);
        Check.That(!operands.IsEmpty, $"einsum: no tensors are given for '{equation}'");
        Check.SameFloat("einsum", operands);
        var (inputs, output) = ParseEinsum(equation, operands);
        var sizes = new Dictionary<char, int>();
        for (var k = 0; k < inputs.Length; k++) { CollectSizes(equation, inputs[k], operands[k].Shape, sizes); }
        Check.That(output.All(sizes.ContainsKey), $"einsum: '{equation}' has a letter in its result that no operand has");
        var (y, labels) = Diagonal(operands[0], inputs[0]);
        for (var k = 1; k < inputs.Length; k++)
        {
            var needed = output + string.Concat(inputs.Skip(k + 1));
            var (b, right) = Diagonal(operands[k], inputs[k]);
            (y, labels) = Contract(Reduced(y, ref labels, right + needed), labels, Reduced(b, ref right, labels + needed), right, needed, sizes);
        }

        y = Reduced(y, ref labels, output);
        return y.Permute([.. output.Select(c => labels.IndexOf(c))]);
    }

    private static (string[] Inputs, string Output) ParseEinsum(string equation, ReadOnlySpan<Tensor> operands)
    {
        var sides = equation.Replace(" ", "", StringComparison.Ordinal).Split("->");
        var inputs = sides[0].Split(',');
        Check.That(sides.Length <= 2 && sides.All(s => s.All(c => char.IsAsciiLetter(c) || c == ',')),
            $"einsum: '{equation}' is no equation; write letters, commas and at most one '->', for example 'ij,jk->ik'");
        Check.That(inputs.Length == operands.Length, $"einsum: '{equation}' names {inputs.Length} operands, {operands.Length} are given");
        var letters = string.Concat(inputs);
        var output = sides.Length == 2 ? sides[1] : string.Concat(letters.Where(c => letters.Count(d => d == c) == 1).Order());
        Check.That(output.Distinct().Count() == output.Length, $"einsum: '{equation}' has a letter twice in its result");
        return (inputs, output);
    }

    private static void CollectSizes(string equation, string labels, Shape shape, Dictionary<char, int> sizes)
    {
        Check.That(labels.Length == shape.Length, $"einsum: '{labels}' of '{equation}' names {labels.Length} axes, the tensor is {shape}");
        for (var i = 0; i < labels.Length; i++)
        {
            Check.That(sizes.TryAdd(labels[i], shape[i]) || sizes[labels[i]] == shape[i],
                $"einsum: '{labels[i]}' of '{equation}' is {sizes[labels[i]]} and {shape[i]}");
        }
    }

    // Two axes of one letter, moved to the end and merged: the diagonal is every (n + 1)-th element.
    private static (Tensor X, string Labels) Diagonal(Tensor x, string labels)
    {
        for (var i = 0; i < labels.Length; i++)
        {
            var j = labels.LastIndexOf(labels[i]);
            if (j == i) { continue; }
            var rest = Enumerable.Range(0, labels.Length).Where(a => a != i && a != j).ToArray();
            var n = x.Shape[i];
            var merged = x.Permute([.. rest, i, j]).Reshape([.. rest.Select(a => x.Shape[a]), n * n]);
            var picked = IndexRows.Select("einsum", merged, merged.Rank - 1, new RowMap([.. Enumerable.Range(0, n).Select(k => k * (n + 1))], n * n));
            return Diagonal(picked, string.Concat(rest.Select(a => labels[a])) + labels[i]);
        }

        return (x, labels);
    }

    // Sums the axes nobody else needs.
    private static Tensor Reduced(Tensor x, ref string labels, string needed)
    {
        var all = labels;
        int[] gone = [.. Enumerable.Range(0, all.Length).Where(i => !needed.Contains(all[i]))];
        if (gone.Length == 0) { return x; }
        labels = string.Concat(all.Where(needed.Contains));
        return Sum(x, gone);
    }

    // [batch, left, inner]·[batch, inner, right], or a broadcast product where nothing is summed.
    private static (Tensor Y, string Labels) Contract(Tensor a, string left, Tensor b, string right, string needed, Dictionary<char, int> sizes)
    {
        var batch = string.Concat(left.Where(c => right.Contains(c) && needed.Contains(c)));
        var inner = string.Concat(left.Where(c => right.Contains(c) && !needed.Contains(c)));
        var rows = string.Concat(left.Where(c => !right.Contains(c)));
        var columns = string.Concat(right.Where(c => !left.Contains(c)));
        var pa = a.Permute([.. (batch + rows + inner).Select(c => left.IndexOf(c))]);
        var pb = b.Permute([.. (batch + inner + columns).Select(c => right.IndexOf(c))]);
        int Size(string labels) => labels.Aggregate(1, (n, c) => checked(n * sizes[c]));
        int n = Size(batch), m = Size(rows), k = Size(inner), p = Size(columns);
        var y = inner.Length == 0
            ? pa.Reshape(n, m, 1) * pb.Reshape(n, 1, p)
            : MatMul(pa.Reshape(n, m, k), pb.Reshape(n, k, p));
        var labels = batch + rows + columns;
        return (y.Reshape([.. labels.Select(c => sizes[c])]), labels);
    }
}
