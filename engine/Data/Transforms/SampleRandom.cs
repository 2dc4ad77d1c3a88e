using System;

namespace FlorenceKernels.Data;

/// <summary>Random numbers of one sample in one epoch, from its key alone: the same whatever thread, order or restart
/// (SplitMix64, Steele et al. 2014).</summary>
public struct SampleRandom
{
    private const ulong Gamma = 0x9E3779B97F4A7C15UL;

    private ulong _state;

    /// <summary>Starts the sequence of a key.</summary>
    public SampleRandom(ulong seed, long epoch, long index)
    {
        // each part is mixed in after a full round, so that (1, 2) and (2, 1) start far apart
        _state = Mix(seed + Gamma);
        _state = Mix(_state ^ (ulong)epoch * 0xD1B54A32D192ED03UL + Gamma);
        _state = Mix(_state ^ (ulong)index * 0xABC98388FB8FAC03UL + Gamma);
    }

    /// <summary>The next 64 uniform bits.</summary>
    public ulong NextUInt64() => Mix(_state += Gamma);

    /// <summary>The next 32 uniform bits.</summary>
    public uint NextUInt32() => (uint)(NextUInt64() >> 32);

    /// <summary>Uniform in [0, 1).</summary>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Uniform in [low, high).</summary>
    public double NextDouble(double low, double high) => low + (high - low) * NextDouble();

    /// <summary>Uniform integer in [0, limit).</summary>
    public int NextInt32(int limit)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        return (int)((ulong)NextUInt32() * (ulong)limit >> 32);
    }

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}
