using System;
using System.Collections.Generic;
using System.Globalization;
using System.Runtime.ExceptionServices;
using System.Threading;

namespace FlorenceKernels.Runtime;

/// <summary>The worker pool of the CPU kernels: threads that spin briefly between parallel regions, then park.</summary>
/// <remarks>
/// A region is a number of tasks claimed one at a time, so that a thread which loses its core delays only the task it holds.
/// What a task computes depends on its index alone, hence results do not depend on <see cref="Count"/>.
/// A region opened inside a task, or while another thread owns the pool, runs inline on its caller.
/// </remarks>
public static class CpuThreads
{
    // Generation of the region in the high half (odd while one is being set up), next task in the low half: one compare-exchange
    // claims a task of a known region.
    private static long s_ticket;
    private static int s_taskCount;
    private static int s_tasksDone;
    private static Action<int>? s_body;
    private static Action<long, long>? s_rangeBody;
    private static long s_rangeLength;
    private static long s_rangeGrain;
    private static ExceptionDispatchInfo? s_failure;
    private static int s_isOwned;
    private static int s_count = DefaultCount();
    private static readonly Lock s_growth = new();
    private static Worker[] s_workers = [];

    [ThreadStatic] private static bool t_isInside;

    /// <summary>Threads that work on a region, the caller included. Default: FLORENCE_THREADS, else the processor
    /// count.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not positive.</exception>
    public static int Count
    {
        get => Volatile.Read(ref s_count);
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(value);
            Volatile.Write(ref s_count, value);
        }
    }

    /// <summary>Runs <paramref name="body"/> once for each task 0 … <paramref name="count"/> − 1 and returns when all are
    /// done.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The count is negative.</exception>
    /// <remarks>After a task throws, tasks not yet started are skipped and the first exception is rethrown here.</remarks>
    public static void For(int count, Action<int> body)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentNullException.ThrowIfNull(body);
        if (!TryOwn(count))
        {
            for (var i = 0; i < count; i++)
            {
                body(i);
            }
            return;
        }
        s_body = body;
        RunOwned(count);
    }

    /// <summary>Cuts 0 … <paramref name="n"/> into chunks of <paramref name="grain"/> and runs the body on each [from,
    /// to).</summary>
    /// <remarks>Chunk limits depend on n and grain only, never on the thread count: per-chunk sums have the same bits
    /// everywhere.</remarks>
    /// <exception cref="ArgumentOutOfRangeException">n is negative, the grain is not positive, or there are over 2³¹ − 1
    /// chunks.</exception>
    public static void ForRange(long n, long grain, Action<long, long> body)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(n);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(grain);
        ArgumentNullException.ThrowIfNull(body);
        var chunks = n / grain + (n % grain == 0 ? 0 : 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(chunks, int.MaxValue, nameof(n));
        if (!TryOwn((int)chunks))
        {
            for (long from = 0; from < n; from += Math.Min(grain, n - from))
            {
                body(from, from + Math.Min(grain, n - from));
            }
            return;
        }
        (s_rangeBody, s_rangeLength, s_rangeGrain) = (body, n, grain);
        RunOwned((int)chunks);
    }

    private static int DefaultCount() =>
        int.TryParse(
            Environment.GetEnvironmentVariable("FLORENCE_THREADS"), NumberStyles.None, CultureInfo.InvariantCulture, out var n)
        && n > 0 ? n : Environment.ProcessorCount;

    private static bool TryOwn(int count) =>
        count > 1 && Count > 1 && !t_isInside && Interlocked.CompareExchange(ref s_isOwned, 1, 0) == 0;

    private static void RunOwned(int count)
    {
        ExceptionDispatchInfo? failure;
        t_isInside = true;
        try
        {
            // The odd generation shuts out a late worker of the last region before the count it compares with changes.
            var generation = (Interlocked.Read(ref s_ticket) >> 32) + 2;
            Interlocked.Exchange(ref s_ticket, (generation - 1) << 32);
            s_taskCount = count;
            s_tasksDone = 0;
            s_failure = null;
            Interlocked.Exchange(ref s_ticket, generation << 32);
            Wake(Math.Min(Count, count) - 1);
            Work(generation);
            var wait = default(SpinWait);
            while (Volatile.Read(ref s_tasksDone) < count)
            {
                wait.SpinOnce(sleep1Threshold: -1);
            }
            failure = s_failure;
        }
        finally
        {
            (s_body, s_rangeBody) = (null, null);
            t_isInside = false;
            Volatile.Write(ref s_isOwned, 0);
        }
        failure?.Throw();
    }

    private static void Wake(int helpers)
    {
        if (s_workers.Length < helpers)
        {
            Grow(helpers);
        }
        for (var i = 0; i < helpers; i++)
        {
            s_workers[i].Wake();
        }
    }

    private static void Grow(int helpers)
    {
        lock (s_growth)
        {
            var workers = new List<Worker>(s_workers);
            while (workers.Count < helpers)
            {
                workers.Add(new Worker(workers.Count));
            }
            s_workers = [.. workers];
        }
    }

    // A task is claimed by moving the ticket on. When that succeeds the region is still open (it closes only after its last
    // task), so
    // the body read here belongs to it.
    private static void Work(long generation)
    {
        while (true)
        {
            var ticket = Interlocked.Read(ref s_ticket);
            var task = (int)ticket;
            if (ticket >> 32 != generation || task >= Volatile.Read(ref s_taskCount))
            {
                return;
            }
            if (Interlocked.CompareExchange(ref s_ticket, ticket + 1, ticket) == ticket)
            {
                RunTask(task);
                Interlocked.Increment(ref s_tasksDone);
            }
        }
    }

    private static void RunTask(int task)
    {
        if (Volatile.Read(ref s_failure) is not null)
        {
            return;
        }
        try
        {
            if (s_rangeBody is { } range)
            {
                var from = task * s_rangeGrain;
                range(from, from + Math.Min(s_rangeGrain, s_rangeLength - from));
            }
            else
            {
                s_body!(task);
            }
        }
#pragma warning disable CA1031 // whatever the body throws is rethrown on the caller
        catch (Exception e)
#pragma warning restore CA1031
        {
            Interlocked.CompareExchange(ref s_failure, ExceptionDispatchInfo.Capture(e), null);
        }
    }

    private sealed class Worker
    {
        private const int SpinsBeforeParking = 2000; // about 50 µs: longer than the gap between two kernels of one step
        private readonly object _gate = new();
        private bool _isSignalled;
        private readonly int _index;
        private int _isParked;

        public Worker(int index)
        {
            _index = index;
            new Thread(Loop) { IsBackground = true, Name = $"CpuThreads {index + 1}" }.Start();
        }

        public void Wake()
        {
            if (Interlocked.Exchange(ref _isParked, 0) == 1)
            {
                lock (_gate)
                {
                    _isSignalled = true;
                    Monitor.Pulse(_gate);
                }
            }
        }

        private void Loop()
        {
            t_isInside = true;
            long seen = 0;
            while (true)
            {
                var generation = Next(seen);
                seen = generation;
                if (_index < Count - 1)
                {
                    Work(generation);
                }
            }
        }

        private long Next(long seen)
        {
            while (true)
            {
                for (var i = 0; i < SpinsBeforeParking; i++)
                {
                    if (TryReadNew(seen, out var generation))
                    {
                        return generation;
                    }
                    Thread.SpinWait(1);
                }
                // Either the ticket read below is already new, or the owner's Wake sees the flag: both exchanges are full fences.
                Interlocked.Exchange(ref _isParked, 1);
                if (!TryReadNew(seen, out _) || Interlocked.Exchange(ref _isParked, 0) == 0)
                {
                    AwaitSignal();
                }
            }
        }

        private void AwaitSignal()
        {
            lock (_gate)
            {
                while (!_isSignalled)
                {
                    Monitor.Wait(_gate);
                }
                _isSignalled = false;
            }
        }

        private static bool TryReadNew(long seen, out long generation)
        {
            generation = Interlocked.Read(ref s_ticket) >> 32;
            return generation != seen && (generation & 1) == 0;
        }
    }
}
