using ILGPU;

namespace FlorenceKernels.Tensors;

// Radix sort of places by cell, six bits a pass from the lowest. A thread owns a strip of neighbouring entries and, in shared memory, a
// counter per digit that no other thread touches: no atomics, and entries of one cell keep their order. All sums are running sums, stored
// where they are read: ILGPU at O2 moves a load down to its first use, past a store to the same place. A pass is three launches: each
// group counts its digits; one group adds up what lies before them; each group counts again and moves its entries. O(entries) a pass; two
// passes to 4096 cells, three to 262144. Entries read twice and written once per pass.

/// <summary>Places, stably sorted by cell.</summary>
internal static partial class DeformSortGpu
{
    /// <summary>Threads of a group, at most.</summary>
    public const int MaxThreads = 128;

    /// <summary>Entries of a thread: a sector.</summary>
    public const int Strip = 8;

    private const int Bits = 6, Digits = 1 << Bits;

    internal static void CountPerGroup(Args a)
    {
        var counts = SharedMemory.Allocate<int>(Digits * (MaxThreads + 1));
        for (var group = Grid.IdxX; group < a.Groups; group += Grid.DimX)
        {
            Count(a, counts, group);
            Group.Barrier();
            for (var digit = Group.IdxX; digit < Digits; digit += Group.DimX)
            {
                var sum = 0;
                for (var thread = 0; thread < Group.DimX; thread++) { sum += counts[At(digit, thread)]; }
                a.Until[digit * a.Groups + group] = sum;
            }

            Group.Barrier();
        }
    }

    // Numbers of entries to running sums.
    internal static void AddInOneGroup(Args a)
    {
        var sums = SharedMemory.Allocate<int>(MaxThreads);
        var all = a.Groups * Digits;
        var strip = (all + Group.DimX - 1) / Group.DimX;
        var from = Group.IdxX * strip;
        var to = from + strip < all ? from + strip : all;
        var sum = 0;
        for (var i = from; i < to; i++) { sum += a.Until[i]; }
        sums[Group.IdxX] = sum;
        Group.Barrier();
        var before = 0;
        for (var thread = 0; thread < Group.IdxX; thread++) { before += sums[thread]; }
        for (var i = from; i < to; i++)
        {
            before += a.Until[i];
            a.Until[i] = before;
        }
    }

    internal static void MovePerGroup(Args a)
    {
        var counts = SharedMemory.Allocate<int>(Digits * (MaxThreads + 1));
        for (var group = Grid.IdxX; group < a.Groups; group += Grid.DimX)
        {
            Count(a, counts, group);
            Group.Barrier();
            for (var digit = Group.IdxX; digit < Digits; digit += Group.DimX)
            {
                // Down from what lies before the next group, so that each counter becomes the place of its thread's first entry.
                var before = a.Until[digit * a.Groups + group];
                for (var thread = Group.DimX - 1; thread >= 0; thread--)
                {
                    before -= counts[At(digit, thread)];
                    counts[At(digit, thread)] = before;
                }
            }

            Group.Barrier();
            var first = (group * Group.DimX + Group.IdxX) * Strip;
            for (var i = first; i < first + Strip && i < a.Count; i++)
            {
                var place = Place(a, i);
                var at = At(Digit(a, place), Group.IdxX);
                a.To[counts[at]] = place;
                counts[at] = counts[at] + 1;
            }

            Group.Barrier();
        }
    }

    private static void Count(Args a, ArrayView<int> counts, int group)
    {
        for (var digit = 0; digit < Digits; digit++) { counts[At(digit, Group.IdxX)] = 0; }
        var first = (group * Group.DimX + Group.IdxX) * Strip;
        for (var i = first; i < first + Strip && i < a.Count; i++)
        {
            var at = At(Digit(a, Place(a, i)), Group.IdxX);
            counts[at] = counts[at] + 1;
        }
    }

    // A digit's row is one longer than the group, so that the counters of neighbouring digits, which neighbouring threads add up, lie in
    // different banks.
    private static int At(int digit, int thread) => digit * (Group.DimX + 1) + thread;

    private static int Place(Args a, int i) => a.IsFirst != 0 ? i : a.From[i];

    private static int Digit(Args a, int place) => ((place / a.Samples * a.MapCells + a.Cells[place]) >> a.Shift) & (Digits - 1);

    internal struct Args
    {
        public ArrayView<int> Cells, From, To, Until;
        public int Count, Groups, Samples, MapCells, Shift, IsFirst;
    }
}
