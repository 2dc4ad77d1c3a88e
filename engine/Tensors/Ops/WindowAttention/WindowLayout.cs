using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>Window size and cyclic shift of a window attention: over an image, or over a clip with <see cref="Depth"/>.</summary>
/// <param name="Height">Rows of a window.</param> <param name="Width">Columns of a window.</param>
/// <param name="ShiftH">Rows the grid of windows is shifted by, below <paramref name="Height"/>; 0 means no shift and no mask
/// on this axis.</param>
/// <param name="ShiftW">Columns the grid of windows is shifted by, below <paramref name="Width"/>.</param>
public readonly record struct WindowShape(int Height, int Width, int ShiftH = 0, int ShiftW = 0)
{
    /// <summary>Frames of a window; 1 for images.</summary>
    public int Depth { get; init; } = 1;

    /// <summary>Frames the grid of windows is shifted by, below <see cref="Depth"/>.</summary>
    public int ShiftD { get; init; }

    /// <summary>The window that the bias table is for where this one was clipped; null for this window.</summary>
    public Size3? Table { get; init; }

    /// <summary>How the released Video-Swin code reads the table of a clipped window: token number i has the bias of token
    /// number i of the table's window. That is the same where only the depth was clipped, and wrong distances elsewhere; for
    /// weights trained so.</summary>
    public bool SlicesTable { get; init; }

    /// <summary>Video-Swin's rule for a map: on an axis no longer than the window, the window is the axis and is not shifted.
    /// The bias table stays that of the full window.</summary>
    public WindowShape ClippedTo(int depth, int height, int width)
    {
        bool isDeep = depth > Depth, isHigh = height > Height, isWide = width > Width;
        return this with
        {
            Depth = isDeep ? Depth : depth,
            Height = isHigh ? Height : height,
            Width = isWide ? Width : width,
            ShiftD = isDeep ? ShiftD : 0,
            ShiftH = isHigh ? ShiftH : 0,
            ShiftW = isWide ? ShiftW : 0,
            Table = TableWindow,
        };
    }

    internal Size3 TableWindow => Table ?? (Depth, Height, Width);

    internal bool IsValid => Depth > 0 && Height > 0 && Width > 0 && ShiftD >= 0 && ShiftD < Depth && ShiftH >= 0
        && ShiftH < Height && ShiftW >= 0 && ShiftW < Width;

    internal bool FitsTable => Depth <= TableWindow.Depth && Height <= TableWindow.Height && Width <= TableWindow.Width;
}

/// <summary>Where the tokens of a window lie: roll, padding, partition and mask as index arithmetic, for CPU and GPU kernels
/// alike. An image is a clip of one frame.</summary>
internal struct WindowLayout
{
    public int Batch, D, H, W, WindowD, WindowH, WindowW, ShiftD, ShiftH, ShiftW, Heads, Dim, GridD, GridH, GridW;

    // The bias table's window, and the one whose row-major order numbers the tokens when their bias is looked up.
    public int TableD, TableH, TableW, OrderD, OrderH, OrderW;

    public WindowLayout(Shape qkv, WindowShape window, int heads)
    {
        var rank = qkv.Length;
        (Batch, D, H, W) = (qkv[0], rank == 5 ? qkv[1] : 1, qkv[rank - 3], qkv[rank - 2]);
        (Heads, Dim) = (heads, qkv[rank - 1] / 3 / heads);
        (WindowD, WindowH, WindowW) = (window.Depth, window.Height, window.Width);
        (ShiftD, ShiftH, ShiftW) = (window.ShiftD, window.ShiftH, window.ShiftW);
        GridD = (D + WindowD - 1) / WindowD;
        GridH = (H + WindowH - 1) / WindowH;
        GridW = (W + WindowW - 1) / WindowW;
        (TableD, TableH, TableW) = window.TableWindow;
        (OrderD, OrderH, OrderW) = window.SlicesTable ? window.TableWindow : (WindowD, WindowH, WindowW);
    }

