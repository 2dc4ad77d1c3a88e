using System;

namespace FlorenceKernels.Data;

/// <summary>A part of random area, shape, turn and slant, as a square, in one bilinear sampling. With p in [−½, ½]² over the result,
/// the result at p is the image, of unit size, at c + diag(w, h)·R(angle)·[1 s; 0 1]·p, with w·h uniform in
/// [MinScale, MaxScale], w/h log-uniform in [1/MaxRatio, MaxRatio], s uniform in ±Shear and c wherever the unturned part stays
/// inside (or, larger than the image, around it). A result coarser than the image averages several samples a pixel.</summary>
/// <param name="Size">Side of the result.</param>
/// <param name="MinScale">Smallest part of the area.</param>
/// <param name="MaxScale">Largest part of the area; above 1 it shows some of the outside.</param>
/// <param name="Degrees">Largest turn to either side.</param>
/// <param name="Shear">Largest slant to either side, columns per row.</param>
/// <param name="MaxRatio">Largest width / height and height / width.</param>
public sealed record RandomAffineCrop(
    int Size, double MinScale = 0.5, double MaxScale = 1, double Degrees = 0, double Shear = 0, double MaxRatio = 4.0 / 3)
    : IImageTransform
{
    private const int Bits = 16, WeightBits = 8, One = 1 << WeightBits, HalfWeight = 1 << (Bits - WeightBits - 1); // fixed point of places and of bilinear weights

    /// <summary>Colour outside the image.</summary>
    public (byte R, byte G, byte B) Fill { get; init; } = (255, 255, 255);

    /// <inheritdoc/>
    public RgbImage Apply(RgbImage image, ref SampleRandom random)
    {
        ArgumentNullException.ThrowIfNull(image);
        return Sample(image, Draw(ref random));
    }

    // Rows (xx, xy | x0) and (yx, yy | y0) of the map from the result's [−½, ½]² to the image's [0, 1]².
    private AffineMap Draw(ref SampleRandom random)
    {
        var side = Math.Sqrt(random.NextDouble(MinScale, MaxScale));
        var stretch = Math.Exp(random.NextDouble(-0.5, 0.5) * Math.Log(MaxRatio));
        double w = side * stretch, h = side / stretch;
        var angle = random.NextDouble(-1, 1) * Degrees * Math.PI / 180;
        var slant = random.NextDouble(-1, 1) * Shear;
        double cx = 0.5 + random.NextDouble(-0.5, 0.5) * Math.Abs(1 - w), cy = 0.5 + random.NextDouble(-0.5, 0.5) * Math.Abs(1 - h);
        var (sin, cos) = Math.SinCos(angle);
        return new AffineMap(w * cos, w * (cos * slant - sin), cx, h * sin, h * (sin * slant + cos), cy);
    }

    private RgbImage Sample(RgbImage image, AffineMap map)
    {
        // As many samples along a pixel's side as the image has pixels there.
        var perSide = Math.Max(1, (int)Math.Round(Math.Sqrt(Math.Abs(map.Area) * image.Width * image.Height) / Size));
        var fine = new RgbImage(Size * perSide, Size * perSide);
        var step = 1.0 / fine.Width;
        long stepX = Fixed(map.XX * step * image.Width), stepY = Fixed(map.YX * step * image.Height);
        for (var y = 0; y < fine.Height; y++)
        {
            double u = 0.5 * step - 0.5, v = (y + 0.5) * step - 0.5;
            // Half a weight more, so that rounding down finds the nearest.
            long placeX = Fixed(map.X(u, v) * image.Width - 0.5) + HalfWeight, placeY = Fixed(map.Y(u, v) * image.Height - 0.5) + HalfWeight;
            var row = fine.Row(y);
            for (var x = 0; x < row.Length; x += 3, placeX += stepX, placeY += stepY) { Bilinear(image, placeX, placeY, row[x..]); }
        }

        return perSide == 1 ? fine : Averaged(fine, perSide);
    }

    private void Bilinear(RgbImage image, long x, long y, Span<byte> to)
    {
        int left = (int)(x >> Bits), top = (int)(y >> Bits);
        int fx = (int)(x >> (Bits - WeightBits)) & (One - 1), fy = (int)(y >> (Bits - WeightBits)) & (One - 1);
        if ((uint)left >= (uint)(image.Width - 1) || (uint)top >= (uint)(image.Height - 1))
        {
            AtBorder(image, left, top, fx, fy, to);
            return;
        }

        ReadOnlySpan<byte> above = image.Row(top).Slice(3 * left, 6), below = image.Row(top + 1).Slice(3 * left, 6);
        for (var c = 0; c < 3; c++)
        {
            var upper = above[c] * (One - fx) + above[c + 3] * fx;
            var lower = below[c] * (One - fx) + below[c + 3] * fx;
            to[c] = (byte)((upper * (One - fy) + lower * fy + One * One / 2) / (One * One));
        }
    }

    private void AtBorder(RgbImage image, int left, int top, int fx, int fy, Span<byte> to)
    {
        int r = 0, g = 0, b = 0;
        for (var corner = 0; corner < 4; corner++)
        {
            int x = left + (corner & 1), y = top + (corner >> 1);
            var weight = ((corner & 1) == 0 ? One - fx : fx) * (corner < 2 ? One - fy : fy);
            var isInside = (uint)x < (uint)image.Width && (uint)y < (uint)image.Height;
            var at = isInside ? 3 * (y * image.Width + x) : 0;
            var pixels = image.Pixels;
            r += weight * (isInside ? pixels[at] : Fill.R);
            g += weight * (isInside ? pixels[at + 1] : Fill.G);
            b += weight * (isInside ? pixels[at + 2] : Fill.B);
        }

        static byte Rounded(int sum) => (byte)((sum + One * One / 2) / (One * One));
        (to[0], to[1], to[2]) = (Rounded(r), Rounded(g), Rounded(b));
    }

    private RgbImage Averaged(RgbImage fine, int perSide)
    {
        var result = new RgbImage(Size, Size);
        var samples = perSide * perSide;
        for (var i = 0; i < result.Pixels.Length; i++)
        {
            int pixel = i / 3, c = i - 3 * pixel, y = pixel / Size, x = pixel - y * Size, sum = samples / 2;
            for (var s = 0; s < samples; s++)
            {
                sum += fine.Pixels[3 * ((y * perSide + s / perSide) * fine.Width + x * perSide + s % perSide) + c];
            }

            result.Pixels[i] = (byte)(sum / samples);
        }

        return result;
    }

    private static long Fixed(double place) => (long)Math.Round(place * (1 << Bits));

    private readonly record struct AffineMap(double XX, double XY, double X0, double YX, double YY, double Y0)
    {
        public double Area => XX * YY - XY * YX;

        public double X(double u, double v) => XX * u + XY * v + X0;

        public double Y(double u, double v) => YX * u + YY * v + Y0;
    }
}
