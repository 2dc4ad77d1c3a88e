using System;
using System.Buffers.Binary;
using System.IO;
using FlorenceKernels.Data;
using SkiaSharp;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

public sealed class ImageDecoderTests
{
    private static byte[] Encoded(RgbaImage image, SKEncodedImageFormat format, int quality = 100)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(image.Width, image.Height, SKColorType.Rgba8888, SKAlphaType.Unpremul));
        image.Pixels.CopyTo(bitmap.GetPixelSpan());
        using var data = bitmap.Encode(format, quality);
        return data.ToArray();
    }

    private static RgbaImage Gradient(int width, int height, byte alphaStep)
    {
        var image = new RgbaImage(width, height);
        for (var y = 0; y < height; y++)
            for (var x = 0; x < width; x++)
            {
                byte[] pixel = [(byte)(5 * x), (byte)(7 * y), (byte)(x + y), (byte)(255 - alphaStep * x)];
                pixel.CopyTo(image.Row(y)[(4 * x)..]);
            }
        return image;
    }

    [Fact]
    public void Png_gives_back_every_byte_with_alpha()
    {
        var image = Gradient(31, 17, 6);
        var file = Encoded(image, SKEncodedImageFormat.Png);
        Assert.Equal(new ImageHeader(31, 17, "Png"), ImageDecoder.ReadHeader(file));
        Assert.Equal(image.Pixels, ImageDecoder.Decode(file).Pixels);
    }

    [Theory]
    [InlineData(SKEncodedImageFormat.Jpeg, "Jpeg")]
    [InlineData(SKEncodedImageFormat.Webp, "Webp")]
    public void Lossy_formats_come_back_close_and_opaque(SKEncodedImageFormat format, string name)
    {
        var image = Gradient(32, 16, 0);
        var file = Encoded(image, format);
        Assert.Equal(new ImageHeader(32, 16, name), ImageDecoder.ReadHeader(file));
        var decoded = ImageDecoder.Decode(file);
        for (var i = 0; i < image.Pixels.Length; i++) Assert.InRange(decoded.Pixels[i] - image.Pixels[i], -12, 12);
    }

    [Fact]
    public void Limits_are_checked_before_decoding()
    {
        var file = Encoded(Gradient(40, 25, 0), SKEncodedImageFormat.Png);
        Assert.Equal(1000, ImageDecoder.Decode(file, new ImageLimits(MaxPixels: 1000)).Pixels.Length / 4);
        Fails(ImageDecodeFailure.TooManyPixels, () => ImageDecoder.Decode(file, new ImageLimits(MaxPixels: 999)));
        Fails(ImageDecodeFailure.TooManyPixels, () => ImageDecoder.ReadHeader(file, new ImageLimits(MaxPixels: 999)));
        Fails(ImageDecodeFailure.TooManyBytes, () => ImageDecoder.Decode(file, new ImageLimits(MaxBytes: file.Length - 1)));
        // a header that promises 65,500 x 65,500: refused at once, 17 GB are never asked for
        var bomb = (byte[])file.Clone();
        new byte[] { 0, 0, 0xff, 0xdc, 0, 0, 0xff, 0xdc }.CopyTo(bomb, 16);
        BinaryPrimitives.WriteUInt32BigEndian(bomb.AsSpan(29), Crc(bomb.AsSpan(12, 17)));
        Fails(ImageDecodeFailure.TooManyPixels, () => ImageDecoder.Decode(bomb));
    }

    [Fact]
    public void Other_bytes_and_cut_files_are_refused_with_one_sentence()
    {
        var file = Encoded(Gradient(40, 25, 3), SKEncodedImageFormat.Png);
        Fails(ImageDecodeFailure.UnknownFormat, () => ImageDecoder.Decode([]));
        Fails(ImageDecodeFailure.UnknownFormat, () => ImageDecoder.Decode("no picture at all"u8));
        Fails(ImageDecodeFailure.UnknownFormat,
            () => ImageDecoder.Decode("GIF89a\x01\0\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;"u8));
        Fails(ImageDecodeFailure.Damaged, () => ImageDecoder.Decode(file.AsSpan(0, file.Length * 2 / 3)));
        var jpeg = Encoded(Gradient(64, 64, 0), SKEncodedImageFormat.Jpeg);
        Fails(ImageDecodeFailure.Damaged, () => ImageDecoder.Decode(jpeg.AsSpan(0, jpeg.Length * 2 / 3)));
        Assert.Throws<FileNotFoundException>(() =>
            ImageDecoder.DecodeFile(Path.Combine(Path.GetTempPath(), Guid.NewGuid().ToString())));
    }

    [Theory]
    [InlineData(SKEncodedImageFormat.Png, 10_000)]
    [InlineData(SKEncodedImageFormat.Jpeg, 3_000)]
    [InlineData(SKEncodedImageFormat.Webp, 3_000)]
    public void Mutated_headers_give_an_image_or_the_typed_exception(SKEncodedImageFormat format, int count)
    {
        var file = Encoded(Gradient(24, 18, 2), format);
        var (random, decoded, refused) = (new Random(23), 0, 0);
        for (var n = 0; n < count; n++)
        {
            try
            {
                ImageDecoder.Decode(Mutation.Of(file, random, within: 64), new ImageLimits(MaxPixels: 1 << 20));
                decoded++;
            }
            catch (ImageDecodeException)
            {
                refused++;
            }
        }
        Assert.True(decoded > 0 && refused > count / 10, $"{decoded} decoded, {refused} refused");
    }

    private static void Fails(ImageDecodeFailure failure, Action decode)
    {
        var e = Assert.Throws<ImageDecodeException>(decode);
        Assert.Equal(failure, e.Failure);
        Assert.EndsWith(".", e.Message, StringComparison.Ordinal);
    }

    // CRC-32 of the PNG specification, annex D
    private static uint Crc(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var b in bytes)
        {
            crc ^= b;
            for (var bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (crc % 2 == 0 ? 0 : 0xEDB88320u);
        }
        return ~crc;
    }
}
