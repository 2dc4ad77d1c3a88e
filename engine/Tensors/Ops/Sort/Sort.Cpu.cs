using System;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

// Sort, KeyedRows: rows in parallel. f32: key and position packed in one 64-bit number, so that an unstable sort of numbers is a stable sort
// of values. f64: keys and positions sorted together, then the positions of equal keys put in order. Traffic: rows once in, once out.
internal static unsafe class SortCpu
{
    private const int Grain = 1 << 12;

    public static void Run<T>(T* x, T* values, long* indices, long rows, int length, int take, bool descending) where T : unmanaged
    {
        CpuThreads.ForRange(rows, Math.Max(1, Grain / length), (from, to) =>
        {
            var keys = new ulong[length];
            var places = new int[length];
            for (var row = from; row < to; row++)
            {
                var source = x + row * length;
                if (typeof(T) == typeof(float)) { Order32((uint*)source, keys, places, descending); }
                else { Order64((ulong*)source, keys, places, descending); }
                for (var i = 0; i < take; i++)
                {
                    values[row * take + i] = source[places[i]];
                    indices[row * take + i] = places[i];
                }
            }
        });
    }

    /// <summary>dx[row, indices[row, i]] = dy[row, i]; places are distinct.</summary>
    public static void Place<T>(T* dy, T* dx, long* indices, long count, int length, int take) where T : unmanaged =>
        CpuThreads.ForRange(count, Grain * 4, (from, to) =>
        {
            for (var i = from; i < to; i++) { dx[i / take * length + indices[i]] = dy[i]; }
        });

    private static void Order32(uint* row, ulong[] keys, int[] places, bool descending)
    {
        var flip = descending ? uint.MaxValue : 0;
        for (var i = 0; i < keys.Length; i++) { keys[i] = ((ulong)(SortOp.Key32(row[i]) ^ flip) << 32) | (uint)i; }
        keys.AsSpan().Sort();
        for (var i = 0; i < keys.Length; i++) { places[i] = (int)(uint)keys[i]; }
    }

    private static void Order64(ulong* row, ulong[] keys, int[] places, bool descending)
    {
        var flip = descending ? ulong.MaxValue : 0;
        for (var i = 0; i < keys.Length; i++)
        {
            keys[i] = SortOp.Key64(row[i]) ^ flip;
            places[i] = i;
        }

        keys.AsSpan().Sort(places.AsSpan());
        for (int i = 0, end; i < keys.Length; i = end)
        {
            for (end = i + 1; end < keys.Length && keys[end] == keys[i]; end++) { }
            if (end - i > 1) { places.AsSpan(i, end - i).Sort(); }
        }
    }
}
