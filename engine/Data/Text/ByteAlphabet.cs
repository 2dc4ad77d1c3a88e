using System;

namespace FlorenceKernels.Data;

/// <summary>The byte-to-symbol table of byte-level BPE (GPT-2, kept by CLIP): every byte has a printable character, so that a
/// merges file is plain text. Bytes that already print come first; the rest follow at code points 256 and up.</summary>
internal static class ByteAlphabet
{
    internal const int Size = 256;
    internal const string EndOfWord = "</w>";
    private const int SymbolLimit = 0x200;

    private static readonly byte[] _byteOfId = OrderedBytes();
    private static readonly int[] _idOfByte = Invert(_byteOfId);
    private static readonly char[] _symbolOfByte = Symbols(_byteOfId);
    private static readonly short[] _byteOfSymbol = BytesOfSymbols(_symbolOfByte);

    /// <summary>Vocabulary id of a byte that is not the last of its word; the last one has this id + 256.</summary>
    internal static int IdOf(byte value) => _idOfByte[value];

    internal static char SymbolOfId(int id) => _symbolOfByte[_byteOfId[id]];

    internal static bool TryByteOf(char symbol, out byte value)
    {
        var found = symbol < SymbolLimit ? _byteOfSymbol[symbol] : (short)-1;
        value = unchecked((byte)found);
        return found >= 0;
    }

    private static bool Prints(int b) => b is (>= 33 and <= 126) or (>= 161 and <= 172) or (>= 174 and <= 255);

    private static byte[] OrderedBytes()
    {
        var ordered = new byte[Size];
        var n = 0;
        for (var b = 0; b < Size; b++)
            if (Prints(b)) ordered[n++] = (byte)b;
        for (var b = 0; b < Size; b++)
            if (!Prints(b)) ordered[n++] = (byte)b;
        return ordered;
    }

    private static int[] Invert(byte[] byteOfId)
    {
        var ids = new int[Size];
        for (var id = 0; id < Size; id++) ids[byteOfId[id]] = id;
        return ids;
    }

    private static char[] Symbols(byte[] byteOfId)
    {
        var symbols = new char[Size];
        var next = Size;
        foreach (var b in byteOfId) symbols[b] = Prints(b) ? (char)b : (char)next++;
        return symbols;
    }

    private static short[] BytesOfSymbols(char[] symbols)
    {
        var bytes = new short[SymbolLimit];
        Array.Fill(bytes, (short)-1);
        for (var b = 0; b < Size; b++) bytes[symbols[b]] = (short)b;
        return bytes;
    }
}
