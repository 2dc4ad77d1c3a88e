using System;

namespace FlorenceKernels.Data;

/// <summary>
/// Addresses the randomness of one drawn sample: equal for equal (seed, epoch, position) whatever thread draws it, so that a
/// resumed run repeats it bit for bit.
/// </summary>
/// <param name="Seed">Seed of the run.</param>
/// <param name="Epoch">Epoch, from 0.</param>
/// <param name="Position">Position of the sample in the epoch: batch index times batch size plus row.</param>
public readonly record struct SampleSeed(ulong Seed, int Epoch, long Position)
{
    /// <summary>A 64-bit value for random stream <paramref name="stream"/> of this sample.</summary>
    public ulong Value(ulong stream = 0) =>
        Mix(Mix(Mix(Mix(Seed) ^ (uint)Epoch) ^ (ulong)Position) ^ stream);

    /// <summary>Finaliser of SplitMix64 (Steele, Lea and Flood 2014) over the golden-ratio increment.</summary>
    internal static ulong Mix(ulong z)
    {
        z += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}

/// <summary>A counter-based source of integers for orders and draws; the same on every machine.</summary>
internal struct SplitMix(ulong state)
{
    private ulong _state = state;

    public ulong Next()
    {
        ulong value = SampleSeed.Mix(_state);
        _state += 0x9E3779B97F4A7C15;
        return value;
    }

    /// <summary>Uniform in 0..bound-1 by the high half of a 64x64-bit product; the bias is below bound / 2^64.</summary>
    public int Next(int bound) => (int)Math.BigMul(Next(), (ulong)bound, out _);

    /// <summary>Uniform in [0, 1) with 24 bits.</summary>
    public float NextSingle() => (Next() >> 40) * (1f / (1 << 24));

    public void Shuffle<T>(Span<T> items)
    {
        for (int i = items.Length - 1; i > 0; i--)
        {
            int j = Next(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }
}
