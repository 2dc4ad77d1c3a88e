using System.Numerics;

namespace FlorenceKernels.Runtime;

/// <summary>A real number to write formulas with: a CPU scalar, a SIMD vector of 2 to 16 lanes, or a GPU scalar. One formula over
/// <c>IReal</c> is thereby the kernel of every device, so that <c>x·Φ(x)</c> is written once.</summary>
/// <remarks>How exact each function is, per device and with reasons, stands in <c>RealAccuracy.cs</c>; <c>IntrinsicTests</c>
/// holds every device to it.</remarks>
/// <typeparam name="TSelf">The number itself.</typeparam>
public interface IReal<TSelf> :
    IAdditionOperators<TSelf, TSelf, TSelf>, ISubtractionOperators<TSelf, TSelf, TSelf>, IMultiplyOperators<TSelf, TSelf, TSelf>,
    IDivisionOperators<TSelf, TSelf, TSelf>, IUnaryNegationOperators<TSelf, TSelf>
    where TSelf : struct, IReal<TSelf>
{
    /// <summary>A constant, in every lane.</summary>
    static abstract TSelf Of(double value);

    /// <summary>A whole number, in every lane; on a GPU without a detour through float64.</summary>
    static virtual TSelf OfInt(int value) => TSelf.Of(value);

    /// <summary>a·b + c, fused where the hardware fuses.</summary>
    static abstract TSelf MultiplyAdd(TSelf a, TSelf b, TSelf c);

    /// <summary>p·x + c: one step of a polynomial.</summary>
    static abstract TSelf Horner(TSelf p, TSelf x, double c);

    /// <summary>√x.</summary>
    static abstract TSelf Sqrt(TSelf x);

    /// <summary>|x|.</summary>
    static abstract TSelf Abs(TSelf x);

    /// <summary>The larger; NaN in <paramref name="b"/> wins.</summary>
    static abstract TSelf Max(TSelf a, TSelf b);

    /// <summary>The smaller; NaN in <paramref name="b"/> wins.</summary>
    static abstract TSelf Min(TSelf a, TSelf b);

    /// <summary>⌊x⌋.</summary>
    static abstract TSelf Floor(TSelf x);

    /// <summary>eˣ; on the CPU 0 below √2 times the smallest normal number.</summary>
    static abstract TSelf Exp(TSelf x);

    /// <summary>Natural logarithm.</summary>
    static abstract TSelf Log(TSelf x);

    /// <summary>sin x; in f64 on a GPU NaN from |x| = 1e6 on.</summary>
    static abstract TSelf Sin(TSelf x);

    /// <summary>cos x; in f64 on a GPU NaN from |x| = 1e6 on.</summary>
    static abstract TSelf Cos(TSelf x);

    /// <summary>The lower-tail part of the normal CDF: Φ(−|x|)·e^{x²/2} = erfcx(|x|/√2)/2.</summary>
    static abstract TSelf MillsHalf(TSelf absX);

    /// <summary>erf(x)/x as a function of x², for |x| ≤ ½.</summary>
    static abstract TSelf ErfSmall(TSelf xSquared);

    /// <summary>a &gt; b ? x : y, lane by lane. Where a is a constant and b NaN, compiled GPU code takes x: ILGPU 1.5.3
    /// turns the comparison around and then counts NaN as true.</summary>
    static abstract TSelf IfGreater(TSelf a, TSelf b, TSelf x, TSelf y);

    /// <summary>a = b ? x : y, lane by lane.</summary>
    static abstract TSelf IfEqual(TSelf a, TSelf b, TSelf x, TSelf y);
}

/// <summary>A CPU number of <see cref="Count"/> lanes that is loaded from and stored to memory of <typeparamref name="T"/>.</summary>
/// <typeparam name="TSelf">The number itself.</typeparam> <typeparam name="T">float or double.</typeparam>
public unsafe interface ISimd<TSelf, T> : IReal<TSelf>
    where TSelf : struct, ISimd<TSelf, T>
    where T : unmanaged
{
    /// <summary>Lanes.</summary>
    static abstract int Count { get; }

    /// <summary>Reads <see cref="Count"/> elements; no alignment needed.</summary>
    static abstract TSelf Load(T* source);

    /// <summary>The same value in every lane.</summary>
    static abstract TSelf Broadcast(T value);

    /// <summary>Writes <see cref="Count"/> elements.</summary>
    void Store(T* target);

    /// <summary>Sum of the lanes, in a fixed order.</summary>
    T SumLanes();

    /// <summary>Largest lane.</summary>
    T MaxLane();
}
