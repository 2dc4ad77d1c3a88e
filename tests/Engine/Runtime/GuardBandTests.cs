using System;
using FlorenceKernels.OpCases;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

/// <summary>The op rows notice a kernel that leaves its operands.</summary>
[Collection(nameof(CpuSettings))]
public sealed class GuardBandTests
{
    private unsafe delegate void Fault(float* x, float* y, int count);

    [Fact]
    public void Row_without_a_fault_passes() => Assert.Null(CaseRunner.Values(Doubling(null), Device.Cpu));

    [Theory, InlineData(5, "at byte 20"), InlineData(20, "at byte 80")]
    [InlineData(305, "at byte 1220"), InlineData(-1, "at byte -1")]
    public unsafe void Write_outside_the_result_fails_the_row(int at, string says)
    {
        var row = Doubling((_, y, _) => y[at] = 1);
        Assert.Contains(says, CaseRunner.Values(row, Device.Cpu), StringComparison.Ordinal);
        Assert.Contains(says, CaseRunner.Gradients32(row, Device.Cpu), StringComparison.Ordinal);
    }

    [Fact]
    public unsafe void Write_past_an_operand_fails_the_row()
    {
        var row = Doubling((x, _, count) => x[count] = 1);
        Assert.Contains("outside a block of 20 bytes", CaseRunner.Values(row, Device.Cpu), StringComparison.Ordinal);
    }

    [Fact]
    public unsafe void Read_past_an_operand_fails_the_row()
    {
        var row = Doubling((x, y, count) => y[0] += 1e-30f * x[count]);
        Assert.Contains("NaN", CaseRunner.Values(row, Device.Cpu), StringComparison.Ordinal);
    }

    [Fact]
    public void Read_of_what_was_never_written_fails_the_row()
    {
        var row = new OpCase("Relu", "planted", x => x[0] + Tensor.EmptyLike(x[0]) * 1e-30, x => x[0], new In([7]));
        Assert.Contains("NaN", CaseRunner.Values(row, Device.Cpu), StringComparison.Ordinal);
    }

    [Fact]
    public void Damage_of_a_block_that_is_still_held_is_found_and_the_block_stays_valid()
    {
        Tensor? held = null;
        Assert.Null(Device.Cpu.Allocator.Guard(() => TensorScope.Release(Tensor.Zeros([3])).Dispose()));
        var damage = Device.Cpu.Allocator.Guard(() => Write(held = TensorScope.Release(Tensor.Zeros([3])), 3));
        Assert.Contains("block of 12 bytes", damage, StringComparison.Ordinal);
        Assert.Equal([0, 0, 0], held!.ToArray<float>());
        held.Dispose();
    }

    private static unsafe void Write(Tensor t, int at) => t.Pointer<float>()[at] = 1;

    // y = 2x by the engine, then the fault, in f32; the gradient is the engine's.
    private static unsafe OpCase Doubling(Fault? fault) => new("Relu", "planted", x =>
    {
        var y = x[0] * 2;
        if (y.DType == DType.F32 && x[0].IsContiguous) { fault?.Invoke(x[0].Pointer<float>(), y.Pointer<float>(), 5); }
        return y;
    }, x => x[0].Map(v => 2 * v), new In([5]));
}
