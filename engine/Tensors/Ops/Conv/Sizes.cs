namespace FlorenceKernels.Tensors;

/// <summary>Height and width of a kernel, stride, padding, dilation or output: one number for both, or a pair.</summary>
/// <param name="Height">Along the second to last axis.</param> <param name="Width">Along the last axis.</param>
public readonly record struct Size2(int Height, int Width)
{
    /// <summary>The same number for both axes.</summary>
    public static implicit operator Size2(int both) => new(both, both);

    /// <summary>(height, width).</summary>
    public static implicit operator Size2((int Height, int Width) pair) => new(pair.Height, pair.Width);
}

/// <summary>Depth (time), height and width of a kernel, stride, padding or dilation: one number for all, or a triple.</summary>
/// <param name="Depth">Along the third to last axis.</param> <param name="Height">Along the second to last axis.</param>
/// <param name="Width">Along the last axis.</param>
public readonly record struct Size3(int Depth, int Height, int Width)
{
    /// <summary>The same number for all axes.</summary>
    public static implicit operator Size3(int all) => new(all, all, all);

    /// <summary>(depth, height, width).</summary>
    public static implicit operator Size3((int Depth, int Height, int Width) triple) =>
        new(triple.Depth, triple.Height, triple.Width);
}
