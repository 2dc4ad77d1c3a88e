using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Tests.Engine;

/// <summary>Runs one function over its inputs on a device: <c>cpu/Avx2</c> is the CPU at a vector width,
/// <c>cpu/Scalar</c> the loops' tails.</summary>
internal static class IntrinsicRun
{
    public static IEnumerable<string> CpuLevels =>
        [.. Enum.GetValues<SimdLevel>().Where(l => l <= SimdLevels.Best).Select(l => $"cpu/{l}"), "cpu/Scalar"];

    public static double[] Values(Intrinsic function, string device, double[][] inputs, bool isDouble)
    {
        var parts = device.Split('/');
        if (parts.Length > 1 && Enum.TryParse<SimdLevel>(parts[1], out var level)) { SimdLevels.Current = level; }
        using var scope = TensorScope.Begin();
        var home = Device.Open(parts[0]);
        var operands = inputs.Select(values => Operand(values, isDouble, home, parts[^1] == "Scalar")).ToArray();
        var y = Tensor.Empty([inputs[0].Length], operands[0].DType, home);
        function.Run(y, operands[0], operands[1], operands[2]);
        return isDouble ? y.ToArray<double>() : Array.ConvertAll(y.ToArray<float>(), v => (double)v);
    }

    // Elements two apart can not be loaded as a vector.
    private static Tensor Operand(double[] values, bool isDouble, Device home, bool isSpread)
    {
        if (isSpread) { values = [.. values.SelectMany(v => (double[])[v, 0])]; }
        var x = isDouble ? Tensor.From(values, [values.Length], home)
            : Tensor.From(Array.ConvertAll(values, v => (float)v), [values.Length], home);
        return isSpread ? x.Slice(0, 0, values.Length / 2, 2) : x;
    }
}
