using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;

namespace FlorenceKernels.Data;

/// <summary>Character references of HTML 5, section 13.2.5.72 and on: named ones (also without the semicolon, longest known
/// prefix) and numeric ones with the Windows-1252 replacements.</summary>
internal static class HtmlText
{
    private const int LongestName = 32;
    private const string Windows1252 =
        "\u20ac\u0081\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\u008d\u017d\u008f" +
        "\u0090\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\u009d\u017e\u0178";

    private static readonly Lazy<Dictionary<string, string>> _names = new(Load);

    internal static string Unescape(string text)
    {
        var at = text.IndexOf('&', StringComparison.Ordinal);
        if (at < 0) return text;
        var result = new StringBuilder(text.Length);
        var from = 0;
        while (at >= 0)
        {
            result.Append(text, from, at - from);
            from = at + Reference(text, at, result);
            at = text.IndexOf('&', from);
        }
        return result.Append(text, from, text.Length - from).ToString();
    }

    // appends what stands for the reference at text[at] == '&' and returns how many characters it took
    private static int Reference(string text, int at, StringBuilder result)
    {
        if (at + 1 < text.Length && text[at + 1] == '#')
        {
            var used = Numeric(text, at, result);
            if (used > 0) return used;
        }
        else
        {
            var end = at + 1;
            for (var n = 0; n < LongestName && end < text.Length && !IsStop(text[end]); n++)
                end += char.IsHighSurrogate(text[end]) && end + 1 < text.Length && char.IsLowSurrogate(text[end + 1]) ? 2 : 1;
            if (end < text.Length && text[end] == ';') end++;
            for (var stop = end; stop > at + 2; stop--)
                if (_names.Value.TryGetValue(text[(at + 1)..stop], out var value))
                {
                    result.Append(value);
                    return stop - at;
                }
        }
        result.Append('&');
        return 1;
    }

    private static bool IsStop(char c) => c is '\t' or '\n' or '\f' or ' ' or '<' or '&' or '#' or ';';

    private static int Numeric(string text, int at, StringBuilder result)
    {
        var isHex = at + 2 < text.Length && text[at + 2] is 'x' or 'X';
        var start = at + (isHex ? 3 : 2);
        var end = start;
        long code = 0;
        while (end < text.Length && (isHex ? char.IsAsciiHexDigit(text[end]) : char.IsAsciiDigit(text[end])))
        {
            var digit = char.IsAsciiDigit(text[end]) ? text[end] - '0' : (text[end] | 0x20) - 'a' + 10;
            code = Math.Min(code * (isHex ? 16 : 10) + digit, 0x110000);
            end++;
        }
        if (end == start) return 0;
        if (end < text.Length && text[end] == ';') end++;
        AppendCode((int)code, result);
        return end - at;
    }

    private static void AppendCode(int code, StringBuilder result)
    {
        if (code is >= 0x80 and <= 0x9f) result.Append(Windows1252[code - 0x80]);
        else if (code == 0 || !Rune.IsValid(code)) result.Append('\uFFFD');
        else if (!IsNonCharacter(code)) result.Append(new Rune(code).ToString());
    }

    private static bool IsNonCharacter(int code) =>
        code is (< 0x20 and not (9 or 10 or 12 or 13)) or 0x7f or (>= 0xfdd0 and <= 0xfdef)
        || (code & 0xfffe) == 0xfffe;

    private static Dictionary<string, string> Load() => DataResource.Lines("html5-entities.txt").Select(line => line.Split(' '))
        .ToDictionary(f => f[0], f => string.Concat(f.Skip(1).Select(Character)), StringComparer.Ordinal);

    private static string Character(string hex) =>
        new Rune(int.Parse(hex, NumberStyles.HexNumber, CultureInfo.InvariantCulture)).ToString();
}
