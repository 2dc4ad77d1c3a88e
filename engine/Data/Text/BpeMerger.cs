using System;
using System.Buffers;
using System.Collections.Generic;
using System.Runtime.InteropServices;

namespace FlorenceKernels.Data;

/// <summary>The merge loop of BPE on symbol ids: again and again the pair of lowest rank, all its occurrences from left to right.
/// Short pieces are scanned; long ones keep the positions of each rank in a bucket, so 1 MiB of one letter stays
/// linear.</summary>
internal sealed class BpeMerger
{
    private const int Never = int.MaxValue;
    private const int LongestScan = 64;

    private readonly Dictionary<long, (int Rank, int Id)> _pairs;

    internal BpeMerger(BpeMerges merges)
    {
        _pairs = new Dictionary<long, (int Rank, int Id)>(merges.Merges.Count);
        for (var rank = 0; rank < merges.Merges.Count; rank++)
        {
            var (left, right) = merges.Merges[rank];
            _pairs[Key(merges.Symbols[left], merges.Symbols[right])] = (rank, merges.Symbols[left + right]);
        }
    }

    /// <summary>Merges in place and returns how many symbols are left at the front of <paramref name="symbols"/>.</summary>
    internal int Merge(Span<int> symbols) => symbols.Length <= LongestScan ? MergeByScan(symbols) : MergeByBuckets(symbols);

    internal int MergeByScan(Span<int> symbols)
    {
        var count = symbols.Length;
        if (count < 2) return count;
        var ranks = count <= LongestScan ? stackalloc int[LongestScan] : new int[count];   // ranks[i] of the pair (i, i + 1)
        for (var i = 0; i + 1 < count; i++) ranks[i] = Find(symbols[i], symbols[i + 1]).Rank;
        while (count > 1)
        {
            var best = Never;
            foreach (var rank in ranks[..(count - 1)]) best = Math.Min(best, rank);
            if (best == Never) break;
            count = MergeAll(symbols[..count], ranks, best);
        }
        return count;
    }

    private int MergeAll(Span<int> symbols, Span<int> ranks, int best)
    {
        var write = 0;
        var wasMerged = false;
        for (var read = 0; read < symbols.Length; write++)
        {
            var isMerge = read + 1 < symbols.Length && ranks[read] == best;
            var (symbol, rank) = isMerge ? (Find(symbols[read], symbols[read + 1]).Id, Never) : (symbols[read], ranks[read]);
            read += isMerge ? 2 : 1;
            symbols[write] = symbol;
            if (write > 0 && (wasMerged || isMerge)) ranks[write - 1] = Find(symbols[write - 1], symbol).Rank;
            ranks[write] = rank;   // of (this, next) as it stood; replaced above when either of the two is new
            wasMerged = isMerge;
        }
        return write;
    }

    internal int MergeByBuckets(Span<int> symbols)
    {
        var n = symbols.Length;
        var links = ArrayPool<int>.Shared.Rent(2 * n);
        try
        {
            var chain = new Chain(symbols, links.AsSpan(0, n), links.AsSpan(n, n));
            MergeChain(chain);
            var count = 0;
            for (var at = 0; at < n; at = chain.Next[at]) symbols[count++] = symbols[at];
            return count;
        }
        finally
        {
            ArrayPool<int>.Shared.Return(links);
        }
    }

    private void MergeChain(Chain chain)
    {
        var buckets = new RankBuckets();
        for (var i = 0; i + 1 < chain.Symbols.Length; i++) Add(buckets, chain, i);
        var merged = new List<int>();
        while (buckets.TryTake(out var rank, out var positions))
        {
            merged.Clear();
            foreach (var at in positions)
            {
                if (!chain.HasNext(at)) continue;
                var pair = buckets.Find(_pairs, chain.Symbols[at], chain.Symbols[chain.Next[at]]);
                if (pair.Rank != rank) continue;
                chain.Join(at, pair.Id);
                merged.Add(at);
            }
            // new pairs only now: the reference finishes a pass over one pair before it looks at what the pass made
            var added = -1;
            foreach (var at in merged)
            {
                var previous = chain.Previous[at];
                if (previous >= 0 && previous != added) Add(buckets, chain, previous);
                Add(buckets, chain, at);
                added = at;
            }
        }
    }

    private void Add(RankBuckets buckets, Chain chain, int at)
    {
        if (!chain.HasNext(at)) return;
        var rank = buckets.Find(_pairs, chain.Symbols[at], chain.Symbols[chain.Next[at]]).Rank;
        if (rank != Never) buckets.Add(rank, at);
    }

    private (int Rank, int Id) Find(int left, int right) =>
        _pairs.TryGetValue(Key(left, right), out var pair) ? pair : (Never, -1);

    private static long Key(int left, int right) => (long)left << 32 | (uint)right;

    /// <summary>The piece as a doubly linked list of positions; a position that was joined into its left neighbour is gone
    /// (-1).</summary>
    private readonly ref struct Chain
    {
        private const int Gone = -1;
        internal readonly Span<int> Symbols;
        internal readonly Span<int> Next;
        internal readonly Span<int> Previous;

        internal Chain(Span<int> symbols, Span<int> next, Span<int> previous)
        {
            Symbols = symbols;
            Next = next;
            Previous = previous;
            for (var i = 0; i < symbols.Length; i++) (next[i], previous[i]) = (i + 1, i - 1);
        }

        internal bool HasNext(int at) => Symbols[at] != Gone && Next[at] < Symbols.Length;

        internal void Join(int at, int id)
        {
            var right = Next[at];
            Symbols[at] = id;
            Symbols[right] = Gone;
            Next[at] = Next[right];
            if (Next[at] < Symbols.Length) Previous[Next[at]] = at;
        }
    }

    /// <summary>Positions whose pair had a rank when they were put in, lowest rank first, each bucket from left to
    /// right.</summary>
    private sealed class RankBuckets
    {
        private readonly Dictionary<int, List<int>> _positions = [];
        private readonly PriorityQueue<int, int> _ranks = new();
        private int _lastRank = Never;
        private List<int> _lastBucket = [];
        private long _lastKey = -1;
        private (int Rank, int Id) _lastPair;

        // long pieces repeat themselves: the last look-up and the last bucket usually serve again
        internal (int Rank, int Id) Find(Dictionary<long, (int Rank, int Id)> pairs, int left, int right)
        {
            if (Key(left, right) == _lastKey) return _lastPair;
            _lastKey = Key(left, right);
            return _lastPair = pairs.TryGetValue(_lastKey, out var pair) ? pair : (Never, -1);
        }

        internal void Add(int rank, int at)
        {
            if (rank != _lastRank)
            {
                _lastRank = rank;
                if (!_positions.TryGetValue(rank, out _lastBucket!))
                {
                    _positions[rank] = _lastBucket = [];
                    _ranks.Enqueue(rank, rank);
                }
            }
            _lastBucket.Add(at);
        }

        internal bool TryTake(out int rank, out List<int> positions)
        {
            positions = [];
            if (!_ranks.TryDequeue(out rank, out _)) return false;
            _positions.Remove(rank, out positions!);
            if (_lastRank == rank) _lastRank = Never;
            // a pair can reach its bucket from several earlier merges
            var entries = CollectionsMarshal.AsSpan(positions);
            for (var i = 1; i < entries.Length; i++)
                if (entries[i] < entries[i - 1])
                {
                    entries.Sort();
                    break;
                }
            return true;
        }
    }
}