    /// <summary>Tokens of a window.</summary>
    public readonly int Tokens => WindowD * WindowH * WindowW;

    /// <summary>Channels of the output.</summary>
    public readonly int Channels => Heads * Dim;

    /// <summary>Windows of the whole batch.</summary>
    public readonly int Windows => Batch * GridD * GridH * GridW;

    /// <summary>Padded tokens of one clip.</summary>
    public readonly int PadTokens => GridD * WindowD * GridH * WindowH * GridW * WindowW - D * H * W;

    /// <summary>Rows of the relative-position table.</summary>
    public readonly int TableRows => (2 * TableD - 1) * (2 * TableH - 1) * (2 * TableW - 1);

    /// <summary>Place of a window's token in [B·D·H·W], or −1 − (its number among the batch's padded tokens).</summary>
    public readonly int Token(int window, int row)
    {
        var gridLine = window / GridW;
        var gridPlane = gridLine / GridH;
        var clip = gridPlane / GridD;
        var line = row / WindowW;
        var td = line / WindowH;
        int paddedD = GridD * WindowD, paddedH = GridH * WindowH, paddedW = GridW * WindowW;
        var z = (gridPlane - clip * GridD) * WindowD + td + ShiftD;
        var y = (gridLine - gridPlane * GridH) * WindowH + line - td * WindowH + ShiftH;
        var x = (window - gridLine * GridW) * WindowW + row - line * WindowW + ShiftW;
        if (z >= paddedD) { z -= paddedD; }
        if (y >= paddedH) { y -= paddedH; }
        if (x >= paddedW) { x -= paddedW; }
        if (z < D && y < H && x < W) { return ((clip * D + z) * H + y) * W + x; }
        // Real tokens before (z, y, x), which lies beyond the end of an axis, are not counted.
        var real = z >= D ? D * H * W : (z * H + (y < H ? y : H)) * W + (y < H ? W : 0);
        return -1 - clip * PadTokens - ((z * paddedH + y) * paddedW + x - real);
    }

    /// <summary>Bits of a part's number.</summary>
    public const int PartBits = 3;

    /// <summary>The part of its window a token belongs to after the shift: tokens of different parts were not neighbours before
    /// it. Only the last windows of a shifted axis have two parts; elsewhere 0.</summary>
    public readonly int Part(int window, int row)
    {
        var part = 0;
        if (ShiftW > 0 && IsLastW(window) && row % WindowW >= WindowW - ShiftW) { part = 1; }
        if (ShiftH > 0 && IsLastH(window) && row / WindowW % WindowH >= WindowH - ShiftH) { part += 2; }
        if (ShiftD > 0 && IsLastD(window) && row / (WindowW * WindowH) >= WindowD - ShiftD) { part += 4; }
        return part;
    }

    /// <summary>True when a window has more than one part.</summary>
    public readonly bool IsMasked(int window) =>
        (ShiftW > 0 && IsLastW(window)) || (ShiftH > 0 && IsLastH(window)) || (ShiftD > 0 && IsLastD(window));

    /// <summary>Row of the bias table for a query and a key: their distance on each axis.</summary>
    public readonly int TableRow(int query, int key) => TablePlace(query) - TablePlace(key) + TableRows / 2;

    /// <summary>The token's position in row-major order of the distances: a difference of positions is a distance from the
    /// table's middle row.</summary>
    public readonly int TablePlace(int row)
    {
        var line = row / OrderW;
        var plane = OrderD > 1 ? line / OrderH : 0;
        return (plane * (2 * TableH - 1) + line - plane * OrderH) * (2 * TableW - 1) + row - line * OrderW;
    }

    private readonly bool IsLastW(int window) => window % GridW == GridW - 1;

    private readonly bool IsLastH(int window) => window / GridW % GridH == GridH - 1;

    private readonly bool IsLastD(int window) => window / (GridW * GridH) % GridD == GridD - 1;
}
