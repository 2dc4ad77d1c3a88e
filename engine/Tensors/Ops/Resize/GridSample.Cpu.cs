using System;
using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

// GridSample, PlanePerTask: four neighbours per sample; the image gradient scatters within its own plane, samples in order; the
// grid gradient sums over channels per place. Traffic: random reads of one plane, which fits L2.
internal readonly unsafe struct GridSampleCpu<T>(T* image, int* cellX, int* cellY, T* fx, T* fy, T* samples, Shape shape,
    int places)
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int Grain = 1 << 13;

    private readonly int _batch = shape[0], _channels = shape[1], _height = shape[2], _width = shape[3];

    public void Forward()
    {
        var self = this;
        CpuThreads.ForRange((long)_batch * _channels, Math.Max(1, Grain / places), (from, to) =>
        {
            for (var plane = from; plane < to; plane++) { self.Plane(plane, isForward: true); }
        });
    }

    public void ImageGrad()
    {
        var self = this;
        CpuThreads.ForRange((long)_batch * _channels, Math.Max(1, Grain / places), (from, to) =>
        {
            for (var plane = from; plane < to; plane++) { self.Plane(plane, isForward: false); }
        });
    }

    public void GridGrad(T* grid, double scaleX, double scaleY)
    {
        var self = this;
        T sx = T.CreateTruncating(scaleX), sy = T.CreateTruncating(scaleY);
        CpuThreads.ForRange((long)_batch * places, Math.Max(1, Grain / _channels), (from, to) =>
        {
            for (var place = from; place < to; place++)
            {
                var (dx, dy) = self.Slope(place);
                (grid[2 * place], grid[2 * place + 1]) = (dx * sx, dy * sy);
            }
        });
    }

    private void Plane(long plane, bool isForward)
    {
        var pixels = image + plane * _height * _width;
        var values = samples + plane * places;
        var first = plane / _channels * places;
        for (var i = 0; i < places; i++)
        {
            T x = fx[first + i], y = fy[first + i], sum = T.Zero;
            for (var corner = 0; corner < 4; corner++)
            {
                if (!Corner(first + i, corner, out var at)) { continue; }
                var weight = ((corner & 1) == 0 ? T.One - x : x) * ((corner & 2) == 0 ? T.One - y : y);
                if (isForward) { sum += weight * pixels[at]; } else { pixels[at] += weight * values[i]; }
            }

            if (isForward) { values[i] = sum; }
        }
    }

    // ∂/∂x and ∂/∂y of a place, contracted with the samples' gradient.
    private (T X, T Y) Slope(long place)
    {
        T x = fx[place], y = fy[place], dx = T.Zero, dy = T.Zero;
        var (b, i) = Math.DivRem(place, places);
        for (var corner = 0; corner < 4; corner++)
        {
            if (!Corner(place, corner, out var at)) { continue; }
            T sum = T.Zero, one = T.One;
            for (var plane = b * _channels; plane < (b + 1) * _channels; plane++)
            {
                sum += image[plane * _height * _width + at] * samples[plane * places + i];
            }

            dx += sum * ((corner & 1) == 0 ? -one : one) * ((corner & 2) == 0 ? one - y : y);
            dy += sum * ((corner & 2) == 0 ? -one : one) * ((corner & 1) == 0 ? one - x : x);
        }

        return (dx, dy);
    }

    private bool Corner(long place, int corner, out int at)
    {
        int column = cellX[place] - 2 + (corner & 1), row = cellY[place] - 2 + (corner >> 1);
        at = row * _width + column;
        return (uint)column < (uint)_width && (uint)row < (uint)_height;
    }
}
