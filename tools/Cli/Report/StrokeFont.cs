using System;
using System.Collections.Generic;
using System.Linq;
using SkiaSharp;

namespace FlorenceKernels.Cli;

/// <summary>A small drawn alphabet, so that pictures have labels on machines without any font. A glyph is a set of polylines in
/// a grid of 6 units from cap height (0) to base line (6) and 8 to the descenders; a pair of digits is a point. Corners are
/// rounded when drawn.</summary>
internal static class StrokeFont
{
    private const float CapUnits = 6, Gap = 1.7f, Space = 2.6f, Roundness = 1.3f;

    private static readonly Dictionary<char, Glyph> Glyphs = Table().ToDictionary(g => g.Key, g => new Glyph(g.Value));
    private static readonly Glyph Unknown = new("0030360600");

    /// <summary>Width of a text whose capitals are <paramref name="size"/> high.</summary>
    public static float Width(string text, float size) => Math.Max(0, text.Sum(c => Advance(c)) - Gap) * size / CapUnits;

    /// <summary>Draws a text with its base line at <paramref name="y"/>; <paramref name="align"/> 0 is left, 0.5 centre, 1
    /// right.</summary>
    public static void Draw(SKCanvas canvas, string text, float x, float y, float size, SKColor colour, float align = 0,
        bool isBold = false)
    {
        var unit = size / CapUnits;
        using var effect = SKPathEffect.CreateCorner(Roundness * unit);
        using var line = new SKPaint
        {
            Color = colour,
            IsAntialias = true,
            Style = SKPaintStyle.Stroke,
            StrokeWidth = size * (isBold ? 0.19f : 0.125f),
            StrokeCap = SKStrokeCap.Round,
            StrokeJoin = SKStrokeJoin.Round,
            PathEffect = effect,
        };
        using var dot = new SKPaint { Color = colour, IsAntialias = true };
        x -= align * Width(text, size);
        foreach (var c in text)
        {
            if (c != ' ') { Find(c).Draw(canvas, x, y - size, unit, line, dot); }
            x += Advance(c) * unit;
        }
    }

    /// <summary>The text cut to a width, with an ellipsis when it was cut.</summary>
    public static string Fit(string text, float size, float width)
    {
        if (Width(text, size) <= width) { return text; }
        var length = text.Length;
        while (length > 1 && Width(text[..length].TrimEnd() + "…", size) > width) { length--; }
        return text[..length].TrimEnd() + "…";
    }

    private static float Advance(char c) => c == ' ' ? Space : Find(c).Width + Gap;

    private static Glyph Find(char c) => Glyphs.TryGetValue(c, out var glyph) ? glyph : Glyphs.TryGetValue(Plain(c), out glyph)
        ? glyph : Unknown;

    // Letters with marks and typographic signs fall back to the plain ones.
    private static char Plain(char c)
    {
        const string Marked = "áàâäãåéèêëíìîïóòôöõøúùûüçñýÁÀÂÄÃÅÉÈÊËÍÌÎÏÓÒÔÖÕØÚÙÛÜÇÑ’‘“”–—×";
        const string Bare = "aaaaaaeeeeiiiioooooouuuucnyAAAAAAEEEEIIIIOOOOOOUUUUCN''\"\"--x";
        var at = Marked.IndexOf(c, StringComparison.Ordinal);
        return at < 0 ? c : Bare[at];
    }

