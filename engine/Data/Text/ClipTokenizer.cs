using System;
using System.Buffers;
using System.Collections.Generic;
using System.Text;

namespace FlorenceKernels.Data;

/// <summary>A text of fixed length for a text tower.</summary>
/// <param name="Ids">Start, text, end, then padding. [contextLength]</param>
/// <param name="AttentionMask">True where <paramref name="Ids"/> is not padding. [contextLength]</param>
/// <param name="Length">Ids before the padding, start and end included.</param>
public sealed record EncodedText(int[] Ids, bool[] AttentionMask, int Length);

/// <summary>CLIP's lower-cased byte-level BPE (Radford et al. 2021; the released code's SimpleTokenizer with NFC in place of
/// ftfy, so curly quotes and ligatures keep their own ids). Safe to use from several threads. A text that spells a special
/// token gets that token's id, as in the reference.</summary>
public sealed class ClipTokenizer
{
    private readonly BpeMerger _merger;
    private readonly byte[][] _bytesOfId;

    /// <summary>Makes a tokenizer of these merges.</summary>
    public ClipTokenizer(BpeMerges merges)
    {
        ArgumentNullException.ThrowIfNull(merges);
        Merges = merges;
        _merger = new BpeMerger(merges);
        Sot = 2 * ByteAlphabet.Size + merges.Merges.Count;
        _bytesOfId = new byte[Sot][];
        for (var id = 0; id < 2 * ByteAlphabet.Size; id++)
        {
            var symbol = ByteAlphabet.SymbolOfId(id % ByteAlphabet.Size).ToString();
            _bytesOfId[id] = BytesOf(id < ByteAlphabet.Size ? symbol : symbol + ByteAlphabet.EndOfWord);
        }
        for (var rank = 0; rank < merges.Merges.Count; rank++)
            _bytesOfId[2 * ByteAlphabet.Size + rank] = BytesOf(merges.Merges[rank].Left + merges.Merges[rank].Right);
    }

    /// <summary>The merges this tokenizer was made of.</summary>
    public BpeMerges Merges { get; }

    /// <summary>Number of ids: 512 byte symbols, one per merge, start and end of text. 49,408 with CLIP's file.</summary>
    public int VocabularySize => Eot + 1;

    /// <summary>Id of the start-of-text token: the last but one (49406 with CLIP's file).</summary>
    public int Sot { get; }

    /// <summary>Id of the end-of-text token: the largest (49407 with CLIP's file), which text towers find by arg-max.</summary>
    public int Eot => Sot + 1;

    /// <summary>Reads a merges file, such as CLIP's <c>bpe_simple_vocab_16e6.txt.gz</c>, and makes its tokenizer.</summary>
    /// <exception cref="MergesFileException">The file is not a usable merges file.</exception>
    public static ClipTokenizer Load(string path, BpeMergesLimits? limits = null) => new(BpeMerges.Load(path, limits));

    /// <summary>Ids of a text, without start and end tokens. Time and memory grow linearly with the text.</summary>
    public int[] Encode(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var ids = new List<int>(text.Length / 3 + 4);
        var scanner = new PieceScanner(TextCleaning.ForClip(text));
        while (scanner.MoveNext()) AppendPiece(scanner.Piece, ids);
        return [.. ids];
    }

    /// <summary>Start + ids + end, padded to <paramref name="contextLength"/>; too long a text is cut and its last id is the
    /// end token.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The length is below 2, or the pad id is not in the vocabulary.</exception>
    public EncodedText EncodePadded(string text, int contextLength = 77, int padId = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(contextLength, 2);
        var ids = new int[contextLength];
        var mask = new bool[contextLength];
        return new EncodedText(ids, mask, EncodePadded(text, ids, mask, padId));
    }

