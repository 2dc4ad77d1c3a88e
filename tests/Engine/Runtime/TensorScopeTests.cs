using System;
using System.Linq;
using System.Runtime.CompilerServices;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;
using FlorenceKernels.Testing;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

[Collection(nameof(CpuSettings))]
public sealed class TensorScopeTests
{
    public static TheoryData<string> Devices => [.. TestDevices.Names];

    private static long InUse => Device.Cpu.Allocator.Statistics.InUse;

    [Fact]
    public void The_end_of_a_scope_gives_its_memory_back()
    {
        var before = InUse;
        using (TensorScope.Begin())
        {
            var x = Tensor.Ones([1000]);
            _ = F.Exp(x) + x.Reshape(10, 100).T().Reshape(1000);
            Assert.True(InUse > before);
        }

        Assert.Equal(before, InUse);
    }

    [Fact]
    public void A_kept_tensor_outlives_its_scope_and_ends_with_the_next()
    {
        var before = InUse;
        using (var outer = TensorScope.Begin())
        {
            Tensor kept;
            using (var inner = TensorScope.Begin()) { kept = inner.Keep(Tensor.Full([10], 3)); }
            Assert.Equal(30, F.Sum(kept).Item());
        }

        Assert.Equal(before, InUse);
    }

    [Fact]
    public void A_released_tensor_belongs_to_its_owner()
    {
        var before = InUse;
        Tensor x;
        using (TensorScope.Begin()) { x = TensorScope.Release(Tensor.Full([10], 3)); }
        Assert.Equal([3f, 3, 3, 3, 3, 3, 3, 3, 3, 3], x.ToArray<float>());
        x.Dispose();
        x.Dispose();
        Assert.Equal(before, InUse);
    }

    [Fact]
    public void A_tensor_used_after_its_scope_says_so()
    {
        Tensor x;
        using (TensorScope.Begin()) { x = Tensor.Ones([3]); }
        var error = Assert.Throws<ObjectDisposedException>(() => x.ToArray<float>());
        Assert.Contains("scope.Keep", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_view_keeps_the_memory_of_a_disposed_tensor()
    {
        using var scope = TensorScope.Begin();
        var x = Tensor.From([1f, 2, 3], [3]);
        var view = x.Slice(0, 1, 2);
        x.Dispose();
        Assert.Equal([2f, 3], view.ToArray<float>());
    }

    [Fact]
    public void A_graph_that_never_ran_backward_holds_nothing_after_its_scope()
    {
        var w = Tensor.Ones([100]);
        w.RequiresGrad = true;
        var before = InUse;
        using (TensorScope.Begin())
        {
            var y = w;
            for (var i = 0; i < 50; i++) { y = F.Tanh(y * w); }
        }

        Assert.Equal(before, InUse);
        w.Dispose();
    }

    [Fact]
    public void A_gradient_nobody_asked_for_ends_with_its_backward()
    {
        var w = Tensor.Ones([100]);
        w.RequiresGrad = true;
        var before = InUse;
        using (TensorScope.Begin())
        {
            Tensor x = Tensor.Ones([100]), y = w + x;
            F.Sum(Tape.Record(y.Detach(), new Generous(), w, x)).Backward();
        }

        w.ZeroGrad();
        Assert.Equal(before, InUse);
        w.Dispose();
    }

    [Fact]
    public void Gradients_survive_the_scope_of_their_step()
    {
        var w = Tensor.Full([4], 2);
        w.RequiresGrad = true;
        using (TensorScope.Begin()) { F.Sum(F.Square(w)).Backward(); }
        Assert.Equal([4f, 4, 4, 4], w.Grad!.ToArray<float>());
        w.ZeroGrad();
        w.Dispose();
    }

    // A storage and its device buffer that become unreachable together: the buffer must not be finalized before it is reused.
    [Theory, MemberData(nameof(Devices))]
    public void Forgotten_tensors_give_back_memory_that_still_works(string name)
    {
        var device = TestDevices.Open(name);
        float[] values = [.. Enumerable.Range(0, 300)];
        for (var round = 0; round < 5; round++)
        {
            Forget(device);
            GC.Collect();
            GC.WaitForPendingFinalizers();
            using var scope = TensorScope.Begin();
            Assert.Equal(values, Tensor.From(values, [300], device).ToArray<float>());
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Forget(Device device)
    {
        for (var i = 0; i < 5; i++) { _ = Tensor.Zeros([300], DType.F32, device); }
    }

    // Answers for every input, asked for or not.
    private sealed class Generous : GradFn
    {
        public override string Name => "generous";

        protected internal override Tensor?[] Backward(Tensor dy) => [dy.Clone(), dy.Clone()];
    }
}
