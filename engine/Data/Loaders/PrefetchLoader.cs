using System;
using System.Runtime.ExceptionServices;
using System.Threading;

namespace FlorenceKernels.Data;

/// <summary>How a <see cref="PrefetchLoader{TBatch}"/> works; none of it changes what the batches hold or their order.</summary>
public sealed record PrefetchOptions
{
    /// <summary>Background threads that load batches.</summary>
    public int Threads { get; init; } = Math.Max(1, Environment.ProcessorCount / 2);

    /// <summary>Batches that may be loaded or in work ahead of the consumer.</summary>
    public int Ahead { get; init; } = 4;

    /// <summary>Where to begin: the <see cref="PrefetchLoader{TBatch}.Position"/> that a checkpoint saved.</summary>
    public LoaderPosition Start { get; init; }

    /// <summary>Epochs after which the loader ends.</summary>
    public int Epochs { get; init; } = int.MaxValue;

    /// <summary>This process's rank among <see cref="WorldSize"/>: it gets its contiguous part of each batch's rows.</summary>
    public int Rank { get; init; }

    /// <summary>Number of processes that share each batch; it must divide the batch size.</summary>
    public int WorldSize { get; init; } = 1;

    /// <summary>Where skipped samples are counted and listed; null counts them without a file at the default rate.</summary>
    public SkipLog? Skips { get; init; }
}

/// <summary>
/// Loads batches on background threads, at most <see cref="PrefetchOptions.Ahead"/> of them ahead, and hands them out in the
/// sampler's order whatever the number of threads. An exception of the loading function comes out of <see cref="TryNext"/> at the
/// place of its batch. One consumer.
/// </summary>
/// <typeparam name="TBatch">What the loading function makes of a plan.</typeparam>
public sealed class PrefetchLoader<TBatch> : IDisposable
{
    private readonly PairSampler _sampler;
    private readonly Func<BatchPlan, TBatch> _load;
    private readonly PrefetchOptions _options;
    private readonly Slot[] _ring;
    private readonly Thread[] _workers;
    private readonly object _gate = new();
    private readonly long _first;
    private readonly long _end;
    private long _claimed;
    private long _delivered;
    private bool _stopping;

    /// <summary>Starts loading at <see cref="PrefetchOptions.Start"/>.</summary>
    public PrefetchLoader(PairSampler sampler, Func<BatchPlan, TBatch> load, PrefetchOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(sampler);
        ArgumentNullException.ThrowIfNull(load);
        _options = options ?? new PrefetchOptions();
        Check(_options, sampler);
        (_sampler, _load) = (sampler, load);
        Skips = _options.Skips ?? new SkipLog(null);
        _first = Ticket(_options.Start);
        _end = (long)_options.Epochs * sampler.BatchesPerEpoch;
        _claimed = _delivered = _first;
        _ring = new Slot[_options.Ahead];
        _workers = new Thread[_options.Threads];
        for (int i = 0; i < _workers.Length; i++)
        {
            _workers[i] = new Thread(Work) { IsBackground = true, Name = $"loader {i}" };
            _workers[i].Start();
        }
    }

    /// <summary>The batch that <see cref="TryNext"/> hands out next; save it to resume exactly here.</summary>
    public LoaderPosition Position =>
        new((int)(_delivered / _sampler.BatchesPerEpoch), (int)(_delivered % _sampler.BatchesPerEpoch));

    /// <summary>Samples skipped in the batches handed out so far.</summary>
    public SkipLog Skips { get; }

