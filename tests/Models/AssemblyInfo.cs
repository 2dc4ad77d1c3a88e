using Xunit;

// Tests compare counters and memory of devices the whole process shares, and kernels use all threads themselves.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
