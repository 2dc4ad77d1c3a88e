using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>Sizes of a deformable convolution.</summary>
/// <param name="Batch">Images.</param> <param name="Channels">Of x.</param> <param name="Outputs">Channels of y.</param>
/// <param name="Groups">Groups of the convolution.</param> <param name="OffsetGroups">Groups of the offsets.</param>
/// <param name="H">Rows.</param> <param name="W">Columns.</param>
internal readonly record struct DeformGeometry(int Batch, int Channels, int Outputs, int Groups, int OffsetGroups, ConvAxis H,
    ConvAxis W)
{
    public int Taps => H.Kernel * W.Kernel;

    /// <summary>Maps of masks of one image; of offsets there are twice as many.</summary>
    public int Fields => checked(OffsetGroups * Taps);

    public int GroupChannels => Channels / Groups;

    public int GroupOutputs => Outputs / Groups;

    /// <summary>Channels that share their offsets.</summary>
    public int OffsetChannels => Channels / OffsetGroups;

    /// <summary>Channels in a row that share offsets and group: the largest run that both group sizes are multiples of.</summary>
    public int RunLength => (int)BigInteger.GreatestCommonDivisor(GroupChannels, OffsetChannels);

    /// <summary>Samples that one output of one group reads.</summary>
    public int Depth => GroupChannels * Taps;

    /// <summary>Samples of all channels at one position.</summary>
    public int RowLength => checked(Channels * Taps);

    /// <summary>Input positions of one image.</summary>
    public int Inputs => H.Size * W.Size;

    /// <summary>Output positions of one image.</summary>
    public int Positions => H.Out * W.Out;

    public Shape InputShape => [Batch, Channels, H.Size, W.Size];

    public Shape OutputShape => [Batch, Outputs, H.Out, W.Out];
}
