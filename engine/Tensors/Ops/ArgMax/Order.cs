using ILGPU.Algorithms;

namespace FlorenceKernels.Tensors;

/// <summary>Which of two elements an extreme keeps; NaN is better than every number.</summary>
internal interface IOrder<T>
{
    static abstract bool IsBetter(T a, T b);
}

internal readonly struct MaxOrder32 : IOrder<float>
{
    public static bool IsBetter(float a, float b) => a > b || (XMath.IsNaN(a) && !XMath.IsNaN(b));
}

internal readonly struct MinOrder32 : IOrder<float>
{
    public static bool IsBetter(float a, float b) => a < b || (XMath.IsNaN(a) && !XMath.IsNaN(b));
}

internal readonly struct MaxOrder64 : IOrder<double>
{
    public static bool IsBetter(double a, double b) => a > b || (XMath.IsNaN(a) && !XMath.IsNaN(b));
}

internal readonly struct MinOrder64 : IOrder<double>
{
    public static bool IsBetter(double a, double b) => a < b || (XMath.IsNaN(a) && !XMath.IsNaN(b));
}
