namespace FlorenceKernels.Runtime;

/// <summary>Four 32-bit random words.</summary>
public readonly record struct Philox4(uint X, uint Y, uint Z, uint W);

/// <summary>Philox 4×32-10, a counter-based generator (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").
/// Random numbers are addressed by (seed, stream, index), never by state, so every device draws the same bits and a recomputed or
/// resumed step repeats them. Pure integer arithmetic: the same method runs inside GPU kernels.</summary>
public static class Philox
{
    private const uint M0 = 0xD2511F53, M1 = 0xCD9E8D57, W0 = 0x9E3779B9, W1 = 0xBB67AE85;

    /// <summary>The four words at <paramref name="index"/> of stream <paramref name="stream"/> under key <paramref name="seed"/>.</summary>
    public static Philox4 At(ulong seed, ulong stream, ulong index)
    {
        uint c0 = (uint)index, c1 = (uint)(index >> 32), c2 = (uint)stream, c3 = (uint)(stream >> 32);
        uint k0 = (uint)seed, k1 = (uint)(seed >> 32);
        for (var round = 0; round < 10; round++)
        {
            ulong p0 = (ulong)M0 * c0, p1 = (ulong)M1 * c2;
            uint h0 = (uint)(p0 >> 32), l0 = (uint)p0, h1 = (uint)(p1 >> 32), l1 = (uint)p1;
            c0 = h1 ^ c1 ^ k0;
            c1 = l1;
            c2 = h0 ^ c3 ^ k1;
            c3 = l0;
            k0 += W0;
            k1 += W1;
        }

        return new Philox4(c0, c1, c2, c3);
    }

    /// <summary>One word of a stream, element by element: word <c>index mod 4</c> of block <c>index / 4</c>.</summary>
    public static uint Word(ulong seed, ulong stream, ulong index)
    {
        var block = At(seed, stream, index >> 2);
        var lane = (uint)index & 3;
        return lane == 0 ? block.X : lane == 1 ? block.Y : lane == 2 ? block.Z : block.W;
    }

    /// <summary>A word as a float in [0, 1): 24 bits, so that 1 is never reached. The cast goes through int because ILGPU 1.5.3
    /// converts uint to float by way of f64.</summary>
    public static float Uniform(uint word) => (int)(word >> 8) * 5.9604645e-8f;
}
