using System;
using System.Collections.Generic;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

[Collection(nameof(CpuSettings))]
public sealed class CachingAllocatorTests
{
    private readonly Blocks _system = new();

    [Fact]
    public void A_returned_block_is_handed_out_again()
    {
        var allocator = new CachingAllocator(_system);
        var first = allocator.Take(10_000);
        allocator.Return(first);
        Assert.Same(first, allocator.Take(9_900));
        Assert.Equal(1, _system.Allocated);
    }

    [Fact]
    public void A_block_that_wastes_more_than_a_quarter_is_not_reused()
    {
        var allocator = new CachingAllocator(_system);
        allocator.Return(allocator.Take(100_000));
        Assert.InRange(allocator.Take(70_000).Size, 70_000, 100_000 * 3 / 4 + 8_192);
        Assert.Equal(2, _system.Allocated);
    }

    [Theory, InlineData(1), InlineData(257), InlineData(5_000), InlineData(1_000_003), InlineData((1L << 31) + 1)]
    public void Rounding_loses_at_most_an_eighth(long bytes)
    {
        var size = new CachingAllocator(_system).Take(bytes).Size;
        Assert.InRange(size, Math.Max(256, bytes), Math.Max(512, bytes + bytes / 8));
        Assert.Equal(0, size % 256);
    }

    [Fact]
    public void Statistics_count_use_peak_and_reserve()
    {
        var allocator = new CachingAllocator(_system);
        var (a, b) = (allocator.Take(1024), allocator.Take(2048));
        allocator.Return(a);
        Assert.Equal(new MemoryStatistics(b.Size, a.Size + b.Size, a.Size + b.Size, 2, 2), allocator.Statistics);
        allocator.ResetPeak();
        allocator.EmptyCache();
        Assert.Equal(new MemoryStatistics(b.Size, b.Size, b.Size, 2, 2), allocator.Statistics);
        Assert.Equal([a], _system.Freed);
    }

    [Fact]
    public void When_memory_is_out_the_cache_is_emptied_and_the_request_repeated()
    {
        var allocator = new CachingAllocator(_system);
        allocator.Return(allocator.Take(60_000));
        _system.Limit = 100_000;
        Assert.Equal(90_112, allocator.Take(90_000).Size);
        Assert.Single(_system.Freed);
    }

    [Fact]
    public void When_memory_stays_out_the_message_gives_the_figures()
    {
        var allocator = new CachingAllocator(_system);
        _ = allocator.Take(1024);
        _system.Limit = 2000;
        var error = Assert.Throws<OutOfDeviceMemoryException>(() => allocator.Take(4096));
        Assert.Contains("asked for 4,096 bytes with 1,024 in use and a peak of 1,024", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_repeated_step_asks_the_system_for_nothing_new()
    {
        var w = Tensor.Uniform([64, 96], -1, 1, seed: 1);
        w.RequiresGrad = true;
        void Step()
        {
            using var scope = TensorScope.Begin();
            var x = Tensor.Uniform([50, 64], -1, 1, seed: 2);
            F.Sum(F.Square(F.Tanh(F.MatMul(x, w)) * 0.5)).Backward();
            w.ZeroGrad();
        }

        for (var i = 0; i < 3; i++) { Step(); }
        var before = Device.Cpu.Allocator.Statistics;
        for (var i = 0; i < 20; i++) { Step(); }
        var after = Device.Cpu.Allocator.Statistics;
        Assert.Equal(before.SystemAllocations, after.SystemAllocations);
        Assert.Equal(before.InUse, after.InUse);
        Assert.True(after.Allocations > before.Allocations + 20);
        w.Dispose();
    }

    // A system without memory behind it.
    private sealed class Blocks : IBlockSource
    {
        private long _used;

        public long Limit { get; set; } = long.MaxValue;

        public int Allocated { get; private set; }

        public List<MemoryBlock> Freed { get; } = [];

        public MemoryBlock Allocate(long bytes)
        {
            if (_used + bytes > Limit) { throw new InsufficientMemoryException(); }
            _used += bytes;
            Allocated++;
            return new MemoryBlock(bytes, 0, null);
        }

        public void Free(MemoryBlock block)
        {
            _used -= block.Size;
            Freed.Add(block);
        }
    }
}
