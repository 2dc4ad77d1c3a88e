using System;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

public sealed partial class Tensor
{
    /// <summary>A tensor whose elements are not set.</summary>
    public static Tensor Empty(Shape shape, DType dtype = DType.F32, Device? device = null)
    {
        var storage = (device ?? Device.Cpu).Allocate(checked(shape.Count * dtype.Size()));
        return new Tensor(storage, shape, shape.Strides(), 0, dtype);
    }

    /// <summary>Element type and device of <paramref name="like"/>, elements not set.</summary>
    public static Tensor EmptyLike(Tensor like, Shape? shape = null) => Empty(shape ?? like.Shape, like.DType, like.Device);

    /// <summary>All zero.</summary>
    public static Tensor Zeros(Shape shape, DType dtype = DType.F32, Device? device = null)
    {
        var y = Empty(shape, dtype, device);
        y.Device.Clear(y._storage, 0, y.Count * dtype.Size());
        return y;
    }

    /// <summary>All zero, like another tensor.</summary>
    public static Tensor ZerosLike(Tensor like) => Zeros(like.Shape, like.DType, like.Device);

    /// <summary>All one.</summary>
    public static Tensor Ones(Shape shape, DType dtype = DType.F32, Device? device = null) => Full(shape, 1, dtype, device);

    /// <summary>All <paramref name="value"/>.</summary>
    public static Tensor Full(Shape shape, double value, DType dtype = DType.F32, Device? device = null)
    {
        var y = Empty(shape, dtype, device);
        CopyOp.Fill(y, value);
        return y;
    }

    /// <summary>The identity matrix of <paramref name="n"/> rows.</summary>
    public static Tensor Eye(int n, DType dtype = DType.F32, Device? device = null)
    {
        var y = Zeros([n, n], dtype, device);
        CopyOp.Fill(y.Alias([n], [n + 1], 0), 1);
        return y;
    }

    /// <summary>Host values as a tensor; the element type follows <typeparamref name="T"/>.</summary>
    /// <exception cref="ShapeException">The number of values is not the shape's.</exception>
    public static Tensor From<T>(ReadOnlySpan<T> values, Shape shape, Device? device = null) where T : unmanaged
    {
        if (values.Length != shape.Count) { throw new ShapeException($"Tensor.From: {values.Length} values do not fill {shape} ({shape.Count})"); }
        var y = Empty(shape, DTypes.Of<T>(), device);
        y.CopyFrom(values);
        return y;
    }

    /// <inheritdoc cref="From{T}(ReadOnlySpan{T}, Shape, Device?)"/>
    public static Tensor From<T>(T[] values, Shape shape, Device? device = null) where T : unmanaged =>
        From((ReadOnlySpan<T>)values, shape, device);

    /// <summary>A scalar.</summary>
    public static Tensor Scalar(double value, DType dtype = DType.F32, Device? device = null) => Full([], value, dtype, device);

    /// <summary>Uniform in [low, high), drawn on the host from Philox(seed, stream), so that every device starts from the same bits.</summary>
    public static Tensor Uniform(Shape shape, double low, double high, ulong seed, ulong stream = 0, DType dtype = DType.F32, Device? device = null)
    {
        return Drawn(shape, dtype, device, i => low + (high - low) * Philox.Uniform(Philox.Word(seed, stream, i)));
    }

    /// <summary>Normal with the given mean and standard deviation (Box-Muller), drawn on the host from Philox(seed, stream).</summary>
    public static Tensor Normal(Shape shape, double mean, double std, ulong seed, ulong stream = 0, DType dtype = DType.F32, Device? device = null)
    {
        return Drawn(shape, dtype, device, i =>
        {
            var r = Philox.At(seed, stream, i);
            double u = ((r.X >> 8) + 1.0) / (1 << 24), v = (r.Y >> 8) / (double)(1 << 24);
            return mean + std * Math.Sqrt(-2 * Math.Log(u)) * Math.Cos(2 * Math.PI * v);
        });
    }

    /// <summary>Host doubles converted to a floating element type.</summary>
    public static Tensor FromDoubles(ReadOnlySpan<double> values, Shape shape, DType dtype = DType.F32, Device? device = null)
    {
        if (dtype == DType.F64) { return From(values, shape, device); }
        if (dtype != DType.F32) { throw new DTypeException($"FromDoubles makes f32 or f64, not {dtype.Name()}; cast with To()"); }
        var floats = new float[values.Length];
        for (var i = 0; i < floats.Length; i++) { floats[i] = (float)values[i]; }
        return From(floats, shape, device);
    }

    // Addressed numbers: any split over threads draws the same.
    private static Tensor Drawn(Shape shape, DType dtype, Device? device, Func<ulong, double> value)
    {
        if (dtype is not (DType.F32 or DType.F64)) { throw new DTypeException($"random tensors are f32 or f64, not {dtype.Name()}; cast with To()"); }
        var doubles = dtype == DType.F64 ? new double[shape.Count] : [];
        var floats = dtype == DType.F32 ? new float[shape.Count] : [];
        CpuThreads.ForRange(shape.Count, 1 << 14, (from, to) =>
        {
            for (var i = from; i < to; i++)
            {
                if (dtype == DType.F64) { doubles[i] = value((ulong)i); } else { floats[i] = (float)value((ulong)i); }
            }
        });
        return dtype == DType.F64 ? From(doubles, shape, device) : From(floats, shape, device);
    }
}
