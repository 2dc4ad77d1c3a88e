using System;
using System.Collections.Concurrent;
using System.Linq;
using System.Threading;
using FlorenceKernels.Runtime;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

[Collection(nameof(CpuSettings))]
public sealed class CpuThreadsTests : IDisposable
{
    private readonly int _threads = CpuThreads.Count;

    public void Dispose() => CpuThreads.Count = _threads;

    [Theory, InlineData(1), InlineData(2), InlineData(7)]
    public void For_every_task_runs_exactly_once(int threads)
    {
        CpuThreads.Count = threads;
        foreach (var count in (int[])[0, 1, 2, 3, 1000])
        {
            for (var repeat = 0; repeat < 50; repeat++)
            {
                var runs = new int[count];
                CpuThreads.For(count, i => Interlocked.Increment(ref runs[i]));
                Assert.All(runs, n => Assert.Equal(1, n));
            }
        }
    }

    [Theory, InlineData(1), InlineData(2), InlineData(5)]
    public void ForRange_chunks_depend_on_length_and_grain_only(int threads)
    {
        CpuThreads.Count = threads;
        var chunks = new ConcurrentBag<(long, long)>();
        CpuThreads.ForRange(103, 10, (from, to) => chunks.Add((from, to)));
        Assert.Equal(Enumerable.Range(0, 11).Select(i => (i * 10L, Math.Min(103L, i * 10L + 10))), chunks.Order());
    }

    [Fact]
    public void ForRange_empty_range_never_calls_the_body() =>
        CpuThreads.ForRange(0, 4, (_, _) => Assert.Fail("called for an empty range"));

    [Fact]
    public void For_two_threads_are_really_used()
    {
        CpuThreads.Count = 2;
        using var meeting = new Barrier(2);
        CpuThreads.For(2, _ =>
            Assert.True(meeting.SignalAndWait(TimeSpan.FromSeconds(20)), "the second task waited for the first"));
    }

    [Fact]
    public void For_nested_region_runs_inline()
    {
        CpuThreads.Count = 3;
        var sum = 0;
        CpuThreads.For(10, _ =>
        {
            var thread = Environment.CurrentManagedThreadId;
            CpuThreads.For(10, _ =>
            {
                Assert.Equal(thread, Environment.CurrentManagedThreadId);
                Interlocked.Increment(ref sum);
            });
        });
        Assert.Equal(100, sum);
    }

    [Theory, InlineData(1), InlineData(2), InlineData(4)]
    public void For_exception_reaches_the_caller_and_the_pool_survives(int threads)
    {
        CpuThreads.Count = threads;
        for (var repeat = 0; repeat < 20; repeat++)
        {
            var e = Assert.Throws<InvalidOperationException>(() => CpuThreads.For(100, i =>
            {
                if (i == 37)
                {
                    throw new InvalidOperationException("task 37");
                }
            }));
            Assert.Equal("task 37", e.Message);
            var done = 0;
            CpuThreads.For(100, _ => Interlocked.Increment(ref done));
            Assert.Equal(100, done);
        }
    }

    [Fact]
    public void For_several_callers_at_once_each_get_their_own_tasks()
    {
        CpuThreads.Count = 3;
        var wrong = 0;
        var callers = Enumerable.Range(0, 4).Select(_ => new Thread(() =>
        {
            for (var repeat = 0; repeat < 300; repeat++)
            {
                var sum = 0;
                CpuThreads.For(20, i => Interlocked.Add(ref sum, i));
                Interlocked.Add(ref wrong, sum == 190 ? 0 : 1);
            }
        })).ToArray();
        Array.ForEach(callers, c => c.Start());
        Array.ForEach(callers, c => c.Join());
        Assert.Equal(0, wrong);
    }

    [Fact]
    public void For_cached_delegate_allocates_nothing()
    {
        CpuThreads.Count = 2;
        Action<int> body = _ => { };
        CpuThreads.For(8, body);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
        {
            CpuThreads.For(8, body);
        }
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Settings_out_of_range_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => CpuThreads.Count = 0);
        Assert.Throws<ArgumentOutOfRangeException>(() => CpuThreads.For(-1, _ => { }));
        Assert.Throws<ArgumentOutOfRangeException>(() => CpuThreads.ForRange(5, 0, (_, _) => { }));
    }
}
