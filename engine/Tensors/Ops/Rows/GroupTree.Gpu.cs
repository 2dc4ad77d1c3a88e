using FlorenceKernels.Runtime;
using ILGPU;

namespace FlorenceKernels.Tensors;

/// <summary>Reductions over the threads of one group through shared memory: a fixed tree, so that the bits repeat. Every thread of the group
/// must call, and gets the result.</summary>
/// <remarks>Each reduction of a kernel's loop body has a result slot of its own. ILGPU at O2 moves a load down to its first use, past barriers
/// too, so a result read from a place that the next reduction overwrites would be read too late; the slot keeps it until the body ends.</remarks>
internal static class GroupTree
{
    /// <summary>Elements of shared memory a caller allocates: the largest group, then the result slots.</summary>
    public const int Size = MaxThreads + 4;

    /// <summary>The largest group.</summary>
    public const int MaxThreads = 256;

    public static R Sum<R>(ArrayView<R> shared, int slot, R value) where R : unmanaged, IReal<R>
    {
        shared[Group.IdxX] = value;
        Group.Barrier();
        for (var half = Group.DimX >> 1; half > 0; half >>= 1)
        {
            if (Group.IdxX < half) { shared[Group.IdxX] = shared[Group.IdxX] + shared[Group.IdxX + half]; }
            Group.Barrier();
        }

        return Share(shared, slot);
    }

    public static R Max<R>(ArrayView<R> shared, int slot, R value) where R : unmanaged, IReal<R>
    {
        shared[Group.IdxX] = value;
        Group.Barrier();
        for (var half = Group.DimX >> 1; half > 0; half >>= 1)
        {
            if (Group.IdxX < half) { shared[Group.IdxX] = R.Max(shared[Group.IdxX], shared[Group.IdxX + half]); }
            Group.Barrier();
        }

        return Share(shared, slot);
    }

    private static R Share<R>(ArrayView<R> shared, int slot) where R : unmanaged
    {
        if (Group.IdxX == 0) { shared[MaxThreads + slot] = shared[0]; }
        Group.Barrier();
        return shared[MaxThreads + slot];
    }
}