    private static Dictionary<char, string> Table() => new()
    {
        ['A'] = "0602204246 0444",
        ['B'] = "0006 003041423303 3344453606",
        ['C'] = "4130100105163645",
        ['D'] = "0006 003041453606",
        ['E'] = "40000646 0333",
        ['F'] = "400006 0333",
        ['G'] = "4130100105163645432343",
        ['H'] = "0006 4046 0343",
        ['I'] = "0006",
        ['J'] = "3035261605",
        ['K'] = "0006 4004 1346",
        ['L'] = "000646",
        ['M'] = "0600234046",
        ['N'] = "06004640",
        ['O'] = "20304145361605011020",
        ['P'] = "0006 003041423303",
        ['Q'] = "20304145361605011020 2446",
        ['R'] = "0006 003041423303 2346",
        ['S'] = "413010010213334445361605",
        ['T'] = "0040 2026",
        ['U'] = "000516364540",
        ['V'] = "002640",
        ['W'] = "0016325660",
        ['X'] = "0046 4006",
        ['Y'] = "002340 2326",
        ['Z'] = "00400646",
        ['a'] = "3236 3322120305162635",
        ['b'] = "0006 0312223335261605",
        ['c'] = "3322120305162635",
        ['d'] = "3036 3322120305162635",
        ['e'] = "04343322120305162635",
        ['f'] = "201116 0222",
        ['g'] = "3237281807 3322120305162635",
        ['h'] = "0006 0312223336",
        ['i'] = "0206 0000",
        ['j'] = "121708 1010",
        ['k'] = "0006 3205 1436",
        ['l'] = "000516",
        ['m'] = "0206 0312223336 3342526366",
        ['n'] = "0206 0312223336",
        ['o'] = "04031222333526160504",
        ['p'] = "0208 0312223335261605",
        ['q'] = "3238 3322120305162635",
        ['r'] = "0206 031222",
        ['s'] = "33221203142435261605",
        ['t'] = "101526 0222",
        ['u'] = "0205162635 3236",
        ['v'] = "022642",
        ['w'] = "0216335662",
        ['x'] = "0236 3206",
        ['y'] = "0226 4218",
        ['z'] = "02320636",
        ['0'] = "03011020313526160503",
        ['1'] = "112026",
        ['2'] = "01102031320636",
        ['3'] = "01102031322313 233435261605",
        ['4'] = "200434 2226",
        ['5'] = "30000312223335261605",
        ['6'] = "312010010516263534231304",
        ['7'] = "003016",
        ['8'] = "13020110203132231304051626353423 1323",
        ['9'] = "051626353120100102132332",
        ['.'] = "0606",
        [','] = "1607",
        [':'] = "0303 0606",
        [';'] = "1313 1607",
        ['!'] = "0004 0606",
        ['?'] = "01102031322324 2626",
        ['-'] = "0333",
        ['_'] = "0646",
        ['+'] = "0434 2226",
        ['='] = "0333 0535",
        ['/'] = "0630",
        ['\\'] = "0036",
        ['%'] = "0640 0010110100 3545463635",
        ['('] = "10010516",
        [')'] = "00111506",
        ['['] = "10000616",
        [']'] = "00101606",
        ['\''] = "0001",
        ['"'] = "0001 2021",
        ['#'] = "1016 3036 0242 0444",
        ['&'] = "46121120310405162644",
        ['*'] = "2226 0345 4305",
        ['<'] = "310335",
        ['>'] = "013305",
        ['|'] = "0008",
        ['→'] = "0444 334435",
        ['≥'] = "013304 0636",
        ['·'] = "0404",
        ['…'] = "0606 2626 4646",
        ['$'] = "413010010213334445361605 2027",
        ['@'] = "3334241333 45361605011030414433",
    };

    private sealed class Glyph
    {
        private readonly SKPoint[][] _lines;

        public Glyph(string text)
        {
            _lines = [.. text.Split(' ').Select(line
                => Enumerable.Range(0, line.Length / 2).Select(i
                => new SKPoint(line[2 * i] - '0', line[2 * i + 1] - '0')).ToArray())];
            Width = _lines.Max(l => l.Max(p => p.X));
        }

        public float Width { get; }

        public void Draw(SKCanvas canvas, float x, float top, float unit, SKPaint line, SKPaint dot)
        {
            foreach (var points in _lines)
            {
                SKPoint At(int i) => new(x + points[i].X * unit, top + points[i].Y * unit);
                if (points.Length == 1 || (points.Length == 2 && points[0] == points[1]))
                {
                    canvas.DrawCircle(At(0), line.StrokeWidth * 0.7f, dot);
                    continue;
                }
                using var path = new SKPathBuilder();
                path.MoveTo(At(0));
                for (var i = 1; i < points.Length; i++) { path.LineTo(At(i)); }
                using var drawn = path.Detach();
                canvas.DrawPath(drawn, line);
            }
        }
    }
}
