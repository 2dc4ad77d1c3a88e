using System;
using System.Linq;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Threading;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;
using FlorenceKernels.Testing;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

/// <summary>Kernels work on bare addresses: while one runs, its operands must not count as forgotten, even when nothing else
/// names them.</summary>
[Collection(nameof(CpuSettings))]
public sealed class OperandLifetimeTests
{
    public static TheoryData<string> Devices => [.. TestDevices.Names.Where(d => d is "cpu" or "simulator")];

    [Theory, MemberData(nameof(Devices))]
    public void A_kernel_holds_an_operand_that_nothing_else_names(string device)
    {
        var like = TensorScope.Release(Tensor.Zeros([1], DType.F32, TestDevices.Open(device)));
        var verdict = new bool[1];
        for (var i = 0; i < 200; i++)
        {
            RunOnForgotten(like, verdict, collects: i is 0 or >= 190);
            Assert.True(i is > 0 and < 190 || verdict[0], $"run {i}: the operand was collected while its kernel ran");
            if (i == 100) { Thread.Sleep(300); } // the second tier of the compiler, which forgets variables early, takes over
        }

        like.Dispose();
    }

    [Fact]
    public void Temporaries_without_a_scope_survive_a_collector_that_never_rests()
    {
        using var noGrad = GradMode.NoGrad();
        using var source = TensorScope.Release(Tensor.Uniform([96, 129], -1, 1, 7));
        (string Name, Func<Tensor, Tensor> Run)[] ops =
        [
            ("copy", x => x.T().Contiguous()), ("cast", x => (x.T() * 2).To(DType.F64)),
            ("compare", x => F.Greater(x.To(DType.F64), 0.25)), ("reduce", x => F.Sum((x + 1).T(), [0])),
            ("scan", x => F.CumSum((x * 3).T(), 0)), ("softmax", x => F.Softmax((x - 1).T(), 0)),
            ("select", x => F.IndexSelect((x * 5).T(), 0, Tensor.From([3L, 100, 7], [3]))),
            ("linear", x => F.Linear(x * 2, x + 1)), ("norm", x => F.LayerNorm((x * 2).T())), ("pool", x => F.MaxPool2d((x * 2).T().Reshape(1, 1, 129, 96), 2, 2, 0)),
        ];
        double[][] expected = [.. ops.Select(op => Values(op.Run(source)))];
        WhileCollecting(() =>
        {
            for (var round = 0; round < 150; round++)
            {
                for (var i = 0; i < ops.Length; i++)
                {
                    Assert.True(Values(ops[i].Run(source)).SequenceEqual(expected[i]), $"{ops[i].Name} differs in round {round}");
                }
            }
        }, 96 * 129);
    }

    [Fact]
    public void Assign_holds_its_source()
    {
        using var target = TensorScope.Release(Tensor.Zeros([1 << 21]));
        using var small = TensorScope.Release(Tensor.Zeros([8]));
        for (var i = 0; i < 400; i++)
        {
            AssignForgotten(small, 1);
            if (i % 100 == 0) { Thread.Sleep(150); } // the second tier of the compiler, which forgets variables early, takes over
        }

        WhileCollecting(() =>
        {
            for (var round = 1; round <= 60; round++)
            {
                AssignForgotten(target, round);
                Assert.True(Array.TrueForAll(target.ToArray<float>(), v => v == round),
                    $"round {round}: the source was overwritten while it was copied");
            }
        }, 1 << 21);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void AssignForgotten(Tensor target, double value) => target.Assign(Tensor.Full(target.Shape, value));

    // What was forgotten too early comes back to the allocator here, and is overwritten.
    private static void WhileCollecting(Action body, int count)
    {
        var stops = false;
        var collector = new Thread(() =>
        {
            while (!Volatile.Read(ref stops))
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
                using var scope = TensorScope.Begin();
                for (var i = 0; i < 4; i++) { _ = Tensor.Full([count], double.NaN, i % 2 == 0 ? DType.F32 : DType.F64); }
            }
        });
        collector.Start();
        try { body(); }
        finally
        {
            Volatile.Write(ref stops, true);
            collector.Join();
        }
    }

    private static double[] Values(Tensor x)
    {
        using var scope = TensorScope.Begin();
        return x.To(DType.F64).ToArray<double>();
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void RunOnForgotten(Tensor like, bool[] verdict, bool collects) =>
        Kernel.Run(like, Forgotten(like.Device, verdict, collects));

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Probe Forgotten(Device device, bool[] verdict, bool collects)
    {
        var operand = Tensor.Zeros([1000], DType.F32, device);
        return new Probe(operand, new WeakReference(operand.Storage, trackResurrection: false), verdict, collects);
    }

    private readonly struct Probe(Tensor operand, WeakReference storage, bool[] verdict, bool collects) : IOpKernel
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
            Look(storage, verdict, (nint)operand.Pointer<T>(), collects);

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R> =>
            Look(storage, verdict, (nint)operand.View<R>().Length, collects);

        private static void Look(WeakReference storage, bool[] verdict, nint address, bool collects)
        {
            if (!collects) { return; }
            GC.Collect();
            GC.WaitForPendingFinalizers();
            verdict[0] = address != 0 && storage.IsAlive;
        }
    }
}