    /// <summary>As <see cref="EncodePadded(string, int, int)"/>, into the caller's row; returns the length before the
    /// padding.</summary>
    /// <param name="text">Text.</param>
    /// <param name="ids">Row to fill; its length is the context length.</param>
    /// <param name="attentionMask">Row of the same length, or empty when no mask is wanted.</param>
    /// <param name="padId">Id after the end token. CLIP and UniCL pad with 0, later Hugging Face tokenizers with the end
    /// token.</param>
    public int EncodePadded(string text, Span<int> ids, Span<bool> attentionMask, int padId = 0)
    {
        if (ids.Length < 2) throw new ArgumentException("A row needs room for the start and the end token.", nameof(ids));
        if (attentionMask.Length != 0 && attentionMask.Length != ids.Length)
            throw new ArgumentException($"The mask has {attentionMask.Length} entries but the row has {ids.Length}.",
                nameof(attentionMask));
        if ((uint)padId >= (uint)VocabularySize)
            throw new ArgumentOutOfRangeException(nameof(padId), padId, $"The pad id must lie in 0..{VocabularySize - 1}.");
        var encoded = Encode(text);
        var kept = Math.Min(encoded.Length, ids.Length - 2);
        ids[0] = Sot;
        encoded.AsSpan(0, kept).CopyTo(ids[1..]);
        ids[kept + 1] = Eot;
        ids[(kept + 2)..].Fill(padId);
        if (attentionMask.Length == 0) return kept + 2;
        attentionMask[..(kept + 2)].Fill(true);
        attentionMask[(kept + 2)..].Clear();
        return kept + 2;
    }

    /// <summary>Text of ids: every piece is followed by a space; bytes that are not UTF-8 become U+FFFD.</summary>
    /// <exception cref="ArgumentException">An id is not in the vocabulary.</exception>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = true)
    {
        var bytes = new ArrayBufferWriter<byte>(4 * ids.Length + 1);
        foreach (var id in ids)
        {
            if ((uint)id > (uint)Eot)
                throw new ArgumentException($"Id {id} is not in the vocabulary of {VocabularySize}.", nameof(ids));
            if (id < Sot) bytes.Write(_bytesOfId[id]);
            else if (!skipSpecialTokens)
                Encoding.UTF8.GetBytes(id == Sot ? PieceScanner.StartOfText : PieceScanner.EndOfText, bytes);
        }
        return Encoding.UTF8.GetString(bytes.WrittenSpan).Replace(ByteAlphabet.EndOfWord, " ", StringComparison.Ordinal);
    }

    /// <summary>The pieces BPE works on, after cleaning: what the merges file cannot change.</summary>
    internal static List<string> Pieces(string text)
    {
        var pieces = new List<string>();
        var scanner = new PieceScanner(TextCleaning.ForClip(text));
        while (scanner.MoveNext()) pieces.Add(scanner.Piece.ToString());
        return pieces;
    }

    private void AppendPiece(ReadOnlySpan<char> piece, List<int> ids)
    {
        if (piece is PieceScanner.StartOfText) ids.Add(Sot);
        else if (piece is PieceScanner.EndOfText) ids.Add(Eot);
        else AppendMerged(piece, ids);
    }

    private void AppendMerged(ReadOnlySpan<char> piece, List<int> ids)
    {
        const int OnStack = 256;
        var length = Encoding.UTF8.GetByteCount(piece);
        var rented = length > OnStack ? ArrayPool<byte>.Shared.Rent(length) : null;
        var rentedIds = length > OnStack ? ArrayPool<int>.Shared.Rent(length) : null;
        var bytes = rented ?? stackalloc byte[OnStack];
        var symbols = (rentedIds ?? stackalloc int[OnStack])[..length];
        Encoding.UTF8.GetBytes(piece, bytes);
        for (var i = 0; i < length; i++) symbols[i] = ByteAlphabet.IdOf(bytes[i]);
        symbols[^1] += ByteAlphabet.Size;   // the last symbol carries </w>
        foreach (var id in symbols[.._merger.Merge(symbols)]) ids.Add(id);
        if (rented is not null) ArrayPool<byte>.Shared.Return(rented);
        if (rentedIds is not null) ArrayPool<int>.Shared.Return(rentedIds);
    }

    private static byte[] BytesOf(string symbol)
    {
        var bytes = new byte[symbol.Length];
        for (var i = 0; i < symbol.Length; i++) ByteAlphabet.TryByteOf(symbol[i], out bytes[i]);
        return bytes;
    }
}
