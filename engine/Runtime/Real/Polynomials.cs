using System.Runtime.CompilerServices;

namespace FlorenceKernels.Runtime;

/// <summary>Polynomials behind the transcendental functions: Chebyshev interpolants (f32) and Taylor or Chebyshev series (f64), written
/// out because GPU kernels can not index constant arrays. Largest relative errors of the exact polynomials: e^r 3e-9 and 4e-18,
/// Mills' ratio 6e-8 and 7e-15, erf 1e-11 and 1e-17.</summary>
internal static class Polynomials
{
    /// <summary>2e^r for |r| ≤ ln(2)/2, f32; times 2ⁿ⁻¹, which has an exponent for every n up to 128, it is e^{r + n·ln 2}.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R TwoExp32<R>(R r) where R : struct, IReal<R>
    {
        var p = R.Of(0.0027897179877105055);
        p = R.Horner(p, r, 0.016750270548675224);
        p = R.Horner(p, r, 0.08333243627477903);
        p = R.Horner(p, r, 0.33332830801100716);
        p = R.Horner(p, r, 1.0000000215597606);
        p = R.Horner(p, r, 2.0000000754894414);
        p = R.Horner(p, r, 1.999999999919047);
        return p;
    }

    /// <summary>2e^r for |r| ≤ ln(2)/2, f64.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R TwoExp64<R>(R r) where R : struct, IReal<R>
    {
        var p = R.Of(3.2118087673643227e-10);
        p = R.Horner(p, r, 4.17535139757362e-09);
        p = R.Horner(p, r, 5.010421677088344e-08);
        p = R.Horner(p, r, 5.511463844797178e-07);
        p = R.Horner(p, r, 5.5114638447971785e-06);
        p = R.Horner(p, r, 4.96031746031746e-05);
        p = R.Horner(p, r, 0.0003968253968253968);
        p = R.Horner(p, r, 0.002777777777777778);
        p = R.Horner(p, r, 0.016666666666666666);
        p = R.Horner(p, r, 0.08333333333333333);
        p = R.Horner(p, r, 0.3333333333333333);
        p = R.Horner(p, r, 1.0);
        p = R.Horner(p, r, 2.0);
        p = R.Horner(p, r, 2.0);
        return p;
    }

    /// <summary>erfcx(t/√2)/2 as a function of u = (t − 4)/(t + 4) in [−1, 1], f32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R MillsHalf32<R>(R u) where R : struct, IReal<R>
    {
        var p = R.Of(1.8786717623023684e-05);
        p = R.Horner(p, u, -3.577668503812317e-05);
        p = R.Horner(p, u, -0.00017711176824971515);
        p = R.Horner(p, u, 0.0006298726324813769);
        p = R.Horner(p, u, 0.0005025865374129823);
        p = R.Horner(p, u, -0.00848834961891268);
        p = R.Horner(p, u, 0.03086593705643839);
        p = R.Horner(p, u, -0.07170805958047467);
        p = R.Horner(p, u, 0.12437916006397008);
        p = R.Horner(p, u, -0.1703976894669537);
        p = R.Horner(p, u, 0.09441064260748246);
        return p;
    }

    /// <summary>erfcx(t/√2)/2 as a function of u = (t − 4)/(t + 4) in [−1, 1], f64.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R MillsHalf64<R>(R u) where R : struct, IReal<R>
    {
        var p = R.Of(-3.583721613908963e-10);
        p = R.Horner(p, u, -9.58746993184878e-10);
        p = R.Horner(p, u, 1.2345656270895677e-09);
        p = R.Horner(p, u, 9.310288988720328e-09);
        p = R.Horner(p, u, 6.4965735591462915e-09);
        p = R.Horner(p, u, -4.9229440957729994e-08);
        p = R.Horner(p, u, -9.005191879206933e-08);
        p = R.Horner(p, u, 2.029543269589564e-07);
        p = R.Horner(p, u, 6.579297718360816e-07);
        p = R.Horner(p, u, -8.277789352111238e-07);
        p = R.Horner(p, u, -4.3015941687081115e-06);
        p = R.Horner(p, u, 4.631024617740795e-06);
        p = R.Horner(p, u, 2.864766052062919e-05);
        p = R.Horner(p, u, -4.5554800057633964e-05);
        p = R.Horner(p, u, -0.00018718412251331583);
        p = R.Horner(p, u, 0.0006388138472441156);
        p = R.Horner(p, u, 0.0005075620568856491);
        p = R.Horner(p, u, -0.008492095483269235);
        p = R.Horner(p, u, 0.030864804107450038);
        p = R.Horner(p, u, -0.0717074073375664);
        p = R.Horner(p, u, 0.12437925533923613);
        p = R.Horner(p, u, -0.17039772154846092);
        p = R.Horner(p, u, 0.09441064130196902);
        return p;
    }

    /// <summary>erf(x)/x as a function of s = x² ≤ ¼, f32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Erf32<R>(R s) where R : struct, IReal<R>
    {
        var p = R.Of(-0.000769505625785314);
        p = R.Horner(p, s, 0.005200446364989943);
        p = R.Horner(p, s, -0.02686315017711063);
        p = R.Horner(p, s, 0.11283774077027374);
        p = R.Horner(p, s, -0.3761263852764807);
        p = R.Horner(p, s, 1.1283791670825094);
        return p;
    }

    /// <summary>erf(x)/x as a function of s = x² ≤ ¼, f64.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Erf64<R>(R s) where R : struct, IReal<R>
    {
        var p = R.Of(9.422759064650411e-11);
        p = R.Horner(p, s, -1.2290555301717926e-09);
        p = R.Horner(p, s, 1.4807192815879218e-08);
        p = R.Horner(p, s, -1.6365844691234924e-07);
        p = R.Horner(p, s, 1.6462114365889246e-06);
        p = R.Horner(p, s, -1.492565035840625e-05);
        p = R.Horner(p, s, 0.00012055332981789664);
        p = R.Horner(p, s, -0.0008548327023450852);
        p = R.Horner(p, s, 0.005223977625442188);
        p = R.Horner(p, s, -0.026866170645131252);
        p = R.Horner(p, s, 0.11283791670955126);
        p = R.Horner(p, s, -0.37612638903183754);
        p = R.Horner(p, s, 1.1283791670955126);
        return p;
    }
}
