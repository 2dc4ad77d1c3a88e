using ILGPU;
using ILGPU.Algorithms;

namespace FlorenceKernels.Runtime;

/// <summary>A double inside a GPU kernel, for gradient checks: no GPU has f64 exponentials, so the CPU's polynomials are used.</summary>
public readonly struct G64(double value) : IReal<G64>
{
    /// <summary>The number.</summary>
    public readonly double V = value;

    /// <inheritdoc/>
    public static G64 Of(double value) => new((double)value);

    /// <inheritdoc/>
    public static G64 OfInt(int value) => new(value);

    /// <inheritdoc/>
    public static G64 operator +(G64 left, G64 right) => new(left.V + right.V);

    /// <inheritdoc/>
    public static G64 operator -(G64 left, G64 right) => new(left.V - right.V);

    /// <inheritdoc/>
    public static G64 operator *(G64 left, G64 right) => new(left.V * right.V);

    /// <inheritdoc/>
    public static G64 operator /(G64 left, G64 right) => new(left.V / right.V);

    /// <inheritdoc/>
    public static G64 operator -(G64 value) => new(-value.V);

    /// <inheritdoc/>
    public static G64 MultiplyAdd(G64 a, G64 b, G64 c) => new(a.V * b.V + c.V);

    /// <inheritdoc/>
    public static G64 Horner(G64 p, G64 x, double c) => MultiplyAdd(p, x, Of(c));

    /// <inheritdoc/>
    public static G64 Sqrt(G64 x) => new(XMath.Sqrt(x.V));

    /// <inheritdoc/>
    public static G64 Abs(G64 x) => new(XMath.Abs(x.V));

    // b stands left: ILGPU 1.5.3 turns a comparison whose left side is constant around and then counts NaN as true, which made
    // relu(NaN) 0.
    /// <inheritdoc/>
    public static G64 Max(G64 a, G64 b) => new(b.V < a.V ? a.V : b.V);

    /// <inheritdoc/>
    public static G64 Min(G64 a, G64 b) => new(b.V > a.V ? a.V : b.V);

    /// <inheritdoc/>
    public static G64 Floor(G64 x) => new(XMath.Floor(x.V));

    /// <inheritdoc/>
    public static G64 Exp(G64 x)
    {
        var (n, r) = RealMath.Split64(x);
        var scale = Interop.IntAsFloat((ulong)((long)n.V + 1022L) << 52);
        return Polynomials.TwoExp64(r) * new G64(scale);
    }

    /// <inheritdoc/>
    public static G64 Log(G64 x) => new(Gpu64.Log(x.V));

    /// <inheritdoc/>
    public static G64 Sin(G64 x) => new(Gpu64.Sin(x.V, 0));

    /// <inheritdoc/>
    public static G64 Cos(G64 x) => new(Gpu64.Sin(x.V, 1));

    /// <inheritdoc/>
    public static G64 MillsHalf(G64 absX) => Polynomials.MillsHalf64((absX - Of(4)) / (absX + Of(4)));

    /// <inheritdoc/>
    public static G64 ErfSmall(G64 xSquared) => Polynomials.Erf64(xSquared);

    /// <inheritdoc/>
    public static G64 IfGreater(G64 a, G64 b, G64 x, G64 y) => a.V > b.V ? x : y;

    /// <inheritdoc/>
    public static G64 IfEqual(G64 a, G64 b, G64 x, G64 y) => a.V == b.V ? x : y;
}
