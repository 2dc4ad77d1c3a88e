using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Cli;

/// <summary>What a GPU can do at most, by its maker's papers, and what follows for counted work. Estimates, no measurements.</summary>
/// <param name="Memory">Bytes per second of device memory.</param> <param name="Arithmetic">f32 operations per second outside the matrix
/// units.</param> <param name="Tf32">TF32 operations per second of the matrix units, dense.</param> <param name="Bf16">BF16 operations of theirs.
/// </param> <param name="Units">Multiprocessors.</param> <param name="Clock">Boost clock in hertz.</param>
/// <param name="SharedPerUnit">Shared memory of a multiprocessor in bytes.</param>
internal sealed record GpuModel(string Name, string Architecture, double Memory, double Arithmetic, double Tf32, double Bf16, int Units, double Clock,
    int SharedPerUnit)
{
    private const int Warp = 32, WarpsPerUnit = 64, GroupsPerUnit = 32, RegistersPerUnit = 65536, Schedulers = 4, CacheBytesPerCycle = 128;

    /// <summary>A100 SXM 80 GB (NVIDIA A100 Tensor Core GPU Architecture, tables 1 and 4).</summary>
    public static GpuModel A100 { get; } = new("A100", "sm_80", 2.039e12, 19.5e12, 156e12, 312e12, 108, 1.41e9, 164 * 1024);

    /// <summary>H100 SXM (NVIDIA H100 Tensor Core GPU Architecture, tables 1 and 4).</summary>
    public static GpuModel H100 { get; } = new("H100", "sm_90", 3.35e12, 66.9e12, 495e12, 989e12, 132, 1.98e9, 228 * 1024);

    /// <summary>Seconds below which no kernel can stay that moves and computes this much.</summary>
    public double Floor(long bytes, double flops, MatMulPrecision precision) => Math.Max(bytes / Memory, flops / Peak(precision));

    /// <summary>Seconds of a launch: the slowest of memory (each byte of the floor once), first cache (every sector), shared memory (every
    /// wavefront), matrix units and instruction issue, were each at its peak and were latency and launch free.</summary>
    public (double Seconds, string Bound) Time(IReadOnlyList<LaunchCounters> launches, long floor, MatMulPrecision precision)
    {
        // A grid smaller than the GPU leaves multiprocessors idle.
        double Cycles(Func<LaunchCounters, double> work) => launches.Sum(l => work(l) / Math.Min(Units, Math.Max(1, l.Grid[0]))) / Clock;
        return new[]
        {
            (floor / Memory, "memory"),
            (Cycles(l => 32.0 * (l.GlobalLoadSectors + l.GlobalStoreSectors) / CacheBytesPerCycle), "cache"),
            (Cycles(l => l.SharedWavefronts), "shared"),
            (Cycles(l => l.MmaFlops * Units * Clock / Peak(precision)), "matrix"),
            (Cycles(l => (double)l.WarpInstructions / Schedulers), "issue"),
        }.MaxBy(t => t.Item1);
    }

    /// <summary>Share of a multiprocessor's warps that fit at once: registers are given out per warp in blocks of 256.</summary>
    public double Occupancy(int registers, int threads, int shared)
    {
        var warps = (threads + Warp - 1) / Warp;
        var byRegisters = RegistersPerUnit / ((registers * Warp + 255) / 256 * 256) / warps;
        var byShared = SharedPerUnit / (shared + 1024);
        return (double)warps * Math.Min(Math.Min(byRegisters, byShared), Math.Min(GroupsPerUnit, WarpsPerUnit / warps)) / WarpsPerUnit;
    }

    private double Peak(MatMulPrecision precision) =>
        precision == MatMulPrecision.High ? Tf32 : precision == MatMulPrecision.Medium ? Bf16 : Arithmetic;
}
