using System;
using System.Linq;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

public static partial class F
{
    /// <summary>Tensors joined along an axis; the other sizes are equal. Any element type (torch.cat).</summary>
    /// <exception cref="ShapeException">No tensor is given, or sizes differ.</exception>
    public static Tensor Cat(ReadOnlySpan<Tensor> tensors, int axis = 0)
    {
        Check.That(!tensors.IsEmpty, $"cat: no tensors are given");
        var parts = tensors.ToArray();
        var first = parts[0];
        axis = AxisOf("cat", first, axis);
        var size = 0;
        foreach (var t in parts)
        {
            Check.OnDevice("cat", first, t);
            if (t.DType != first.DType) { throw new DTypeException($"cat: element types differ: {first.DType.Name()} and {t.DType.Name()}"); }
            var fits = t.Rank == first.Rank && t.Shape.With(axis, 0) == first.Shape.With(axis, 0);
            Check.That(fits, $"cat: {first.Shape} and {t.Shape} differ outside axis {axis}");
            size = checked(size + t.Shape[axis]);
        }

        var y = Tensor.EmptyLike(first, first.Shape.With(axis, size));
        Fill(y, parts, axis);
        return Tape.Record(y, new CatGrad([.. parts.Select(t => t.Shape[axis])], axis), parts);
    }

    /// <summary>Tensors of one shape joined along a new axis (torch.stack).</summary>
    /// <exception cref="ShapeException">No tensor is given, or shapes differ.</exception>
    public static Tensor Stack(ReadOnlySpan<Tensor> tensors, int axis = 0)
    {
        Check.That(!tensors.IsEmpty, $"stack: no tensors are given");
        var parts = new Tensor[tensors.Length];
        if (axis < 0) { axis += tensors[0].Rank + 1; }
        for (var i = 0; i < parts.Length; i++)
        {
            Check.HasShape("stack", $"tensor {i}", tensors[i], tensors[0].Shape);
            parts[i] = tensors[i].Unsqueeze(axis);
        }

        return Cat(parts, axis);
    }

    private static void Fill(Tensor y, Tensor[] parts, int axis)
    {
        using var noGrad = GradMode.NoGrad();
        using var scope = TensorScope.Begin();
        var at = 0;
        foreach (var part in parts)
        {
            CopyOp.Into(y.Slice(axis, at, part.Shape[axis]), part);
            at += part.Shape[axis];
        }
    }

    private sealed class CatGrad(int[] sizes, int axis) : GradFn
    {
        public override string Name => "cat";

        protected internal override Tensor?[] Backward(Tensor dy)
        {
            var gradients = new Tensor?[sizes.Length];
            for (int i = 0, at = 0; i < sizes.Length; at += sizes[i++])
            {
                gradients[i] = Needs(i) ? dy.Slice(axis, at, sizes[i]) : null;
            }

            return gradients;
        }
    }
}
