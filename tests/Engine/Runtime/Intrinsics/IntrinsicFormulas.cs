using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Tests.Engine;

// One elementwise kernel per function: the engine's own map over these structs is compiled for every device.
internal readonly struct AddMap : IMap
{
    public static int Arity => 2;

    public static R F<R>(R a, R b, R c, R p, R q) where R : struct, IReal<R> => a + b;
}

internal readonly struct SubMap : IMap
{
    public static int Arity => 2;

    public static R F<R>(R a, R b, R c, R p, R q) where R : struct, IReal<R> => a - b;
}

internal readonly struct MulMap : IMap
{
    public static int Arity => 2;

    public static R F<R>(R a, R b, R c, R p, R q) where R : struct, IReal<R> => a * b;
}

internal readonly struct DivMap : IMap
{
    public static int Arity => 2;

    public static R F<R>(R a, R b, R c, R p, R q) where R : struct, IReal<R> => a / b;
}

internal readonly struct NegMap : IMap
{
    public static int Arity => 1;

    public static R F<R>(R a, R b, R c, R p, R q) where R : struct, IReal<R> => -a;
}

internal readonly struct MultiplyAddMap : IMap
{
    public static int Arity => 3;

    public static R F<R>(R a, R b, R c, R p, R q) where R : struct, IReal<R> => R.MultiplyAdd(a, b, c);
}

internal readonly struct HornerMap : IMap
{
    public static int Arity => 2;

    public static R F<R>(R a, R b, R c, R p, R q) where R : struct, IReal<R> => R.Horner(a, b, 0.75);
}

internal readonly struct OfIntMap : IMap
{
    public static int Arity => 1;

    public static R F<R>(R a, R b, R c, R p, R q) where R : struct, IReal<R> => a * R.OfInt(-3);
}

internal readonly struct SqrtMap : IMap
{
    public static int Arity => 1;

    public static R F<R>(R a, R b, R c, R p, R q) where R : struct, IReal<R> => R.Sqrt(a);
}

internal readonly struct AbsMap : IMap
{
    public static int Arity => 1;

    public static R F<R>(R a, R b, R c, R p, R q) where R : struct, IReal<R> => R.Abs(a);
}

internal readonly struct MaxMap : IMap
{
    public static int Arity => 2;

    public static R F<R>(R a, R b, R c, R p, R q) where R : struct, IReal<R> => R.Max(a, b);
}

internal readonly struct MinMap : IMap
{
    public static int Arity => 2;

    public static R F<R>(R a, R b, R c, R p, R q) where R : struct, IReal<R> => R.Min(a, b);
}

/// <summary>Compilers may turn a comparison with a constant around, which loses NaN.</summary>
internal readonly struct ClampMap : IMap
{
    public static int Arity => 1;

    public static R F<R>(R a, R b, R c, R p, R q) where R : struct, IReal<R> => R.Max(R.Of(-2), R.Min(R.Of(3), a));
}

internal readonly struct FloorMap : IMap
{
    public static int Arity => 1;

    public static R F<R>(R a, R b, R c, R p, R q) where R : struct, IReal<R> => R.Floor(a);
}

internal readonly struct ExpMap : IMap
{
    public static int Arity => 1;

    public static R F<R>(R a, R b, R c, R p, R q) where R : struct, IReal<R> => R.Exp(a);
}

internal readonly struct LogMap : IMap
{
    public static int Arity => 1;

    public static R F<R>(R a, R b, R c, R p, R q) where R : struct, IReal<R> => R.Log(a);
}

internal readonly struct SinMap : IMap
{
    public static int Arity => 1;

    public static R F<R>(R a, R b, R c, R p, R q) where R : struct, IReal<R> => R.Sin(a);
}

internal readonly struct CosMap : IMap
{
    public static int Arity => 1;

    public static R F<R>(R a, R b, R c, R p, R q) where R : struct, IReal<R> => R.Cos(a);
}

internal readonly struct MillsHalfMap : IMap
{
    public static int Arity => 1;

    public static R F<R>(R a, R b, R c, R p, R q) where R : struct, IReal<R> => R.MillsHalf(a);
}

internal readonly struct ErfSmallMap : IMap
{
    public static int Arity => 1;

    public static R F<R>(R a, R b, R c, R p, R q) where R : struct, IReal<R> => R.ErfSmall(a);
}

/// <summary>a &gt; b ? c : −c, so that both outcomes are seen in the result.</summary>
internal readonly struct IfGreaterMap : IMap
{
    public static int Arity => 3;

    public static R F<R>(R a, R b, R c, R p, R q) where R : struct, IReal<R> => R.IfGreater(a, b, c, -c);
}

/// <summary>a = b ? c : −c.</summary>
internal readonly struct IfEqualMap : IMap
{
    public static int Arity => 3;

    public static R F<R>(R a, R b, R c, R p, R q) where R : struct, IReal<R> => R.IfEqual(a, b, c, -c);
}

internal readonly struct TanhMap : IMap
{
    public static int Arity => 1;

    public static R F<R>(R a, R b, R c, R p, R q) where R : struct, IReal<R> => RealMath.Tanh(a);
}

internal readonly struct SigmoidMap : IMap
{
    public static int Arity => 1;

    public static R F<R>(R a, R b, R c, R p, R q) where R : struct, IReal<R> => RealMath.Sigmoid(a);
}

internal readonly struct Log1PMap : IMap
{
    public static int Arity => 1;

    public static R F<R>(R a, R b, R c, R p, R q) where R : struct, IReal<R> => RealMath.Log1P(a);
}

internal readonly struct NormalPdfMap : IMap
{
    public static int Arity => 1;

    public static R F<R>(R a, R b, R c, R p, R q) where R : struct, IReal<R> => RealMath.NormalPdf(a);
}

internal readonly struct NormalCdfMap : IMap
{
    public static int Arity => 1;

    public static R F<R>(R a, R b, R c, R p, R q) where R : struct, IReal<R> => RealMath.NormalCdf(a);
}

internal readonly struct GeluErfMap : IMap
{
    public static int Arity => 1;

    public static R F<R>(R a, R b, R c, R p, R q) where R : struct, IReal<R> => RealMath.GeluErf(a);
}

internal readonly struct GeluErfSlopeMap : IMap
{
    public static int Arity => 1;

    public static R F<R>(R a, R b, R c, R p, R q) where R : struct, IReal<R> => RealMath.GeluErfSlope(a);
}

internal readonly struct ErfMap : IMap
{
    public static int Arity => 1;

    public static R F<R>(R a, R b, R c, R p, R q) where R : struct, IReal<R> => RealMath.Erf(a);
}
