using Xunit.Sdk;
using Xunit.v3;

// Tests compare counters and memory of devices the whole process shares, and kernels use all threads themselves.
[assembly: Parallelization(Mode = ParallelMode.None)]
