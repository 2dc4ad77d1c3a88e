using System;
using System.Collections.Generic;
using System.IO;
using System.IO.Compression;
using System.Text;

namespace FlorenceKernels.Data;

/// <summary>One merge rule of byte-pair encoding: <paramref name="Left"/> followed by <paramref name="Right"/> becomes one
/// symbol.</summary>
/// <param name="Left">Left symbol, in the printable byte alphabet.</param>
/// <param name="Right">Right symbol; ends in <c>&lt;/w&gt;</c> where it ends a word.</param>
public readonly record struct BpeMerge(string Left, string Right);

/// <summary>How much of a merges file is read at most.</summary>
/// <param name="MaxFileBytes">Largest file, compressed or not.</param>
/// <param name="MaxTextBytes">Largest text after decompression.</param>
/// <param name="MaxLineChars">Longest line.</param>
/// <param name="MaxMerges">Merges used; what follows is ignored, as CLIP ignores all but 48,894 of its file's 262,144.</param>
public sealed record BpeMergesLimits(
    long MaxFileBytes = 16 << 20, long MaxTextBytes = 64 << 20, int MaxLineChars = 4096,
    int MaxMerges = BpeMerges.ClipMergeCount);

/// <summary>A merges file: a version header line, then one merge a line, most frequent first. Reads plain or gzip text.</summary>
public sealed class BpeMerges
{
    /// <summary>Merges that CLIP uses: 49,152 − 256 byte symbols − 2 special tokens.</summary>
    public const int ClipMergeCount = 49_152 - 256 - 2;

    /// <summary>Header line of files that <see cref="Save"/> writes when no other is given.</summary>
    public const string DefaultHeader = "#version: 1 byte-level bpe, </w> ends a word";

    private static readonly UTF8Encoding _strictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Makes a set of merges after checking that every symbol is a byte symbol or made by a merge.</summary>
    /// <exception cref="MergesFileException">A symbol is not in the alphabet or made by no merge.</exception>
    public BpeMerges(IReadOnlyList<BpeMerge> merges, string header = DefaultHeader)
    {
        ArgumentNullException.ThrowIfNull(merges);
        if (string.IsNullOrEmpty(header) || header.AsSpan().ContainsAny('\r', '\n'))
            throw new MergesFileException("the header must be one non-empty line");
        Merges = merges;
        Header = header;
        Symbols = NamedSymbols(merges);
    }

    /// <summary>First line of the file.</summary>
    public string Header { get; }

    /// <summary>Merges by rank.</summary>
    public IReadOnlyList<BpeMerge> Merges { get; }

    /// <summary>Symbol → id. Two merges that spell the same symbol share the later id, as in the reference's
    /// dictionary.</summary>
    internal Dictionary<string, int> Symbols { get; }

    /// <summary>Reads a merges file, gzip or plain (told apart by its first two bytes).</summary>
    /// <exception cref="MergesFileException">The file is too large, not UTF-8 text, not gzip inside, or not a list of
    /// merges.</exception>
    public static BpeMerges Load(string path, BpeMergesLimits? limits = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using var file = File.OpenRead(path);
        return Read(file, limits, path);
    }

    /// <summary>Reads merges from a seekable stream; see <see cref="Load"/>.</summary>
    /// <exception cref="MergesFileException">As for <see cref="Load"/>.</exception>
    public static BpeMerges Read(Stream stream, BpeMergesLimits? limits = null, string name = "merges")
    {
        ArgumentNullException.ThrowIfNull(stream);
        limits ??= new BpeMergesLimits();
        if (stream.Length > limits.MaxFileBytes)
            throw new MergesFileException($"{name}: has {stream.Length} bytes, more than the {limits.MaxFileBytes} allowed");
        var isGzip = stream.ReadByte() == 0x1f & stream.ReadByte() == 0x8b;
        stream.Position = 0;
        using var unzipped = isGzip ? new GZipStream(stream, CompressionMode.Decompress, leaveOpen: true) : null;
        try
        {
            using var reader = new StreamReader(unzipped ?? stream, _strictUtf8, false, 1 << 14, leaveOpen: true);
            return new LineReader(reader, limits, name).Read();
        }
        catch (Exception e) when (e is DecoderFallbackException or InvalidDataException)
        {
            throw new MergesFileException($"{name}: is not {(isGzip ? "valid gzip holding " : "")}UTF-8 text", e);
        }
    }

