using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace FlorenceKernels.Data;

/// <summary>The two passes of a uint8 resize in PIL's 22-bit fixed point: across, rounded to bytes, then down. Integer sums, so
/// the vector loops give the same bits as the scalar ones. Traffic: source once, narrowed rows twice, target once.</summary>
internal static class ResizeBytes
{
    private const int Half = 1 << (ResizeWeights.FractionBits - 1);

    // from [H, W, C] → to [H, w, C]; a pixel of 3 or 4 channels is one vector of 4 sums
    internal static void Across(
        ReadOnlySpan<byte> from, int width, int height, int channels, ResizeWeights weights, Span<byte> to)
    {
        var toWidth = weights.First.Length;
        for (var y = 0; y < height; y++)
        {
            // the vector load of a 3-channel pixel reads one byte past it; only the very last pixel has none behind it
            var tail = from[(y * width * channels)..];
            var row = to.Slice(y * toWidth * channels, toWidth * channels);
            for (var x = 0; x < toWidth; x++)
            {
                int first = weights.First[x] * channels, count = weights.Count[x];
                var taps = weights.Fixed.AsSpan(x * weights.Taps, count);
                var pixel = row.Slice(x * channels, channels);
                if (channels >= 3 && first + (count - 1) * channels + sizeof(uint) <= tail.Length)
                    AcrossVector(tail[first..], taps, pixel);
                else
                    AcrossScalar(tail[first..], taps, pixel);
            }
        }
    }

    private static void AcrossVector(ReadOnlySpan<byte> from, ReadOnlySpan<int> taps, Span<byte> pixel)
    {
        var sum = Vector128.Create(Half);
        ref var at = ref MemoryMarshal.GetReference(from);
        foreach (var tap in taps)
        {
            var bytes = Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<uint>(ref at)).AsByte();
            sum += Vector128.WidenLower(Vector128.WidenLower(bytes)).AsInt32() * tap;
            at = ref Unsafe.Add(ref at, pixel.Length);
        }
        sum = Vector128.Min(Vector128.Max(sum >> ResizeWeights.FractionBits, Vector128<int>.Zero), Vector128.Create(255));
        pixel[0] = (byte)sum[0];
        pixel[1] = (byte)sum[1];
        pixel[2] = (byte)sum[2];
        if (pixel.Length > 3) pixel[3] = (byte)sum[3];
    }

    private static void AcrossScalar(ReadOnlySpan<byte> from, ReadOnlySpan<int> taps, Span<byte> pixel)
    {
        for (var c = 0; c < pixel.Length; c++)
        {
            var sum = Half;
            for (var k = 0; k < taps.Length; k++) sum += from[k * pixel.Length + c] * taps[k];
            pixel[c] = Clip(sum);
        }
    }

    // from [H, stride] → to [h, stride]
    internal static void Down(ReadOnlySpan<byte> from, int stride, ResizeWeights weights, Span<byte> to)
    {
        for (var y = 0; y < weights.First.Length; y++)
        {
            var taps = weights.Fixed.AsSpan(y * weights.Taps, weights.Count[y]);
            var rows = from.Slice(weights.First[y] * stride, taps.Length * stride);
            var row = to.Slice(y * stride, stride);
            var i = 0;
            for (; i + Vector128<byte>.Count <= stride; i += Vector128<byte>.Count) DownVector(rows, stride, i, taps, row);
            for (; i < stride; i++)
            {
                var sum = Half;
                for (var k = 0; k < taps.Length; k++) sum += rows[k * stride + i] * taps[k];
                row[i] = Clip(sum);
            }
        }
    }

    private static void DownVector(ReadOnlySpan<byte> rows, int stride, int i, ReadOnlySpan<int> taps, Span<byte> row)
    {
        Vector256<int> low = Vector256.Create(Half), high = low;
        for (var k = 0; k < taps.Length; k++)
        {
            var bytes = Vector128.Create(rows.Slice(k * stride + i, Vector128<byte>.Count));
            var (first, second) = Vector256.Widen(Vector256.WidenLower(bytes.ToVector256Unsafe()));
            low += first.AsInt32() * taps[k];
            high += second.AsInt32() * taps[k];
        }
        var words = Vector256.Narrow(Clip(low).AsUInt32(), Clip(high).AsUInt32());
        Vector128.Narrow(words.GetLower(), words.GetUpper()).CopyTo(row[i..]);
    }

    private static Vector256<int> Clip(Vector256<int> sum) =>
        Vector256.Min(Vector256.Max(sum >> ResizeWeights.FractionBits, Vector256<int>.Zero), Vector256.Create(255));

    private static byte Clip(int sum) => (byte)Math.Clamp(sum >> ResizeWeights.FractionBits, 0, 255);
}
