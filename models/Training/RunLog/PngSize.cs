using System;
using System.Buffers.Binary;

namespace FlorenceKernels.Training;

/// <summary>Width, height and channels from the first chunk of a PNG file (ISO/IEC 15948, §11.2.2).</summary>
internal readonly record struct PngSize(int Width, int Height, int Channels)
{
    /// <exception cref="ArgumentException">Not a PNG file.</exception>
    public static PngSize Read(ReadOnlySpan<byte> png)
    {
        ReadOnlySpan<byte> signature = [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];
        if (png.Length < 33 || !png.StartsWith(signature) || !png[12..].StartsWith("IHDR"u8))
            throw new ArgumentException("The image is not a PNG file; encode it as PNG first.", nameof(png));
        int channels = png[25] switch { 0 => 1, 4 => 2, 6 => 4, _ => 3 };   // colour type; 2 is RGB, 3 a palette of RGB
        return new PngSize(BinaryPrimitives.ReadInt32BigEndian(png[16..]), BinaryPrimitives.ReadInt32BigEndian(png[20..]),
            channels);
    }
}