    /// <summary>Writes the merges as plain text: to a new file beside the target first, so a crash never leaves half a
    /// file.</summary>
    public void Save(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var full = Path.GetFullPath(path);
        var temporary = $"{full}.{Guid.NewGuid():N}.tmp";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write))
            {
                using (var writer = new StreamWriter(stream, _strictUtf8, leaveOpen: true) { NewLine = "\n" })
                {
                    writer.WriteLine(Header);
                    foreach (var (left, right) in Merges) writer.WriteLine($"{left} {right}");
                }
                stream.Flush(flushToDisk: true);
            }
            File.Move(temporary, full, overwrite: true);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    private static Dictionary<string, int> NamedSymbols(IReadOnlyList<BpeMerge> merges)
    {
        var symbols = new Dictionary<string, int>(2 * ByteAlphabet.Size + merges.Count, StringComparer.Ordinal);
        for (var id = 0; id < ByteAlphabet.Size; id++)
        {
            var symbol = ByteAlphabet.SymbolOfId(id).ToString();
            symbols[symbol] = id;
            symbols[symbol + ByteAlphabet.EndOfWord] = id + ByteAlphabet.Size;
        }
        for (var rank = 0; rank < merges.Count; rank++)
            symbols[merges[rank].Left + merges[rank].Right] = 2 * ByteAlphabet.Size + rank;
        for (var rank = 0; rank < merges.Count; rank++)
        {
            RequireKnown(symbols, merges[rank].Left, rank);
            RequireKnown(symbols, merges[rank].Right, rank);
        }
        return symbols;
    }

    private static void RequireKnown(Dictionary<string, int> symbols, string symbol, int rank)
    {
        foreach (var c in symbol)
            if (!ByteAlphabet.TryByteOf(c, out _))
                throw new MergesFileException($"merge {rank + 1}: character U+{(int)c:X4} stands for no byte");
        if (!symbols.ContainsKey(symbol))
            throw new MergesFileException($"merge {rank + 1}: symbol '{symbol}' is neither a byte nor made by a merge");
    }

    private readonly struct LineReader(StreamReader reader, BpeMergesLimits limits, string name)
    {
        internal BpeMerges Read()
        {
            long used = 0;
            var line = new StringBuilder();
            if (!Next(line, ref used) || line.Length == 0)
                throw new MergesFileException($"{name}: line 1 must be the version header");
            var header = line.ToString();
            var merges = new List<BpeMerge>();
            while (merges.Count < limits.MaxMerges && Next(line, ref used))
            {
                if (line.Length == 0) continue;
                var text = line.ToString();
                var space = text.IndexOf(' ', StringComparison.Ordinal);
                if (space <= 0 || space == text.Length - 1 || text.IndexOf(' ', space + 1) >= 0)
                    throw new MergesFileException(
                        $"{name}: merge {merges.Count + 1} must be two symbols with one space between them");
                merges.Add(new BpeMerge(text[..space], text[(space + 1)..]));
            }
            return new BpeMerges(merges, header);
        }

        // own line loop: StreamReader.ReadLine would build a line of any length before it could be refused
        private bool Next(StringBuilder line, ref long used)
        {
            line.Clear();
            int c;
            while ((c = reader.Read()) >= 0)
            {
                if (++used > limits.MaxTextBytes)
                    throw new MergesFileException($"{name}: holds more than {limits.MaxTextBytes} characters");
                if (c == '\n') return true;
                if (c == '\r') continue;
                if (line.Length >= limits.MaxLineChars)
                    throw new MergesFileException($"{name}: a line exceeds {limits.MaxLineChars} characters");
                line.Append((char)c);
            }
            return line.Length > 0;
        }
    }
}
