using System;
using System.Globalization;
using System.Text;

namespace FlorenceKernels.Data;

/// <summary>Cuts cleaned text into the pieces that BPE works on, in one pass over the runes. First alternative wins: a special
/// token, an English contraction ('s 't 're 've 'm 'll 'd), a run of letters, one number character, a run of anything else
/// but white space. Hand-written: \p{L} of a .NET Regex sees UTF-16 units and would split letters outside the BMP.</summary>
internal ref struct PieceScanner(ReadOnlySpan<char> text)
{
    internal const string StartOfText = "<|startoftext|>";
    internal const string EndOfText = "<|endoftext|>";
    private const char LongS = '\u017f';   // matches 's' when case is ignored
    private const int Ypogegrammeni = 0x345;   // a mark that folds to a letter: the case-blind reference pattern skips it

    private enum Kind { Space, Letter, Number, Other }

    private readonly ReadOnlySpan<char> _text = text;
    private int _at;

    internal ReadOnlySpan<char> Piece { get; private set; }

    internal bool MoveNext()
    {
        while (_at < _text.Length)
        {
            var rest = _text[_at..];
            var kind = KindOf(rest, out var used);
            if (kind == Kind.Space)
            {
                _at += used;
                continue;
            }
            var length = Fixed(rest);
            if (length == 0) length = kind == Kind.Number ? used : Run(rest, kind, used);
            Piece = rest[..length];
            _at += length;
            return true;
        }
        return false;
    }

    private static int Run(ReadOnlySpan<char> rest, Kind kind, int used)
    {
        while (used < rest.Length && KindOf(rest[used..], out var more) == kind) used += more;
        return used;
    }

    private static int Fixed(ReadOnlySpan<char> rest)
    {
        if (rest[0] == '<')
            return StartsWith(rest, StartOfText) ? StartOfText.Length : StartsWith(rest, EndOfText) ? EndOfText.Length : 0;
        if (rest[0] != '\'' || rest.Length < 2) return 0;
        if (rest[1] is 's' or 't' or 'm' or 'd' or LongS) return 2;
        return StartsWith(rest, "'re") || StartsWith(rest, "'ve") || StartsWith(rest, "'ll") ? 3 : 0;
    }

    private static bool StartsWith(ReadOnlySpan<char> rest, string word)
    {
        if (rest.Length < word.Length) return false;
        for (var i = 0; i < word.Length; i++)
            if (rest[i] != word[i] && !(word[i] == 's' && rest[i] == LongS)) return false;
        return true;
    }

    private static Kind KindOf(ReadOnlySpan<char> rest, out int used)
    {
        var c = rest[0];
        used = 1;
        if (c < 128)
            return char.IsAsciiLetter(c) ? Kind.Letter : char.IsAsciiDigit(c) ? Kind.Number
                : char.IsWhiteSpace(c) ? Kind.Space : Kind.Other;
        Rune.DecodeFromUtf16(rest, out var rune, out used);   // a lone surrogate decodes as U+FFFD: Other
        if (Rune.IsWhiteSpace(rune) || rune.Value == Ypogegrammeni) return Kind.Space;
        return Rune.GetUnicodeCategory(rune) switch
        {
            <= UnicodeCategory.OtherLetter => Kind.Letter,
            UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => Kind.Number,
            _ => Kind.Other,
        };
    }
}
