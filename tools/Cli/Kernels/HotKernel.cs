using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Optim;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Cli;

/// <summary>One call of an op, ready to run.</summary>
/// <param name="Run">Does it.</param> <param name="Floor">Bytes of its operands and results, each once: no kernel can move fewer.</param>
/// <param name="TileFloor">Bytes that a product by tiles must move; 0 where there are no tiles.</param>
internal sealed record PreparedCall(Action Run, long Floor, long TileFloor = 0);

/// <summary>An op that fills much of a training step, at a size that the emulator finishes in seconds.</summary>
/// <param name="Flops">Operations of its matrix products; 0 where memory is the limit.</param>
internal sealed record HotKernel(string Name, string Size, double Flops, Func<Device, PreparedCall> Prepare)
{
    private const int Large = 1024;
    private const int Rows = 784, Width = 96, Classes = 1000, Batch = 128, Side = 28, Heads = 3, Window = 7;

    /// <summary>What the matrix products run in.</summary>
    public MatMulPrecision Precision { get; init; }

    /// <summary>Whether only CUDA devices with matrix units run it.</summary>
    public bool NeedsMatrixUnits => Precision != MatMulPrecision.Highest;

    /// <summary>All of them.</summary>
    public static IReadOnlyList<HotKernel> All { get; } =
    [
        .. Gemms("gemm", 256, 64, DType.F32, MatMulPrecision.Highest), .. Gemms("gemm", Large, 128, DType.F32, MatMulPrecision.Highest),
        .. Gemms("gemm in tf32", Large, 128, DType.F32, MatMulPrecision.High),
        .. Gemms("gemm in bf16", Large, 128, DType.F32, MatMulPrecision.Medium),
        .. Gemms("gemm of bf16", Large, 128, DType.BF16, MatMulPrecision.Medium),
        .. Both("linear", "[6272, 96] to 384, gelu", 2.0 * 8 * Rows * Width * 4 * Width,
            [[8 * Rows, Width], [4 * Width, Width], [4 * Width]],
            x => F.Linear(x[0], x[1], x[2], Activation.GeluErf)),
        .. Both("window-attention", "[1, 28, 28, 3*96], 3 heads, window 7, shift 3", 4.0 * Rows * Window * Window * Width,
            [[1, Side, Side, 3 * Width], [(2 * Window - 1) * (2 * Window - 1), Heads]],
            x => F.WindowAttention(x[0], x[1], Heads, new WindowShape(Window, Window, 3, 3)), backward: 2.5),
        .. Both("conv-tokens", "[1, 3, 112, 112] by [96, 3, 7, 7], stride 4", 2.0 * Rows * Width * 147, [[1, 3, 112, 112], [Width, 3, 7, 7]],
            x => F.ConvTokens(x[0], x[1], null, 4, 2)),
        .. Both("conv-tokens", "[1, 28, 28, 96] by [192, 96, 3, 3], stride 2", 2.0 * Rows / 4 * 2 * Width * 9 * Width,
            [[1, Side, Side, Width], [2 * Width, Width, 3, 3]], x => F.ConvTokens(x[0], x[1], null, 2, 1, channelsLast: true)),
        .. Both("layer-norm", "[784, 96]", 0, [[Rows, Width], [Width], [Width]], x => F.LayerNorm(x[0], x[1], x[2])),
        .. Both("softmax", "[128, 1000]", 0, [[Batch, Classes]], x => F.Softmax(x[0])),
        .. Both("gelu", "[784, 384]", 0, [[Rows, 4 * Width]], x => F.Gelu(x[0])),
        .. Both("cross-entropy", "[128, 1000]", 0, [[Batch, Classes]],
            x => F.CrossEntropy(x[0], Ids(x[0].Device, Classes))),
        new("adamw step", "262144 parameters", 0, AdamW),
        .. Both("contrastive-loss", "128 pairs of width 128", 2.0 * Batch * Batch * Batch, [[Batch, Batch], [Batch, Batch], []],
            x => F.ContrastiveLoss(x[0], x[1], x[2], Ids(x[0].Device, Batch / 2))),
        .. Both("deform-conv", "[1, 64, 25, 42] by [64, 64, 3, 3]", 2.0 * 25 * 42 * 64 * 64 * 9, [[1, 64, 25, 42], [1, 18, 25, 42], [64, 64, 3, 3]],
            x => F.DeformConv2d(x[0], x[1], x[2], padding: 1)),
    ];

