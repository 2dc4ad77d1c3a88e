using System;
using System.Collections.Generic;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>A linear map along one axis: output j is Σ weight·input over a run of neighbouring inputs. Pooling, resizing and RoI
/// sampling are such maps on each axis in turn, and their backward is the transposed map, a gather like the forward.</summary>
internal sealed class AxisTable
{
    private AxisTable? _transposed;

    private AxisTable(int inputs, int[] starts, int[] offsets, double[] weights) =>
        (Inputs, Starts, Offsets, Weights) = (inputs, starts, offsets, weights);

    public int Inputs { get; }

    public int Outputs => Starts.Length;

    /// <summary>First input of each output.</summary>
    public int[] Starts { get; }

    /// <summary>Output j has weights [Offsets[j], Offsets[j + 1]).</summary>
    public int[] Offsets { get; }

    public double[] Weights { get; }

    /// <summary>The adjoint map. Runs whose starts and ends rise with j have transposes that are runs too; gaps get weight
    /// 0.</summary>
    public AxisTable Transposed => _transposed ??= Transpose();

    /// <summary>A table from the run of each output: its first input and weights.</summary>
    public static AxisTable Of(int inputs, int outputs, Func<int, (int Start, double[] Weights)> run)
    {
        int[] starts = new int[outputs], offsets = new int[outputs + 1];
        var weights = new List<double>();
        for (var j = 0; j < outputs; j++)
        {
            var (start, values) = run(j);
            starts[j] = start;
            weights.AddRange(values);
            offsets[j + 1] = weights.Count;
        }

        return new(inputs, starts, offsets, [.. weights]);
    }

    private AxisTable Transpose()
    {
        var first = new int[Inputs];
        var last = new int[Inputs];
        Array.Fill(first, int.MaxValue);
        Array.Fill(last, -1);
        ForEach((i, j, _) => (first[i], last[i]) = (Math.Min(first[i], j), Math.Max(last[i], j)));
        var result = Of(Outputs, Inputs, i => last[i] < 0 ? (0, []) : (first[i], new double[last[i] - first[i] + 1]));
        ForEach((i, j, w) => result.Weights[result.Offsets[i] + j - first[i]] += w);
        return result;
    }

    private void ForEach(Action<int, int, double> visit)
    {
        for (var j = 0; j < Outputs; j++)
        {
            for (var k = Offsets[j]; k < Offsets[j + 1]; k++) { visit(Starts[j] + k - Offsets[j], j, Weights[k]); }
        }
    }
}

/// <summary>An <see cref="AxisTable"/> on a device, for the length of one launch.</summary>
internal readonly struct DeviceTable : IDisposable
{
    public DeviceTable(AxisTable table, DType dtype, Device device)
    {
        Starts = TensorScope.Release(Tensor.From(table.Starts, [table.Starts.Length], device));
        Offsets = TensorScope.Release(Tensor.From(table.Offsets, [table.Offsets.Length], device));
        Weights = TensorScope.Release(Tensor.FromDoubles(table.Weights, [table.Weights.Length], dtype, device));
    }

    public Tensor Starts { get; }

    public Tensor Offsets { get; }

    public Tensor Weights { get; }

    public void Dispose()
    {
        Starts.Dispose();
        Offsets.Dispose();
        Weights.Dispose();
    }
}
