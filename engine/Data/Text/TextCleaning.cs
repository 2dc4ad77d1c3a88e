using System;
using System.Globalization;
using System.Text;

namespace FlorenceKernels.Data;

/// <summary>What CLIP does to a text before it is cut into pieces: NFC (in place of ftfy, which is not ported), HTML unescaped
/// twice, white space collapsed, lower case.</summary>
internal static class TextCleaning
{
    private const int FinalSigma = 0x3C2, CapitalSigma = 0x3A3, CapitalIWithDot = 0x130;

    internal static string ForClip(string text) =>
        Lower(CollapseSpaces(HtmlText.Unescape(HtmlText.Unescape(UnicodeComposition.Normalize(ValidUtf16(text))))));

    /// <summary>Lone surrogates become U+FFFD, as they would in UTF-8.</summary>
    private static string ValidUtf16(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i])) continue;
            if (char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1])) { i++; continue; }
            return Repaired(text);
        }
        return text;
    }

    private static string Repaired(string text)
    {
        var result = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes()) result.Append(rune.ToString());
        return result.ToString();
    }

    /// <summary>Trims, then makes every run of white space one space. U+001C..U+001F count as space at the ends only, which is
    /// what the reference's two different space rules amount to.</summary>
    internal static string CollapseSpaces(string text)
    {
        int start = 0, end = text.Length;
        while (start < end && IsTrimmed(text[start])) start++;
        while (end > start && IsTrimmed(text[end - 1])) end--;
        var result = new StringBuilder(end - start);
        var wasSpace = false;
        for (var i = start; i < end; i++)
        {
            var isSpace = char.IsWhiteSpace(text[i]);
            if (!isSpace) result.Append(text[i]);
            else if (!wasSpace) result.Append(' ');
            wasSpace = isSpace;
        }
        return result.ToString();
    }

    private static bool IsTrimmed(char c) => char.IsWhiteSpace(c) || c is >= '\u001c' and <= '\u001f';

    /// <summary>Full Unicode lower case, without language rules: the runtime's simple mapping plus its two conditional
    /// cases.</summary>
    internal static string Lower(string text)
    {
        if (!text.Contains((char)CapitalSigma, StringComparison.Ordinal)
            && !text.Contains((char)CapitalIWithDot, StringComparison.Ordinal))
            return text.ToLowerInvariant();
        var result = new StringBuilder(text.Length + 1);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == CapitalIWithDot) result.Append("i\u0307");
            else if (text[i] == CapitalSigma && IsCased(text, i, -1) && !IsCased(text, i, +1)) result.Append((char)FinalSigma);
            else result.Append(text[i]);
        }
        return result.ToString().ToLowerInvariant();
    }

    // Unicode Standard, table 3-17: the next character that is not case-ignorable, in this direction, has case
    private static bool IsCased(string text, int from, int step)
    {
        for (var i = from + step; i >= 0 && i < text.Length; i += step)
        {
            var at = char.IsLowSurrogate(text[i]) && i > 0 && char.IsHighSurrogate(text[i - 1]) ? i - 1 : i;
            var category = CharUnicodeInfo.GetUnicodeCategory(text, at);
            if (IsCaseIgnorable(text[at], category))
            {
                if (step < 0) i = at;
                else if (char.IsHighSurrogate(text[at])) i++;
                continue;
            }
            return category <= UnicodeCategory.TitlecaseLetter   // upper, lower and title case come first
                || char.ConvertToUtf32(text, at) is 'ª' or 'º' or (>= 0x2160 and <= 0x217f) or (>= 0x24b6 and <= 0x24e9)
                    or (>= 0x1f130 and <= 0x1f149) or (>= 0x1f150 and <= 0x1f169) or (>= 0x1f170 and <= 0x1f189);
        }
        return false;
    }

    private static bool IsCaseIgnorable(char c, UnicodeCategory category) =>
        category is UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark or UnicodeCategory.Format
            or UnicodeCategory.ModifierLetter or UnicodeCategory.ModifierSymbol
        || c is '\'' or '.' or ':' or '\u00b7' or '\u0387' or '\u055f' or '\u05f4' or '\u2018' or '\u2019' or '\u2024' or '\u2027'
            or '\ufe13' or '\ufe52' or '\ufe55' or '\uff07' or '\uff0e' or '\uff1a';
}
