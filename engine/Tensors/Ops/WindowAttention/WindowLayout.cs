using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>Window size and cyclic shift of a window attention.</summary>
/// <param name="Height">Rows of a window.</param> <param name="Width">Columns of a window.</param>
/// <param name="ShiftH">Rows the grid of windows is shifted by, below <paramref name="Height"/>; 0 means no shift and no mask
/// on this axis.</param>
/// <param name="ShiftW">Columns the grid of windows is shifted by, below <paramref name="Width"/>.</param>
public readonly record struct WindowShape(int Height, int Width, int ShiftH = 0, int ShiftW = 0);

/// <summary>Where the tokens of a window lie: roll, padding, partition and mask as index arithmetic, for CPU and GPU kernels
/// alike.</summary>
internal struct WindowLayout
{
    public int Batch, H, W, WindowH, WindowW, ShiftH, ShiftW, Heads, Dim, GridH, GridW;

    public WindowLayout(Shape qkv, WindowShape window, int heads)
    {
        (Batch, H, W, Heads, Dim) = (qkv[0], qkv[1], qkv[2], heads, qkv[3] / 3 / heads);
        (WindowH, WindowW, ShiftH, ShiftW) = (window.Height, window.Width, window.ShiftH, window.ShiftW);
        GridH = (H + WindowH - 1) / WindowH;
        GridW = (W + WindowW - 1) / WindowW;
    }

    /// <summary>Tokens of a window.</summary>
    public readonly int Tokens => WindowH * WindowW;

    /// <summary>Channels of the output.</summary>
    public readonly int Channels => Heads * Dim;

    /// <summary>Windows of the whole batch.</summary>
    public readonly int Windows => Batch * GridH * GridW;

    /// <summary>Padded tokens of one image.</summary>
    public readonly int PadTokens => GridH * WindowH * GridW * WindowW - H * W;

    /// <summary>Rows of the relative-position table.</summary>
    public readonly int TableRows => (2 * WindowH - 1) * (2 * WindowW - 1);

    /// <summary>Place of a window's token in [B·H·W], or −1 − (its number among the batch's padded tokens).</summary>
    public readonly int Token(int window, int row)
    {
        var image = window / (GridH * GridW);
        var inImage = window - image * (GridH * GridW);
        var gridY = inImage / GridW;
        var gridX = inImage - gridY * GridW;
        var ty = row / WindowW;
        int paddedH = GridH * WindowH, paddedW = GridW * WindowW;
        var y = gridY * WindowH + ty + ShiftH;
        var x = gridX * WindowW + (row - ty * WindowW) + ShiftW;
        if (y >= paddedH) { y -= paddedH; }
        if (x >= paddedW) { x -= paddedW; }
        if (y < H && x < W) { return (image * H + y) * W + x; }
        var pad = y < H ? y * (paddedW - W) + x - W : H * (paddedW - W) + (y - H) * paddedW + x;
        return -1 - image * PadTokens - pad;
    }

    /// <summary>The part of its window a token belongs to after the shift: tokens of different parts were not neighbours before
    /// it. Only the last windows of a shifted axis have two parts; elsewhere 0.</summary>
    public readonly int Part(int window, int row)
    {
        var inImage = window % (GridH * GridW);
        var gridY = inImage / GridW;
        var ty = row / WindowW;
        var part = 0;
        if (ShiftH > 0 && gridY == GridH - 1 && ty >= WindowH - ShiftH) { part = 1; }
        if (ShiftW > 0 && inImage - gridY * GridW == GridW - 1 && row - ty * WindowW >= WindowW - ShiftW) { part += 2; }
        return part;
    }

    /// <summary>True when a window has more than one part.</summary>
    public readonly bool IsMasked(int window)
    {
        var inImage = window % (GridH * GridW);
        return (ShiftH > 0 && inImage / GridW == GridH - 1) || (ShiftW > 0 && inImage % GridW == GridW - 1);
    }

    /// <summary>Row of the bias table for a query and a key: their distance on both axes.</summary>
    public readonly int TableRow(int query, int key)
    {
        int qy = query / WindowW, ky = key / WindowW;
        return (qy - ky + WindowH - 1) * (2 * WindowW - 1) + (query - qy * WindowW) - (key - ky * WindowW) + WindowW - 1;
    }
}
