using System;
using System.Linq;
using System.Numerics;
using System.Runtime.CompilerServices;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;
using ILGPU;

namespace FlorenceKernels.Optim;

/// <summary>New values of a parameter and of its up to three state elements.</summary>
internal readonly struct Update<R>(R p, R a, R b, R c) where R : struct
{
    public readonly R P = p, A = a, B = b, C = c;
}

/// <summary>Constants of one step, the same for every element.</summary>
internal readonly struct Constants<R>(R k0, R k1, R k2, R k3, R k4, R k5, R k6, R k7, R k8) where R : struct
{
    public readonly R K0 = k0, K1 = k1, K2 = k2, K3 = k3, K4 = k4, K5 = k5, K6 = k6, K7 = k7, K8 = k8;
}

/// <summary>An optimiser's formula for one element; the kernel of every device is made from it.</summary>
internal interface IUpdateRule
{
    /// <summary>State tensors per parameter, 0 to 3.</summary>
    static abstract int States { get; }

    static abstract Update<R> Apply<R>(R p, R g, R a, R b, R c, Constants<R> k) where R : struct, IReal<R>;
}

/// <summary>A parameter with its gradient and state, for one step.</summary>
internal readonly record struct UpdateTarget(Tensor Parameter, Tensor Gradient, Tensor?[] States, double[] Constants);

/// <summary>Runs a rule over all parameters: on the CPU one parallel region over fixed chunks of all tensors, so that many small tensors
/// cost one dispatch; on a GPU one launch per tensor. Traffic: p, states read and written, g read; memory-bound.</summary>
internal static class MultiTensor
{
    private const int Chunk = 1 << 14;

    public static void Run<TRule>(UpdateTarget[] targets) where TRule : struct, IUpdateRule
    {
        foreach (var group in targets.GroupBy(t => (t.Parameter.Device, t.Parameter.DType)))
        {
            var like = group.First().Parameter;
            Kernel.Run(like, new Launch<TRule>([.. group]));
        }

        foreach (var target in targets) { target.Parameter.MarkUpdated(); }
    }

    private readonly struct Launch<TRule>(UpdateTarget[] targets) : IOpKernel where TRule : struct, IUpdateRule
    {
        public void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T> => Simd.Run<T, UpdateCpu<TRule, T>>(new UpdateCpu<TRule, T>(targets, Chunk));

        public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R>
        {
            foreach (var t in targets)
            {
                var k = t.Constants;
                device.LaunchElements(UpdateGpu.GridStride<TRule, R>, t.Parameter.Count, new UpdateGpu.Args<R>
                {
                    P = t.Parameter.View<R>(),
                    G = t.Gradient.View<R>(),
                    A = State<R>(t, 0),
                    B = State<R>(t, 1),
                    C = State<R>(t, 2),
                    K = new Constants<R>(R.Of(k[0]), R.Of(k[1]), R.Of(k[2]), R.Of(k[3]), R.Of(k[4]), R.Of(k[5]), R.Of(k[6]), R.Of(k[7]), R.Of(k[8])),
                    Count = checked((int)t.Parameter.Count),
                });
            }
        }

        private static ArrayView<R> State<R>(UpdateTarget t, int number) where R : unmanaged =>
            (number < t.States.Length && t.States[number] is { } s ? s : t.Parameter).View<R>();
    }
}

internal static class UpdateGpu
{
    internal static void GridStride<TRule, R>(Args<R> k) where TRule : struct, IUpdateRule where R : unmanaged, IReal<R>
    {
        for (var i = Grid.IdxX * Group.DimX + Group.IdxX; i < k.Count; i += Grid.DimX * Group.DimX)
        {
            var a = k.P[i];
            var b = a;
            var c = a;
            if (TRule.States > 0) { a = k.A[i]; }
            if (TRule.States > 1) { b = k.B[i]; }
            if (TRule.States > 2) { c = k.C[i]; }
            var u = TRule.Apply(k.P[i], k.G[i], a, b, c, k.K);
            k.P[i] = u.P;
            if (TRule.States > 0) { k.A[i] = u.A; }
            if (TRule.States > 1) { k.B[i] = u.B; }
            if (TRule.States > 2) { k.C[i] = u.C; }
        }
    }

    internal struct Args<R> where R : unmanaged
    {
        public ArrayView<R> P, G, A, B, C;
        public Constants<R> K;
        public int Count;
    }
}

internal readonly unsafe struct UpdateCpu<TRule, T>(UpdateTarget[] targets, int chunk) : ISimdKernel<T>
    where TRule : struct, IUpdateRule
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public void Run<R>() where R : struct, ISimd<R, T>
    {
        var self = this;
        var starts = new long[targets.Length + 1];
        for (var i = 0; i < targets.Length; i++) { starts[i + 1] = starts[i] + (targets[i].Parameter.Count + chunk - 1) / chunk; }
        CpuThreads.For(checked((int)starts[^1]), task =>
        {
            var found = Array.BinarySearch(starts, task);
            var i = found >= 0 ? found : ~found - 1;
            while (starts[i + 1] <= task) { i++; }
            self.Part<R>(self.Target(i), (task - starts[i]) * self.ChunkSize);
        });
    }

    private int ChunkSize => chunk;

    private UpdateTarget Target(int i) => targets[i];

    private void Part<R>(UpdateTarget t, long from) where R : struct, ISimd<R, T>
    {
        var n = Math.Min(chunk, t.Parameter.Count - from);
        T* p = t.Parameter.Pointer<T>() + from, g = t.Gradient.Pointer<T>() + from;
        T* a = State(t, 0, p, from), b = State(t, 1, p, from), c = State(t, 2, p, from);
        long i = 0;
        var k = Constants<R>(t.Constants);
        for (; i + R.Count <= n; i += R.Count) { Element(p + i, g + i, a + i, b + i, c + i, k); }
        var tail = Constants<Scalar<T>>(t.Constants);
        for (; i < n; i++) { Element(p + i, g + i, a + i, b + i, c + i, tail); }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Element<R>(T* p, T* g, T* a, T* b, T* c, Constants<R> k) where R : struct, ISimd<R, T>
    {
        var old = R.Load(p);
        var u = TRule.Apply(old, R.Load(g), TRule.States > 0 ? R.Load(a) : old, TRule.States > 1 ? R.Load(b) : old, TRule.States > 2 ? R.Load(c) : old, k);
        u.P.Store(p);
        if (TRule.States > 0) { u.A.Store(a); }
        if (TRule.States > 1) { u.B.Store(b); }
        if (TRule.States > 2) { u.C.Store(c); }
    }

    private static T* State(UpdateTarget t, int number, T* fallback, long from) =>
        number < t.States.Length && t.States[number] is { } s ? s.Pointer<T>() + from : fallback;

    private static Constants<R> Constants<R>(double[] k) where R : struct, IReal<R> =>
        new(R.Of(k[0]), R.Of(k[1]), R.Of(k[2]), R.Of(k[3]), R.Of(k[4]), R.Of(k[5]), R.Of(k[6]), R.Of(k[7]), R.Of(k[8]));
}
