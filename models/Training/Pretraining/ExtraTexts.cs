using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Data;

namespace FlorenceKernels.Training;

/// <summary>Texts without pictures that a step shows beside its pairs: every picture chooses among them too. A text costs a hundredth of a
/// picture, so a small batch has the choice of a large one. They are drawn, others each step, from the names that several pairs share;
/// longer ones stay out, because the tower computes as many positions as its longest text has.</summary>
internal sealed class ExtraTexts
{
    private const ulong Stream = 104;
    private readonly List<(long[] Ids, long Label)> _names = [];
    private readonly int _context, _count;

    /// <summary>Up to <paramref name="count"/> names a step from the pairs <paramref name="indices"/>.</summary>
    public ExtraTexts(PairDataset dataset, IEnumerable<int> indices, ClipTokenizer tokenizer, int context, int count)
    {
        (_context, _count) = (context, count);
        if (count == 0) { return; }
        var ids = new int[context];
        foreach (var pairs in indices.Select(i => dataset.Samples[i]).GroupBy(s => s.Label).Where(g => g.Count() > 1).OrderBy(g => g.Key))
        {
            if (tokenizer.EncodePadded(pairs.First().Text, ids, []) > context / 2) { continue; }
            _names.Add(([.. ids], pairs.Key));
        }
    }

    /// <summary>The distinct names of one step: ids, row by row, and labels.</summary>
    public (long[] Ids, long[] Labels) Draw(SampleSeed seed)
    {
        var count = System.Math.Min(_count, _names.Count);
        var (ids, labels) = (new long[count * _context], new long[count]);
        var random = new SampleRandom(seed.Value(Stream), 0, 0);
        var order = Enumerable.Range(0, _names.Count).ToArray();
        for (var i = 0; i < count; i++)
        {
            var j = i + random.NextInt32(order.Length - i);
            (order[i], order[j]) = (order[j], order[i]);
            _names[order[i]].Ids.CopyTo(ids, i * _context);
            labels[i] = _names[order[i]].Label;
        }

        return (ids, labels);
    }
}
