using System;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>What padding is filled with.</summary>
public enum PadMode
{
    /// <summary>One value.</summary>
    Constant,

    /// <summary>The interior mirrored at the border element, which is not repeated.</summary>
    Reflect,

    /// <summary>The border element.</summary>
    Replicate,
}

public static partial class F
{
    /// <summary>Sizes grown or, by negative pads, cropped. <paramref name="pads"/> is in torch's order: before and after the last axis, then
    /// before and after the one before it, and so on (torch.nn.functional.pad).</summary>
    /// <exception cref="ShapeException">Pads are not pairs, an axis would shrink below 0, a reflection reaches past the axis, or an axis to
    /// replicate is empty.</exception>
    public static Tensor Pad(Tensor x, ReadOnlySpan<int> pads, PadMode mode = PadMode.Constant, double value = 0)
    {
        Check.That(pads.Length % 2 == 0 && pads.Length <= 2 * x.Rank,
            $"pad: {pads.Length} pads for {x.Shape}; give a pair for each of the last axes");
        for (var i = 0; i < pads.Length; i += 2) { CheckPads(x, x.Rank - 1 - i / 2, pads[i], pads[i + 1], mode); }
        if (mode == PadMode.Constant) { return Embed(Crop(x, pads), pads, value); }
        for (var i = 0; i < pads.Length; i += 2)
        {
            if (pads[i] != 0 || pads[i + 1] != 0) { x = Border(x, x.Rank - 1 - i / 2, pads[i], pads[i + 1], mode); }
        }

        return x;
    }

    private static void CheckPads(Tensor x, int axis, int before, int after, PadMode mode)
    {
        var size = x.Shape[axis];
        Check.That((long)size + before + after >= 0, $"pad: ({before}, {after}) leaves axis {axis} of {x.Shape} without a size");
        Check.That(-before <= size && -after <= size, $"pad: ({before}, {after}) crops more than axis {axis} of {x.Shape} has");
        var far = Math.Max(before, after);
        Check.That(mode != PadMode.Reflect || far <= 0 || far < size,
            $"pad: reflecting {far} needs more than {far} elements, axis {axis} of {x.Shape} has {size}");
        Check.That(mode != PadMode.Replicate || far <= 0 || size > 0, $"pad: axis {axis} of {x.Shape} has no border to replicate");
    }

    private static Tensor Crop(Tensor x, ReadOnlySpan<int> pads)
    {
        for (var i = 0; i < pads.Length; i += 2)
        {
            int axis = x.Rank - 1 - i / 2, before = Math.Max(-pads[i], 0), after = Math.Max(-pads[i + 1], 0);
            if (before + after == 0) { continue; }
            var size = x.Shape[axis];
            x = x.Slice(axis, Math.Min(before, size), Math.Max(size - before - after, 0));
        }

        return x;
    }

    private static Tensor Embed(Tensor x, ReadOnlySpan<int> pads, double value)
    {
        var grown = pads.ToArray();
        var sizes = x.Shape.AsSpan().ToArray();
        var isSame = true;
        for (var i = 0; i < grown.Length; i++)
        {
            grown[i] = Math.Max(grown[i], 0);
            sizes[x.Rank - 1 - i / 2] += grown[i];
            isSame &= grown[i] == 0;
        }

        if (isSame) { return x; }
        var y = value == 0 ? Tensor.Zeros(sizes, x.DType, x.Device) : Tensor.Full(sizes, value, x.DType, x.Device);
        using (GradMode.NoGrad())
        {
            using var scope = TensorScope.Begin();
            CopyOp.Into(Inside(y, grown, x.Shape), x);
        }

        return Tape.Record(y, new PadGrad(grown, x.Shape), x);
    }

    private static Tensor Inside(Tensor y, int[] pads, Shape shape)
    {
        for (var i = 0; i < pads.Length; i += 2) { y = y.Slice(y.Rank - 1 - i / 2, pads[i], shape[y.Rank - 1 - i / 2]); }
        return y;
    }

    private static Tensor Border(Tensor x, int axis, int before, int after, PadMode mode)
    {
        var size = x.Shape[axis];
        var source = new int[size + before + after];
        for (var k = 0; k < source.Length; k++)
        {
            var i = k - before;
            if (mode == PadMode.Replicate) { i = Math.Clamp(i, 0, size - 1); }
            else if (i < 0) { i = -i; }
            else if (i >= size) { i = 2 * (size - 1) - i; }
            source[k] = i;
        }

        return IndexRows.Select("pad", x, axis, new RowMap(source, size));
    }

    private sealed class PadGrad(int[] pads, Shape shape) : GradFn
    {
        public override string Name => "pad";

        protected internal override Tensor?[] Backward(Tensor dy) => [Inside(dy, pads, shape)];
    }
}