    private static IEnumerable<HotKernel> Both(string name, string size, double flops, Shape[] shapes, Func<Tensor[], Tensor> call,
        double backward = 2)
    {
        yield return new HotKernel(name + " forward", size, flops, device =>
        {
            var x = Inputs(shapes, device, needsGradient: false);
            using var y = call(x);
            return new PreparedCall(() => call(x).Dispose(), x.Append(y).Sum(Bytes));
        });
        yield return new HotKernel(name + " backward", size, backward * flops, device =>
        {
            var x = Inputs(shapes, device, needsGradient: true);
            var y = call(x);
            var dy = Tensor.Uniform(y.Shape, -1, 1, seed: 2, device: device);
            return new PreparedCall(() =>
            {
                foreach (var input in x) { input.ZeroGrad(); }
                y.Backward(dy, retainGraph: true);
            }, 2 * x.Sum(Bytes) + Bytes(dy));
        });
    }

    // A square product and its backward: two products.
    private static IEnumerable<HotKernel> Gemms(string name, int n, int side, DType type, MatMulPrecision precision)
    {
        var flops = 2.0 * n * n * n;
        long bytes = (long)type.Size() * n * n, tiles = bytes * (2 * (n / side) + 1);
        yield return new HotKernel($"{name} forward", $"{n}x{n}x{n}", flops, device =>
        {
            var x = Operands(n, type, device, needsGradient: false);
            return new PreparedCall(() => In(device, precision, () => F.MatMul(x[0], x[1]).Dispose()), 3 * bytes, tiles);
        })
        { Precision = precision };
        yield return new HotKernel($"{name} backward", $"{n}x{n}x{n}", 2 * flops, device =>
        {
            var x = Operands(n, type, device, needsGradient: true);
            var y = F.MatMul(x[0], x[1]);
            var dy = Tensor.Uniform(y.Shape, -1, 1, seed: 2, device: device).To(type);
            return new PreparedCall(() => In(device, precision, () =>
            {
                x[0].ZeroGrad();
                x[1].ZeroGrad();
                y.Backward(dy, retainGraph: true);
            }), 5 * bytes, 2 * tiles);
        })
        { Precision = precision };
    }

    private static Tensor[] Operands(int n, DType type, Device device, bool needsGradient) => [.. Enumerable.Range(0, 2).Select(i =>
    {
        var x = Tensor.Uniform([n, n], -1, 1, seed: 1, stream: (ulong)i, device: device).To(type);
        x.RequiresGrad = needsGradient;
        return x;
    })];

    private static void In(Device device, MatMulPrecision precision, Action run)
    {
        if (device is not GpuDevice gpu)
        {
            run();
            return;
        }

        gpu.Float32MatMulPrecision = precision;
        try { run(); }
        finally { gpu.Float32MatMulPrecision = MatMulPrecision.Highest; }
    }

    private static PreparedCall AdamW(Device device)
    {
        var p = Tensor.Uniform([1 << 18], -1, 1, seed: 1, device: device);
        p.RequiresGrad = true;
        p.SetGrad(Tensor.Uniform(p.Shape, -1, 1, seed: 2, device: device));
        var optimizer = new AdamW([new OptimizedParameter("p", p, true)]);
        return new PreparedCall(() => optimizer.Step(1e-3), 7 * Bytes(p)); // p, m, v in and out, g in
    }

    private static Tensor[] Inputs(Shape[] shapes, Device device, bool needsGradient) => [.. shapes.Select((shape, i) =>
    {
        var x = Tensor.Uniform(shape, -1, 1, seed: 1, stream: (ulong)i, device: device);
        x.RequiresGrad = needsGradient;
        return x;
    })];

    private static Tensor Ids(Device device, int kinds) =>
        Tensor.From([.. Enumerable.Range(0, Batch).Select(i => (long)(i * 7 % kinds))], [Batch], device);

    private static long Bytes(Tensor x) => x.Count * x.DType.Size();
}
