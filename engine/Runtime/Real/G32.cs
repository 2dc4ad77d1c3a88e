using ILGPU.Algorithms;

namespace FlorenceKernels.Runtime;

/// <summary>A float inside a GPU kernel: exponentials through the hardware's 2ˣ.</summary>
public readonly struct G32(float value) : IReal<G32>
{
    /// <summary>The number.</summary>
    public readonly float V = value;

    /// <inheritdoc/>
    public static G32 Of(double value) => new((float)value);

    /// <inheritdoc/>
    public static G32 OfInt(int value) => new(value);

    /// <inheritdoc/>
    public static G32 operator +(G32 left, G32 right) => new(left.V + right.V);

    /// <inheritdoc/>
    public static G32 operator -(G32 left, G32 right) => new(left.V - right.V);

    /// <inheritdoc/>
    public static G32 operator *(G32 left, G32 right) => new(left.V * right.V);

    /// <inheritdoc/>
    public static G32 operator /(G32 left, G32 right) => new(left.V / right.V);

    /// <inheritdoc/>
    public static G32 operator -(G32 value) => new(-value.V);

    /// <inheritdoc/>
    public static G32 MultiplyAdd(G32 a, G32 b, G32 c) => new(a.V * b.V + c.V);

    /// <inheritdoc/>
    public static G32 Horner(G32 p, G32 x, double c) => MultiplyAdd(p, x, Of(c));

    /// <inheritdoc/>
    public static G32 Sqrt(G32 x) => new(XMath.Sqrt(x.V));

    /// <inheritdoc/>
    public static G32 Abs(G32 x) => new(XMath.Abs(x.V));

    // b stands left: ILGPU 1.5.3 turns a comparison whose left side is constant around and then counts NaN as true, which made
    // relu(NaN) 0.
    /// <inheritdoc/>
    public static G32 Max(G32 a, G32 b) => new(b.V < a.V ? a.V : b.V);

    /// <inheritdoc/>
    public static G32 Min(G32 a, G32 b) => new(b.V > a.V ? a.V : b.V);

    /// <inheritdoc/>
    public static G32 Floor(G32 x) => new(XMath.Floor(x.V));

    /// <inheritdoc/>
    public static G32 Exp(G32 x) => new(XMath.Exp2(x.V * 1.44269504f));

    /// <inheritdoc/>
    public static G32 Log(G32 x) => new(XMath.Log2(x.V) * 0.6931472f);

    /// <inheritdoc/>
    public static G32 Sin(G32 x) => new(XMath.Sin(x.V));

    /// <inheritdoc/>
    public static G32 Cos(G32 x) => new(XMath.Cos(x.V));

    /// <inheritdoc/>
    public static G32 MillsHalf(G32 absX) => Polynomials.MillsHalf32((absX - Of(4)) / (absX + Of(4)));

    /// <inheritdoc/>
    public static G32 ErfSmall(G32 xSquared) => Polynomials.Erf32(xSquared);

    /// <inheritdoc/>
    public static G32 IfGreater(G32 a, G32 b, G32 x, G32 y) => a.V > b.V ? x : y;

    /// <inheritdoc/>
    public static G32 IfEqual(G32 a, G32 b, G32 x, G32 y) => a.V == b.V ? x : y;
}
