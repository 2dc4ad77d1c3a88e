using FlorenceKernels.Runtime;
using ILGPU;

namespace FlorenceKernels.Tensors;

// sigmoid_focal_loss of x [N, C], GridStride: one logit per thread. Traffic: x in, y out.
internal static class FocalLossGpu
{
    internal static void Forward<R>(Args<R> a) where R : unmanaged, IReal<R>
    {
        for (var i = Grid.IdxX * Group.DimX + Group.IdxX; i < a.Count; i += Grid.DimX * Group.DimX)
        {
            var row = i / a.C;
            var target = a.Targets[row];
            R z = -a.X[i], weight = a.Absent;
            if (target == i - row * a.C + 1) { (z, weight) = (a.X[i], a.Present); }
            var loss = FocalFormula.Loss(z, weight, a.Gamma);
            if (target < 0) { loss = R.Of(0); }
            if (target < -1 || target > a.C) { loss = a.NotANumber; }
            a.Y[i] = loss;
        }
    }

    internal static void Backward<R>(Args<R> a) where R : unmanaged, IReal<R>
    {
        for (var i = Grid.IdxX * Group.DimX + Group.IdxX; i < a.Count; i += Grid.DimX * Group.DimX)
        {
            var row = i / a.C;
            var target = a.Targets[row];
            R z = -a.X[i], weight = -a.Absent;
            if (target == i - row * a.C + 1) { (z, weight) = (a.X[i], a.Present); }
            var dx = a.G[i * a.GStep] * FocalFormula.Slope(z, weight, a.Gamma);
            if (target < 0) { dx = R.Of(0); }
            a.Y[i] = dx;
        }
    }

    internal struct Args<R> where R : unmanaged
    {
        public ArrayView<R> X, Y, G;        // [N, C]; G [N, C] or one element
        public ArrayView<long> Targets;     // [N]
        public R Present, Absent, Gamma, NotANumber;
        public int Count, C, GStep;
    }
}
