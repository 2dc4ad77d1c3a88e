using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>A forward pass of the contrastive loss. <paramref name="Sums"/> holds L_i2t and L_t2i of eq. 2 and 3,
/// <paramref name="Loss"/> their mean form.</summary>
internal sealed record Contrastive(ContrastivePairs Pairs, Tensor RowLse, Tensor ColumnLse, Tensor Sums, Tensor Loss)
{
    private const string Op = "contrastive loss";

    public static void CheckArguments(Tensor u, Tensor v, Tensor logitScale, Tensor labels)
    {
        Check.SameFloat(Op, u, v, logitScale);
        Check.HasRank(Op, "u", u, 2, "[B, D]");
        Check.HasShape(Op, "v", v, u.Shape);
        Check.That(u.Count > 0, $"{Op}: u is {u.Shape}; there must be at least one pair and one feature");
        Check.HasShape(Op, "logitScale", logitScale, []);
        Check.IsInteger(Op, "labels", labels);
        Check.HasShape(Op, "labels", labels, [u.Shape[0]]);
    }

    /// <summary>The whole batch on one device; rows are compared as they are. Not recorded.</summary>
    public static Contrastive Forward(Tensor u, Tensor v, Tensor logitScale, Tensor labels)
    {
        using var noGrad = GradMode.NoGrad();
        var classes = LabelClasses.Of(labels, u.Device);
        var pairs = new ContrastivePairs(u.Contiguous(), v.Contiguous(), CopyOp.Copy(logitScale), classes, 0);
        var s = pairs.Statistics();
        Tensor columnLse = Tensor.EmptyLike(s.ColumnMax), sums = Tensor.EmptyLike(u, [2]), loss = Tensor.EmptyLike(u, []);
        Kernel.Run(u, new ContrastiveFinish(pairs, s, columnLse, sums, loss));
        return new(pairs, s.RowLse, columnLse, sums, loss);
    }
}

/// <summary>Labels as classes, made once on the host: dense ids and class sizes per pair, and per class its pairs in order.
/// Pairs of class c are Members[Starts[c]] … Members[Starts[c + 1] − 1].</summary>
internal sealed record LabelClasses(Tensor Ids, Tensor Counts, int[] Members, int[] Starts)
{
    public static LabelClasses Of(Tensor labels, Device device)
    {
        var values = labels.To(DType.I64).ToArray<long>();
        var known = new Dictionary<long, int>();
        var ids = new int[values.Length];
        for (var i = 0; i < ids.Length; i++)
        {
            if (!known.TryGetValue(values[i], out ids[i])) { known.Add(values[i], ids[i] = known.Count); }
        }

        var starts = new int[known.Count + 1];
        foreach (var id in ids) { starts[id + 1]++; }
        var counts = ids.Select(id => starts[id + 1]).ToArray();
        for (var c = 0; c < known.Count; c++) { starts[c + 1] += starts[c]; }
        var (next, members) = ((int[])starts.Clone(), new int[ids.Length]);
        for (var i = 0; i < ids.Length; i++) { members[next[ids[i]]++] = i; }
        return new(Tensor.From(ids, [ids.Length], device), Tensor.From(counts, [ids.Length], device), members, starts);
    }
}
