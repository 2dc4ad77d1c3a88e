using System;
using System.Diagnostics;
using System.Linq;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>What a device's self test found.</summary>
/// <param name="Device">Device string.</param> <param name="Passed">True when everything agreed.</param>
/// <param name="Message">One sentence: what was compared, or what failed.</param>
/// <param name="Seconds">Time taken, kernel compilation included.</param>
public sealed record DeviceCheckResult(string Device, bool Passed, string Message, double Seconds)
{
    /// <inheritdoc/>
    public override string ToString() => Message;
}

/// <summary>A short proof that a device computes: copies there and back, an elementwise formula and reductions in f32 and f64, each against
/// plain host arithmetic in double.</summary>
public static class DeviceCheck
{
    // Columns past a group; few rows, because each is a barrier tree and the lanes of the simulator are operating-system threads.
    private const int Rows = 17, Columns = 1031;

    /// <summary>Tests a device; about a second where kernels must be compiled. Never throws for a fault of the device.</summary>
    public static DeviceCheckResult SelfTest(Device device)
    {
        ArgumentNullException.ThrowIfNull(device);
        var clock = Stopwatch.StartNew();
        string? fault;
        try
        {
            using var scope = TensorScope.Begin();
            using var noGrad = GradMode.NoGrad();
            fault = Copies(device) ?? Computes(device, DType.F32, 2e-6) ?? Computes(device, DType.F64, 1e-12);
        }
        catch (FlorenceException e)
        {
            fault = e.Message;
        }

        var seconds = clock.Elapsed.TotalSeconds;
        return new DeviceCheckResult(device.Name, fault is null, fault is null
            ? $"{device.Name}: copies, elementwise kernels and reductions in f32 and f64 agree with host arithmetic"
            : fault.StartsWith(device.Name, StringComparison.Ordinal) ? fault : $"{device.Name}: {fault}", seconds);
    }

    /// <summary>Null when values agree, else one sentence.</summary>
    internal static string? Differs(string what, double[] actual, double[] expected, double tolerance)
    {
        if (actual.Length != expected.Length) { return $"{what} gave {actual.Length} values, expected {expected.Length}"; }
        var allowed = tolerance * Math.Max(1e-3, expected.Select(Math.Abs).DefaultIfEmpty(0).Max());
        for (var i = 0; i < expected.Length; i++)
        {
            if (Math.Abs(actual[i] - expected[i]) <= allowed) { continue; }
            return $"{what} is wrong: element {i} is {actual[i]:g9}, expected {expected[i]:g9}";
        }

        return null;
    }

    // Lengths that are no multiples of a word, and a part that does not start at one.
    private static string? Copies(Device device)
    {
        foreach (var length in new[] { 1, 3, 255, 4099, 100_003 })
        {
            byte[] bytes = [.. Enumerable.Range(0, length).Select(i => (byte)(i * 7 + 3))];
            var there = Tensor.From(bytes, [length], device);
            if (!there.ToArray<byte>().AsSpan().SequenceEqual(bytes)) { return $"a copy of {length} bytes came back changed"; }
            var part = there.Slice(0, length / 3, length - length / 3);
            if (!part.ToArray<byte>().AsSpan().SequenceEqual(bytes.AsSpan(length / 3))) { return $"a part of {length} bytes came back changed"; }
        }

        return null;
    }

    private static string? Computes(Device device, DType dtype, double tolerance)
    {
        var host = Tensor.Uniform([Rows, Columns], -4, 4, seed: 2021, dtype: dtype).To(DType.F64).ToArray<double>();
        var x = Tensor.FromDoubles(host, [Rows, Columns], dtype, device);
        var silu = Array.ConvertAll(host, v => v / (1 + Math.Exp(-v)));
        var columns = new double[Columns];
        for (var i = 0; i < host.Length; i++) { columns[i % Columns] += host[i]; }
        var rows = Enumerable.Range(0, Rows).Select(r => host.AsSpan(r * Columns, Columns).ToArray().Sum()).ToArray();
        var name = dtype.Name();
        return Differs($"x·sigmoid(x) in {name}", Doubles(F.Silu(x)), silu, tolerance)
            ?? Differs($"a sum over rows in {name}", Doubles(F.Sum(x, [0])), columns, 10 * tolerance)
            ?? Differs($"a sum over columns in {name}", Doubles(F.Sum(x, [1])), rows, 10 * tolerance)
            ?? Differs($"the transposed copy in {name}", Doubles(x.T().Contiguous().T()), host, 0);
    }

    private static double[] Doubles(Tensor x) => x.To(DType.F64).ToArray<double>();
}
