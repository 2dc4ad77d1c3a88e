using System;
using System.Numerics;
using System.Runtime.CompilerServices;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>A panel of cosines [rows, columns] in memory of row length pitch, zero beyond the last column. ids are the classes of
/// the panel's rows; pairs of class c are members[starts[c]] … members[starts[c + 1] − 1].</summary>
internal readonly unsafe struct PanelCpu<T>(
    T* data, int first, int rows, int columns, int pitch, T tau, int* ids, int[] members, int[] starts)
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public int First => first;

    public int Rows => rows;

    public int Columns => columns;

    public int Pitch => pitch;

    public T Tau => tau;

    public T* Row(long row) => data + row * pitch;

    /// <summary>The pairs with this row's label, itself included.</summary>
    public ReadOnlySpan<int> Positives(long row)
    {
        var id = ids[row];
        return members.AsSpan(starts[id]..starts[id + 1]);
    }
}

// Panel statistics, RowsThenStrips: log-sum-exp of each row; then strips of columns, whose maxima and sums stay in L1 while the
// panel's rows pass. Every panel is one step of an online log-sum-exp over columns (Milakov and Gimelshein, arXiv 1805.02867,
// algorithm 3). Two exponentials per cosine; the panel is read from L2 or L3 four times. One exponential per loop: the compiler
// stops inlining where many meet in one method (4.4 s → 3.4 s of processor time for 8192 × 512).
// Ladder, forward and backward of 8192 × 512: libtorch's whole B×B matrices 3.5 s and 2.4 GB → tiles of 256 × 512 per task, five
// products, 4.1 s and 0.26 GB → panels of 384 rows, four products, each on all threads (this), 3.1 s and 0.11 GB.
internal readonly unsafe struct PanelStatisticsCpu<T>(PanelCpu<T> panel, T* rowLse, T* rowPositive, T* columnMax, T* columnSum)
    : ISimdKernel<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int StripBytes = 2048;

    public void Run<R>() where R : struct, ISimd<R, T>
    {
        var self = this;
        CpuThreads.ForRange(panel.Rows, Math.Max(1, 16384 / panel.Columns), (from, to) =>
        {
            for (var i = from; i < to; i++) { self.Row<R>(i); }
        });
        var end = (panel.Columns + R.Count - 1) / R.Count * R.Count; // whole vectors: the columns beyond the last are padding
        CpuThreads.ForRange(end, StripBytes / sizeof(T), (from, to) => self.Strip<R>((int)from, (int)(to - from)));
    }

    private void Row<R>(long i) where R : struct, ISimd<R, T>
    {
        var row = panel.Row(i);
        int columns = panel.Columns, whole = columns / R.Count * R.Count;
        var max = RowMax<R>(row, whole);
        for (var j = whole; j < columns; j++) { max = row[j] > max ? row[j] : max; }
        var sum = new Scalar<T>(RowSum<R>(row, whole, panel.Tau, max));
        for (var j = whole; j < columns; j++) { sum += Scalar<T>.Exp(new(panel.Tau * (row[j] - max))); }
        (new Scalar<T>(panel.Tau * max) + Scalar<T>.Log(sum)).Store(rowLse + panel.First + i);
        rowPositive[panel.First + i] = Positive(i);
    }

    private static T RowMax<R>(T* row, int count) where R : struct, ISimd<R, T>
    {
        R a = R.Of(ContrastivePairs.Lowest), b = a;
        var j = 0;
        for (; j + 2 * R.Count <= count; j += 2 * R.Count)
        {
            a = R.Max(a, R.Load(row + j));
            b = R.Max(b, R.Load(row + j + R.Count));
        }

        if (j < count) { a = R.Max(a, R.Load(row + j)); }
        return R.Max(a, b).MaxLane();
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static T RowSum<R>(T* row, int count, T tau, T max) where R : struct, ISimd<R, T>
    {
        R by = R.Broadcast(tau), shift = R.Broadcast(-tau * max), sum = R.Of(0);
        for (var j = 0; j < count; j += R.Count) { sum += R.Exp(R.MultiplyAdd(by, R.Load(row + j), shift)); }
        return sum.SumLanes();
    }

    private T Positive(long i)
    {
        var row = panel.Row(i);
        var positives = panel.Positives(i);
        var sum = T.Zero;
        foreach (var k in positives) { sum += row[k]; }
        return sum / T.CreateChecked(positives.Length);
    }

    private void Strip<R>(int from, int count) where R : struct, ISimd<R, T>
    {
        T* max = columnMax + from, sum = columnSum + from, shift = stackalloc T[StripBytes / sizeof(T)];
        new Span<T>(max, count).CopyTo(new Span<T>(shift, count));
        for (var i = 0; i < panel.Rows; i++) { Larger<R>(panel.Row(i) + from, max, count); }
        Rescale<R>(shift, max, sum, count, panel.Tau);
        for (var i = 0; i < panel.Rows; i++) { AddExp<R>(panel.Row(i) + from, shift, sum, count, panel.Tau); }
    }

    private static void Larger<R>(T* row, T* max, int count) where R : struct, ISimd<R, T>
    {
        for (var j = 0; j < count; j += R.Count) { R.Max(R.Load(max + j), R.Load(row + j)).Store(max + j); }
    }

    // Sums relative to the old maximum become sums relative to the new one; shift becomes −τ·max.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rescale<R>(T* shift, T* max, T* sum, int count, T tau) where R : struct, ISimd<R, T>
    {
        var by = R.Broadcast(tau);
        for (var j = 0; j < count; j += R.Count)
        {
            var now = R.Load(max + j);
            (R.Load(sum + j) * R.Exp(by * (R.Load(shift + j) - now))).Store(sum + j);
            (-by * now).Store(shift + j);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddExp<R>(T* row, T* shift, T* sum, int count, T tau) where R : struct, ISimd<R, T>
    {
        var by = R.Broadcast(tau);
        for (var j = 0; j < count; j += R.Count)
        {
            (R.Load(sum + j) + R.Exp(R.MultiplyAdd(by, R.Load(row + j), R.Load(shift + j)))).Store(sum + j);
        }
    }
}

// Panel gradient, RowsInPlace: c_ij → dL'/dc_ij = τ·dL'·(e^{s_ij − rowLse_i} + e^{s_ij − columnLse_j} − 2T_ij)/(2B), T from the
// row's list of positives. Two exponentials per cosine, the panel read and written once.
internal readonly unsafe struct PanelGradientCpu<T>(PanelCpu<T> panel, T* rowLse, T* columnLse, T* dLoss) : ISimdKernel<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int PartBytes = 2048;

    public void Run<R>() where R : struct, ISimd<R, T>
    {
        var self = this;
        CpuThreads.ForRange(panel.Rows, Math.Max(1, 16384 / panel.Columns), (from, to) =>
        {
            for (var i = from; i < to; i++) { self.Row<R>(i); }
        });
    }

    private void Row<R>(long i) where R : struct, ISimd<R, T>
    {
        var row = panel.Row(i);
        int columns = panel.Columns, whole = columns / R.Count * R.Count;
        var scale = panel.Tau * *dLoss / T.CreateChecked(2.0 * columns);
        var lse = rowLse[panel.First + i];
        var part = stackalloc T[PartBytes / sizeof(T)];
        for (var from = 0; from < whole; from += PartBytes / sizeof(T))
        {
            var count = Math.Min(PartBytes / sizeof(T), whole - from);
            RowSoftmax<R>(row + from, part, count, panel.Tau, lse);
            AddColumnSoftmax<R>(row + from, part, columnLse + from, count, panel.Tau, scale);
        }

        RowSoftmax<Scalar<T>>(row + whole, part, columns - whole, panel.Tau, lse);
        AddColumnSoftmax<Scalar<T>>(row + whole, part, columnLse + whole, columns - whole, panel.Tau, scale);
        var positives = panel.Positives(i);
        var target = scale * T.CreateChecked(2.0 / positives.Length);
        foreach (var k in positives) { row[k] -= target; }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RowSoftmax<R>(T* row, T* p, int count, T tau, T lse) where R : struct, ISimd<R, T>
    {
        R by = R.Broadcast(tau), shift = R.Broadcast(-lse);
        for (var j = 0; j < count; j += R.Count) { R.Exp(R.MultiplyAdd(by, R.Load(row + j), shift)).Store(p + j); }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddColumnSoftmax<R>(T* row, T* p, T* columnLse, int count, T tau, T scale) where R : struct, ISimd<R, T>
    {
        R by = R.Broadcast(tau), times = R.Broadcast(scale);
        for (var j = 0; j < count; j += R.Count)
        {
            ((R.Exp(R.MultiplyAdd(by, R.Load(row + j), -R.Load(columnLse + j))) + R.Load(p + j)) * times).Store(row + j);
        }
    }
}
