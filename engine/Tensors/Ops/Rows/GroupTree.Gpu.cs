using FlorenceKernels.Runtime;
using ILGPU;

namespace FlorenceKernels.Tensors;

/// <summary>Reductions over the threads of one group through shared memory: a fixed tree, so that the bits repeat. Every thread of the group
/// must call, and gets the result; the shared memory may be used again at once.</summary>
internal static class GroupTree
{
    /// <summary>Elements of shared memory a caller allocates: the largest group.</summary>
    public const int MaxThreads = 256;

    public static R Sum<R>(ArrayView<R> shared, R value) where R : unmanaged, IReal<R>
    {
        shared[Group.IdxX] = value;
        Group.Barrier();
        for (var half = Group.DimX >> 1; half > 0; half >>= 1)
        {
            if (Group.IdxX < half) { shared[Group.IdxX] = shared[Group.IdxX] + shared[Group.IdxX + half]; }
            Group.Barrier();
        }

        var result = shared[0];
        Group.Barrier();
        return result;
    }

    public static R Max<R>(ArrayView<R> shared, R value) where R : unmanaged, IReal<R>
    {
        shared[Group.IdxX] = value;
        Group.Barrier();
        for (var half = Group.DimX >> 1; half > 0; half >>= 1)
        {
            if (Group.IdxX < half) { shared[Group.IdxX] = R.Max(shared[Group.IdxX], shared[Group.IdxX + half]); }
            Group.Barrier();
        }

        var result = shared[0];
        Group.Barrier();
        return result;
    }
}
