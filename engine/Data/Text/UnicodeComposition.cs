using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;

namespace FlorenceKernels.Data;

/// <summary>Normalisation form C (Unicode Standard Annex 15). The runtime's own normaliser does nothing under
/// InvariantGlobalization, and a decomposed accent would get other token ids than the composed one.</summary>
internal static class UnicodeComposition
{
    private const int SBase = 0xAC00, LBase = 0x1100, VBase = 0x1161, TBase = 0x11A7, LCount = 19, VCount = 21, TCount = 28;
    private const int FirstCombining = 0x300;

    private static readonly Lazy<Tables> _tables = new(Load);

    private sealed record Tables(
        Dictionary<int, (int, int)> Parts, Dictionary<(int, int), int> Composites, Dictionary<int, byte> Classes);

    internal static string Normalize(string text)
    {
        foreach (var c in text)
            if (c >= FirstCombining) return Compose(Decompose(text));
        return text;   // below U+0300 every character is its own NFC
    }

    private static List<(int Rune, byte Class)> Decompose(string text)
    {
        var tables = _tables.Value;
        var runes = new List<(int Rune, byte Class)>(text.Length);
        foreach (var rune in text.EnumerateRunes()) Decompose(tables, rune.Value, runes);
        OrderMarks(runes);
        return runes;
    }

    private static void Decompose(Tables tables, int rune, List<(int Rune, byte Class)> into)
    {
        var s = rune - SBase;
        if (s >= 0 && s < LCount * VCount * TCount)   // Hangul syllables decompose by arithmetic
        {
            into.Add((LBase + s / (VCount * TCount), 0));
            into.Add((VBase + s % (VCount * TCount) / TCount, 0));
            if (s % TCount != 0) into.Add((TBase + s % TCount, 0));
        }
        else if (tables.Parts.TryGetValue(rune, out var parts))
        {
            Decompose(tables, parts.Item1, into);
            if (parts.Item2 != 0) Decompose(tables, parts.Item2, into);
        }
        else into.Add((rune, tables.Classes.GetValueOrDefault(rune)));
    }

    // stable sort of every run of combining marks by class; List.Sort is not stable, hence the index in the key
    private static void OrderMarks(List<(int Rune, byte Class)> runes)
    {
        for (var start = 0; start < runes.Count; start++)
        {
            if (runes[start].Class == 0) continue;
            var end = start;
            while (end < runes.Count && runes[end].Class != 0) end++;
            var run = new (int Class, int Index, int Rune)[end - start];
            for (var i = start; i < end; i++) run[i - start] = (runes[i].Class, i, runes[i].Rune);
            Array.Sort(run);
            for (var i = start; i < end; i++) runes[i] = (run[i - start].Rune, (byte)run[i - start].Class);
            start = end;
        }
    }

    private static string Compose(List<(int Rune, byte Class)> runes)
    {
        var tables = _tables.Value;
        var result = new List<int>(runes.Count);
        int starter = -1, lastClass = -1;   // lastClass: class of the last mark kept after the starter, -1 when none
        foreach (var (rune, mark) in runes)
        {
            var isBlocked = lastClass >= mark;
            if (starter >= 0 && !isBlocked && TryCompose(tables, result[starter], rune, out var composite))
            {
                result[starter] = composite;
                continue;
            }
            if (mark == 0) { starter = result.Count; lastClass = -1; }
            else lastClass = mark;
            result.Add(rune);
        }
        var text = new StringBuilder(result.Count);
        foreach (var rune in result) text.Append(new Rune(rune).ToString());
        return text.ToString();
    }

    private static bool TryCompose(Tables tables, int first, int second, out int composite)
    {
        int l = first - LBase, v = second - VBase, s = first - SBase, t = second - TBase;
        if (l >= 0 && l < LCount && v >= 0 && v < VCount)
        {
            composite = SBase + (l * VCount + v) * TCount;
            return true;
        }
        if (s >= 0 && s < LCount * VCount * TCount && s % TCount == 0 && t > 0 && t < TCount)
        {
            composite = first + t;
            return true;
        }
        return tables.Composites.TryGetValue((first, second), out composite);
    }

    private static Tables Load()
    {
        var tables = new Tables([], [], []);
        foreach (var line in DataResource.Lines("unicode-nfc.txt"))
        {
            var f = line.Split(' ');
            int first = Hex(f[1]), second = Hex(f[2]);
            if (f[0] == "K")
            {
                for (var c = first; c <= second; c++) tables.Classes[c] = byte.Parse(f[3], CultureInfo.InvariantCulture);
                continue;
            }
            var third = f.Length > 3 ? Hex(f[3]) : 0;
            tables.Parts[first] = (second, third);
            if (f[0] == "D") tables.Composites[(second, third)] = first;
        }
        return tables;
    }

    private static int Hex(string digits) => int.Parse(digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
