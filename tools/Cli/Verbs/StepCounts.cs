using FlorenceKernels.Runtime;

namespace FlorenceKernels.Cli;

/// <summary>What a device was asked for: the same for the same steps, however fast they are.</summary>
internal readonly record struct StepCounts(long Launches, long HostSyncs, long Allocations, long SystemAllocations)
{
    /// <summary>Since the device was opened.</summary>
    public static StepCounts Of(Device device)
    {
        var memory = device.Allocator.Statistics;
        return new StepCounts(device.Counters.Launches, device.Counters.HostSyncs, memory.Allocations, memory.SystemAllocations);
    }

    /// <summary>Between <paramref name="earlier"/> and this.</summary>
    public StepCounts Since(StepCounts earlier) =>
        new(Launches - earlier.Launches, HostSyncs - earlier.HostSyncs, Allocations - earlier.Allocations,
            SystemAllocations - earlier.SystemAllocations);
}
