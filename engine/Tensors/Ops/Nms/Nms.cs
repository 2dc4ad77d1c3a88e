using System;
using System.Linq;
using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

public static partial class F
{
    /// <summary>Greedy non-maximum suppression: boxes in descending score, each kept one suppresses the later ones (of its class)
    /// that it overlaps by more than the threshold. Without gradient; the choice is made on the host, so a GPU is waited for
    /// (torchvision.ops.nms, batched_nms).</summary>
    /// <param name="boxes">[N, 4] corners (x1, y1, x2, y2).</param>
    /// <param name="scores">[N]; of equal scores the lower index goes first.</param>
    /// <param name="iouThreshold">The overlap allowed, in [0, 1].</param>
    /// <param name="classes">i64 (or i32) [N], or null: boxes of different classes do not suppress each other.</param>
    /// <returns>i64 [K]: the kept boxes in descending score.</returns>
    /// <exception cref="ShapeException">The shapes or the threshold do not fit.</exception>
    public static Tensor Nms(Tensor boxes, Tensor scores, double iouThreshold, Tensor? classes = null)
    {
        AreBoxes("nms", boxes, boxes);
        Check.SameFloat("nms", boxes, scores);
        Check.HasShape("nms", "scores", scores, [boxes.Shape[0]]);
        Check.That(iouThreshold is >= 0 and <= 1, $"nms: iouThreshold is {iouThreshold}, expected a value in [0, 1]");
        if (classes is not null) { Check.HasShape("nms", "classes", classes, scores.Shape); }
        var labels = classes is null ? new long[boxes.Shape[0]] : RowMap.Read("nms", "classes", classes, boxes.Device);
        var kept = NmsLaunch.Kept(Dense(boxes)!, scores, iouThreshold, labels);
        var noGradient = new NotDifferentiable("nms", "its result is indices: Detach() the boxes");
        return Tape.Record(Tensor.From(kept, [kept.Length], boxes.Device), noGradient, boxes, scores);
    }
}

/// <summary>Boxes by class, within a class in descending score: <see cref="Boxes"/>[<see cref="Starts"/>[c] ..
/// Starts[c + 1]].</summary>
internal sealed class NmsOrder
{
    public NmsOrder(long[] byScore, long[] labels)
    {
        Boxes = [.. byScore.OrderBy(i => labels[i]).Select(i => (int)i)];
        Starts = [.. Enumerable.Range(0, Boxes.Length).Where(k => k == 0 || labels[Boxes[k]] != labels[Boxes[k - 1]]),
            Boxes.Length];
    }

    public int[] Boxes { get; }

    public int[] Starts { get; }

    /// <summary>The class's number of each place.</summary>
    public int[] Segments()
    {
        var segments = new int[Boxes.Length];
        for (var c = 0; c + 1 < Starts.Length; c++) { segments.AsSpan(Starts[c], Starts[c + 1] - Starts[c]).Fill(c); }
        return segments;
    }
}

internal readonly struct NmsLaunch(Tensor boxes, NmsOrder order, double threshold, bool[] kept) : IOpKernel
{
    // Rows of bits made and read at a time, so that many boxes need not hold N²/8 bytes.
    private const int RowsAtOnce = 1 << 12;

    /// <summary>The kept boxes in descending score.</summary>
    public static long[] Kept(Tensor boxes, Tensor scores, double threshold, long[] labels)
    {
        using var scope = TensorScope.Begin();
        using var noGrad = GradMode.NoGrad();
        var byScore = F.Sort(scores, descending: true).Indices.ToArray<long>();
        var kept = new bool[byScore.Length];
        if (kept.Length > 0) { Kernel.Run(boxes, new NmsLaunch(boxes, new NmsOrder(byScore, labels), threshold, kept)); }
        return [.. byScore.Where(i => kept[i])];
    }

    public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Simd.Run<T, NmsCpu<T>>(new(boxes.Pointer<T>(), order.Boxes, order.Starts, Threshold(boxes.DType), kept));

    public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R>
    {
        if (boxes.DType == DType.F32) { Masks<G32, Above32>(device); } else { Masks<G64, Above64>(device); }
    }

    // An f32 overlap exceeds the threshold exactly if it exceeds the largest f32 that does not.
    private double Threshold(DType dtype)
    {
        if (dtype == DType.F64) { return threshold; }
        var t = (float)threshold;
        return t > threshold ? MathF.BitDecrement(t) : t;
    }

    private void Masks<R, TOrder>(GpuDevice device) where R : unmanaged, IReal<R> where TOrder : struct, IAbove<R>
    {
        int n = order.Boxes.Length, words = (n + 63) / 64, rows = Math.Min(n, RowsAtOnce);
        Tensor places = Tensor.From(order.Boxes, [n], device), classes = Tensor.From(order.Segments(), [n], device);
        var bits = Tensor.Empty([rows, words], DType.I64, device);
        var args = new NmsGpu.Args<R>
        {
            Boxes = boxes.View<R>(),
            Order = places.View<int>(),
            Classes = classes.View<int>(),
            Bits = bits.View<ulong>(),
            Threshold = R.Of(Threshold(boxes.DType)),
            Count = n,
            Words = words,
        };
        var suppressed = new ulong[words];
        for (args.First = 0; args.First < n; args.First += rows)
        {
            args.Rows = Math.Min(rows, n - args.First);
            device.LaunchElements(NmsGpu.Mask<R, TOrder>, (long)args.Rows * words, args);
            Choose(suppressed, bits.ToArray<long>(), args.First, args.Rows);
        }

        GC.KeepAlive((places, classes)); // see Kernel.KeepAlive
    }

    private void Choose(ulong[] suppressed, long[] bits, int first, int rows)
    {
        for (var row = 0; row < rows; row++)
        {
            var i = first + row;
            if ((suppressed[i / 64] >> (i % 64) & 1) != 0) { continue; }
            kept[order.Boxes[i]] = true;
            for (var w = i / 64; w < suppressed.Length; w++) { suppressed[w] |= (ulong)bits[row * suppressed.Length + w]; }
        }
    }
}