    /// <summary>Waits for the next batch; false after the last epoch.</summary>
    /// <exception cref="OperationCanceledException"><paramref name="cancel"/> was signalled while waiting; no batch is
    /// lost.</exception>
    /// <exception cref="TooManySkippedException">More samples are unusable than the limit allows.</exception>
    public bool TryNext(out TBatch batch, CancellationToken cancel = default)
    {
        batch = default!;
        Slot slot;
        using (cancel.UnsafeRegister(static gate => Pulse(gate!), _gate))
        {
            lock (_gate)
            {
                ObjectDisposedException.ThrowIf(_stopping, this);
                if (_delivered >= _end) return false;
                while (!_ring[At(_delivered)].Ready)
                {
                    cancel.ThrowIfCancellationRequested();
                    ObjectDisposedException.ThrowIf(_stopping, this);
                    Monitor.Wait(_gate);
                }

                slot = _ring[At(_delivered)];
                _ring[At(_delivered)] = default;
                _delivered++;
                Monitor.PulseAll(_gate);
            }
        }

        slot.Error?.Throw();
        Skips.Record(slot.Plan!.Samples.Length, slot.Plan.Skips);
        batch = slot.Batch!;
        return true;
    }

    /// <summary>Stops the threads and waits for the batches in work to end.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_stopping) return;
            _stopping = true;
            Monitor.PulseAll(_gate);
        }

        foreach (Thread worker in _workers) worker.Join();
        foreach (Slot slot in _ring) (slot.Batch as IDisposable)?.Dispose();
    }

    private void Work()
    {
        while (TryClaim(out long ticket))
        {
            Slot slot = Load(ticket);
            lock (_gate)
            {
                _ring[At(ticket)] = slot;
                Monitor.PulseAll(_gate);
            }
        }
    }

    private bool TryClaim(out long ticket)
    {
        lock (_gate)
        {
            while (!_stopping && _claimed < _end && _claimed >= _delivered + _ring.Length) Monitor.Wait(_gate);
            ticket = _claimed;
            if (_stopping || _claimed >= _end) return false;
            _claimed++;
            return true;
        }
    }

    private Slot Load(long ticket)
    {
        try
        {
            var position = new LoaderPosition((int)(ticket / _sampler.BatchesPerEpoch), (int)(ticket % _sampler.BatchesPerEpoch));
            int rows = _sampler.BatchSize / _options.WorldSize;
            int firstRow = rows * _options.Rank;
            ReadOnlyMemory<int> samples = _sampler.Batch(position.Epoch, position.Batch).Slice(firstRow, rows);
            var plan = new BatchPlan(_sampler, position, samples, firstRow);
            return new Slot { Batch = _load(plan), Plan = plan, Ready = true };
        }
        catch (Exception error)
        {
            return new Slot { Error = ExceptionDispatchInfo.Capture(error), Ready = true };
        }
    }

    private long Ticket(LoaderPosition position) => (long)position.Epoch * _sampler.BatchesPerEpoch + position.Batch;

    private int At(long ticket) => (int)((ticket - _first) % _ring.Length);

    private static void Pulse(object gate)
    {
        lock (gate) Monitor.PulseAll(gate);
    }

    private static void Check(PrefetchOptions options, PairSampler sampler)
    {
        if (options.Threads < 1) throw new ArgumentException($"A loader needs at least one thread, not {options.Threads}.");
        if (options.Ahead < 1) throw new ArgumentException($"A loader needs room for at least one batch, not {options.Ahead}.");
        if (options.Epochs < 0) throw new ArgumentException($"The number of epochs is {options.Epochs}; it cannot be negative.");
        if (options.WorldSize < 1 || options.Rank < 0 || options.Rank >= options.WorldSize)
            throw new ArgumentException($"Rank {options.Rank} does not exist in a world of {options.WorldSize}.");
        if (sampler.BatchSize % options.WorldSize != 0)
            throw new ArgumentException($"A batch of {sampler.BatchSize} cannot be shared by {options.WorldSize} ranks; " +
                "choose a multiple.");
        if (options.Start.Epoch < 0 || options.Start.Batch < 0 || options.Start.Batch > sampler.BatchesPerEpoch)
            throw new ArgumentException($"The start {options.Start} lies outside the {sampler.BatchesPerEpoch} batches of an " +
                "epoch; the data or the batch size differ from the run that saved it.");
    }

    private struct Slot
    {
        public TBatch? Batch;
        public BatchPlan? Plan;
        public ExceptionDispatchInfo? Error;
        public bool Ready;
    }
}
