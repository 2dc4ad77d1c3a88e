using FlorenceKernels.Runtime;
using ILGPU;

namespace FlorenceKernels.Tensors;

// nms of sorted boxes, WordPerThread: bit j of row i says that box i would suppress the later box j of its class; one thread
// makes the 64 bits of a word. The greedy choice over the bits is the host's: it is sequential, and reads one row per kept box.
// Traffic: N²/8 bytes out.
internal static class NmsGpu
{
    internal static void Mask<R, TOrder>(Args<R> a) where R : unmanaged, IReal<R> where TOrder : struct, IAbove<R>
    {
        for (var k = Grid.IdxX * Group.DimX + Group.IdxX; k < a.Rows * a.Words; k += Grid.DimX * Group.DimX)
        {
            var row = k / a.Words;
            int i = a.First + row, start = (k - row * a.Words) * 64, end = start + 64;
            if (end > a.Count) { end = a.Count; }
            var box = BoxIoUGpu.At(a.Boxes, a.Order[i]);
            var bits = 0UL;
            for (var j = start; j < end; j++)
            {
                var iou = BoxFormula.IoU(box, BoxIoUGpu.At(a.Boxes, a.Order[j]));
                if (j > i && a.Classes[i] == a.Classes[j] && TOrder.IsAbove(iou, a.Threshold)) { bits |= 1UL << (j - start); }
            }

            a.Bits[k] = bits;
        }
    }

    internal struct Args<R> where R : unmanaged
    {
        public ArrayView<R> Boxes;              // [N, 4]
        public ArrayView<int> Order, Classes;   // [N], sorted
        public ArrayView<ulong> Bits;           // [Rows, Words]
        public R Threshold;
        public int Count, First, Rows, Words;
    }
}

/// <summary>A comparison to branch on, which the vectors' <see cref="IReal{TSelf}"/> has not.</summary>
internal interface IAbove<R>
{
    static abstract bool IsAbove(R a, R b);
}

internal readonly struct Above32 : IAbove<G32>
{
    public static bool IsAbove(G32 a, G32 b) => a.V > b.V;
}

internal readonly struct Above64 : IAbove<G64>
{
    public static bool IsAbove(G64 a, G64 b) => a.V > b.V;
}
