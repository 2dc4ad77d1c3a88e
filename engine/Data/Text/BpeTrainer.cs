using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;

namespace FlorenceKernels.Data;

/// <summary>Learns a byte-level BPE vocabulary (Sennrich et al. 2016) with CLIP's cleaning and pieces: the most frequent pair of
/// neighbours becomes a symbol, again and again. The same corpus always gives the same merges: equal counts are settled by symbol
/// ids, never by hash order.</summary>
public sealed class BpeTrainer
{
    private readonly Dictionary<string, long> _pieceCounts = new(StringComparer.Ordinal);
    private readonly List<string> _symbols = [];
    private readonly Dictionary<string, int> _idOfSymbol = new(StringComparer.Ordinal);
    private readonly List<(int[] Symbols, long Count)> _words = [];
    private readonly Dictionary<(int Left, int Right), long> _pairCounts = [];
    private readonly Dictionary<(int Left, int Right), HashSet<int>> _wordsOfPair = [];
    private readonly PriorityQueue<(int Left, int Right), (long NegativeCount, int Left, int Right)> _queue = new();

    private BpeTrainer()
    {
    }

    /// <summary>Trains on a corpus.</summary>
    /// <param name="corpus">Texts, read once.</param>
    /// <param name="vocabularySize">Ids wanted, byte symbols and special tokens (514) included; fewer come back when pairs run
    /// out.</param>
    /// <param name="minFrequency">Pairs that occur less often are not merged.</param>
    public static BpeMerges Train(IEnumerable<string> corpus, int vocabularySize, int minFrequency = 2)
    {
        ArgumentNullException.ThrowIfNull(corpus);
        ArgumentOutOfRangeException.ThrowIfLessThan(vocabularySize, 2 * ByteAlphabet.Size + 2);
        ArgumentOutOfRangeException.ThrowIfLessThan(minFrequency, 1);
        var trainer = new BpeTrainer();
        foreach (var text in corpus) trainer.Count(text);
        trainer.Start();
        return new BpeMerges(trainer.Merge(vocabularySize - 2 * ByteAlphabet.Size - 2, minFrequency));
    }

    private void Count(string text)
    {
        foreach (var piece in ClipTokenizer.Pieces(text))
            if (piece is not (PieceScanner.StartOfText or PieceScanner.EndOfText))
                _pieceCounts[piece] = _pieceCounts.GetValueOrDefault(piece) + 1;
    }

    private void Start()
    {
        for (var id = 0; id < ByteAlphabet.Size; id++) AddSymbol(ByteAlphabet.SymbolOfId(id).ToString());
        for (var id = 0; id < ByteAlphabet.Size; id++) AddSymbol(ByteAlphabet.SymbolOfId(id) + ByteAlphabet.EndOfWord);
        foreach (var (piece, count) in _pieceCounts)
        {
            var symbols = Encoding.UTF8.GetBytes(piece).Select(ByteAlphabet.IdOf).ToArray();
            symbols[^1] += ByteAlphabet.Size;
            _words.Add((symbols, count));
            AddPairs(_words.Count - 1, +1, touched: null);
        }
        foreach (var (pair, count) in _pairCounts) _queue.Enqueue(pair, (-count, pair.Left, pair.Right));
    }

    private List<BpeMerge> Merge(int wanted, int minFrequency)
    {
        var merges = new List<BpeMerge>(wanted);
        while (merges.Count < wanted && _queue.TryDequeue(out var pair, out var priority))
        {
            var count = _pairCounts.GetValueOrDefault(pair);
            if (count < minFrequency) continue;
            if (count != -priority.NegativeCount)   // counted anew since it was queued
            {
                if (count < -priority.NegativeCount) _queue.Enqueue(pair, (-count, pair.Left, pair.Right));
                continue;
            }
            merges.Add(new BpeMerge(_symbols[pair.Left], _symbols[pair.Right]));
            Apply(pair, AddSymbol(_symbols[pair.Left] + _symbols[pair.Right]));
        }
        return merges;
    }

    private void Apply((int Left, int Right) pair, int id)
    {
        var touched = new HashSet<(int Left, int Right)>();
        _wordsOfPair.Remove(pair, out var words);
        foreach (var word in words!)
        {
            AddPairs(word, -1, touched: null);
            _words[word] = (Joined(_words[word].Symbols, pair, id), _words[word].Count);
            AddPairs(word, +1, touched);
        }
        // a pair whose count only fell is queued again when its stale entry comes up; one that may have grown is queued now
        foreach (var changed in touched) _queue.Enqueue(changed, (-_pairCounts[changed], changed.Left, changed.Right));
    }

    private static int[] Joined(int[] symbols, (int Left, int Right) pair, int id)
    {
        var joined = new List<int>(symbols.Length);
        for (var i = 0; i < symbols.Length; i++)
        {
            var isPair = i + 1 < symbols.Length && symbols[i] == pair.Left && symbols[i + 1] == pair.Right;
            joined.Add(isPair ? id : symbols[i]);
            if (isPair) i++;
        }
        return [.. joined];
    }

    private void AddPairs(int word, int sign, HashSet<(int Left, int Right)>? touched)
    {
        var (symbols, count) = _words[word];
        for (var i = 0; i + 1 < symbols.Length; i++)
        {
            var pair = (symbols[i], symbols[i + 1]);
            _pairCounts[pair] = _pairCounts.GetValueOrDefault(pair) + sign * count;
            if (sign < 0) continue;
            if (!_wordsOfPair.TryGetValue(pair, out var words)) _wordsOfPair[pair] = words = [];
            words.Add(word);
            touched?.Add(pair);
        }
    }

    private int AddSymbol(string symbol)
    {
        if (_idOfSymbol.TryGetValue(symbol, out var known)) return known;
        _idOfSymbol[symbol] = _symbols.Count;
        _symbols.Add(symbol);
        return _symbols.Count - 1;
    }
}
