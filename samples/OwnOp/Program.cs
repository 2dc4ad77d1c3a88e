// An op of your own, outside the engine: soft threshold y = sign(x)·max(|x| − t, 0), the proximal step of L1 (Donoho 1995).
// One formula serves a SIMD and a GPU kernel; the gradient is checked and the speed compared with the op composed of others.
using System;
using System.Diagnostics;
using System.Linq;
using System.Numerics;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;
using ILGPU;
using OwnOp;

var isRight = Array.TrueForAll(["cpu", "simulator"], IsRightOn);
var row = Tensor.Normal([1 << 20], 0, 1, seed: 2);
double own = Milliseconds(() => SoftThreshold.Of(row, 0.5)), composed = Milliseconds(() => Composed(row, 0.5));
Console.WriteLine($"a million elements: own {own:f2} ms, composed {composed:f2} ms, {composed / own:f1} times as long");
Console.WriteLine(isRight ? "soft_threshold is right" : "soft_threshold is WRONG");
return isRight ? 0 : 1;

static Tensor Composed(Tensor x, double t) => F.Relu(x - t) - F.Relu(-x - t);

static bool IsRightOn(string device)
{
    using var scope = TensorScope.Begin();
    var x = Tensor.Uniform([7, 5], -2, 2, seed: 1, dtype: DType.F64, device: Device.Open(device));
    x.RequiresGrad = true;
    var gradient = GradCheck.Run(inputs => SoftThreshold.Of(inputs[0], 0.5), [x]);
    var difference = F.Abs(SoftThreshold.Of(x, 0.5) - Composed(x, 0.5)).ToArray<double>().Max();
    Console.WriteLine($"{device}: {gradient}; largest difference from the composed op {difference:g2}");
    return gradient.Passed && difference < 1e-12;
}

static double Milliseconds(Func<Tensor> op) => Enumerable.Range(0, 25).Select(_ =>
{
    var start = Stopwatch.GetTimestamp();
    using (TensorScope.Begin()) { op(); }
    return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
}).Skip(5).Order().ElementAt(10);

namespace OwnOp
{
    public interface IFormula { static abstract R At<R>(R x, R dy, R t) where R : struct, IReal<R>; }

    public readonly struct Value : IFormula // what the clamp to ±t leaves over
    { public static R At<R>(R x, R dy, R t) where R : struct, IReal<R> => x - R.Max(-t, R.Min(t, x)); }

    public readonly struct Slope : IFormula // dy/dx = 1 beyond ±t, else 0
    { public static R At<R>(R x, R dy, R t) where R : struct, IReal<R> => R.IfGreater(R.Abs(x), t, dy, R.Of(0)); }

    /// <summary>The op's two kernels: <c>Kernel.Run</c> picks one by the tensors' device and element type.</summary>
    public readonly struct Pointwise<TFormula>(Tensor y, Tensor x, Tensor dy, double t) : IOpKernel where TFormula : struct, IFormula
    {
        public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
            Simd.Run<T, CpuLoop<TFormula, T>>(new(y.Pointer<T>(), x.Pointer<T>(), dy.Pointer<T>(), t, y.Count));

        public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R> => device.LaunchElements(Args<R>.Loop<TFormula>, y.Count,
            new Args<R> { Y = y.View<R>(), X = x.View<R>(), Dy = dy.View<R>(), T = R.Of(t), Count = checked((int)y.Count) });
    }

    public readonly unsafe struct CpuLoop<TFormula, T>(T* y, T* x, T* dy, double t, long count) : ISimdKernel<T>
        where TFormula : struct, IFormula where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        public void Run<R>() where R : struct, ISimd<R, T> // compiled once per vector width
        { var self = this; CpuThreads.ForRange(count, 1 << 14, (from, to) => self.Piece<R>(from, to)); }

        private void Piece<R>(long i, long to) where R : struct, ISimd<R, T>
        {
            for (; i + R.Count <= to; i += R.Count) { TFormula.At(R.Load(x + i), R.Load(dy + i), R.Of(t)).Store(y + i); }
            for (; i < to; i++) { TFormula.At(new Scalar<T>(x[i]), new(dy[i]), Scalar<T>.Of(t)).Store(y + i); }
        }
    }

    public struct Args<R> where R : unmanaged, IReal<R>
    {
        public ArrayView<R> Y, X, Dy; public R T; public int Count;
        public static void Loop<TFormula>(Args<R> k) where TFormula : struct, IFormula // compiled by ILGPU for the device
        {
            for (var i = Grid.IdxX * Group.DimX + Group.IdxX; i < k.Count; i += Grid.DimX * Group.DimX)
            { k.Y[i] = TFormula.At(k.X[i], k.Dy[i], k.T); }
        }
    }

    public sealed class SoftThreshold : GradFn
    {
        private readonly SavedTensor _x; private readonly double _t;
        private SoftThreshold(Tensor x, double t) => (_x, _t) = (Save(x), t);
        public override string Name => "soft_threshold";
        public static Tensor Of(Tensor x, double t)
        {
            Check.SameFloat("soft_threshold", x);
            var dense = x.Contiguous();
            return Tape.Record(Run<Value>(dense, dense, t), new SoftThreshold(dense, t), x);
        }

        protected override Tensor?[] Backward(Tensor dy) => [Run<Slope>(_x, dy.Contiguous(), _t)];
        private static Tensor Run<TFormula>(Tensor x, Tensor dy, double t) where TFormula : struct, IFormula
        { var y = Tensor.EmptyLike(x); Kernel.Run(y, new Pointwise<TFormula>(y, x, dy, t)); return y; }
    }
}
