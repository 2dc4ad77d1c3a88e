using FlorenceKernels.Tensors;

namespace FlorenceKernels.Benchmarks;

/// <summary>The windows of a map, padded to whole ones, with the constants that the exported graph holds for them. Shifts only where the
/// map is larger than one window.</summary>
internal sealed class OnnxWindows
{
    private readonly WindowShape _window;

    public OnnxWindows(int height, int width, WindowShape window)
    {
        _window = window;
        (Rows, Columns) = ((height + window.Height - 1) / window.Height, (width + window.Width - 1) / window.Width);
        (ShiftH, ShiftW) = (height > window.Height ? window.ShiftH : 0, width > window.Width ? window.ShiftW : 0);
        IsPadded = Height > height || Width > width;
    }

    /// <summary>Windows along the height and width.</summary>
    public int Rows { get; }

    public int Columns { get; }

    public int ShiftH { get; }

    public int ShiftW { get; }

    public bool IsPadded { get; }

    public bool IsShifted => ShiftH > 0 || ShiftW > 0;

    /// <summary>Sides of the padded map.</summary>
    public int Height => Rows * _window.Height;

    public int Width => Columns * _window.Width;

    public int Count => Rows * Columns;

    /// <summary>Tokens of a window.</summary>
    public int Tokens => _window.Height * _window.Width;

    /// <summary>The table's entries for each pair of tokens, [heads, N, N]. Liu et al. 2021, §3.2, "Relative position bias".</summary>
    public float[] Bias(float[] table, int heads)
    {
        var (n, w) = (Tokens, _window);
        var bias = new float[heads * n * n];
        for (var i = 0; i < bias.Length; i++)
        {
            var (head, from, to) = (i / (n * n), i / n % n, i % n);
            var (dy, dx) = (from / w.Width - to / w.Width + w.Height - 1, from % w.Width - to % w.Width + w.Width - 1);
            bias[i] = table[(dy * (2 * w.Width - 1) + dx) * heads + head];
        }

        return bias;
    }

    /// <summary><paramref name="masked"/> for pairs that the shift brought together, else 0: [windows, N, N].</summary>
    public float[] Mask(float masked)
    {
        var n = Tokens;
        var mask = new float[Count * n * n];
        for (var i = 0; i < mask.Length; i++)
        {
            var window = i / (n * n);
            mask[i] = Region(window, i / n % n) == Region(window, i % n) ? 0 : masked;
        }

        return mask;
    }

    // Three bands per axis: whole windows, what stays of the last one, what came round from the other end.
    private int Region(int window, int token)
    {
        static int Band(int at, int side, int window, int shift) => at < side - window ? 0 : at < side - shift ? 1 : 2;
        var y = window / Columns * _window.Height + token / _window.Width;
        var x = window % Columns * _window.Width + token % _window.Width;
        return 3 * Band(y, Height, _window.Height, ShiftH) + Band(x, Width, _window.Width, ShiftW);
    }
}
