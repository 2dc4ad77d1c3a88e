using System;
using System.Linq;
using System.Threading;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;
using FlorenceKernels.Testing;
using ILGPU.Runtime.OpenCL;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

public sealed class DeviceTests
{
    public static TheoryData<string> Devices => [.. TestDevices.Names];

    [Theory, MemberData(nameof(Devices))]
    public void SelfTest_passes_on_a_usable_device(string name)
    {
        var result = DeviceCheck.SelfTest(TestDevices.Open(name));
        Assert.True(result.Passed, result.Message);
        Assert.StartsWith($"{name}: copies, elementwise kernels and reductions", result.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void SelfTest_names_the_wrong_element()
    {
        Assert.Null(DeviceCheck.Differs("a sum", [1, 2.0000001], [1, 2], 1e-6));
        Assert.Equal("a sum is wrong: element 1 is 2.1, expected 2", DeviceCheck.Differs("a sum", [1, 2.1], [1, 2], 1e-6));
        Assert.NotNull(DeviceCheck.Differs("a sum", [double.NaN], [1], 1e-6));
        Assert.NotNull(DeviceCheck.Differs("a sum", [1], [1, 2], 1e-6));
    }

    [Fact]
    public void Find_lists_the_host_and_the_simulator_and_gives_a_reason_for_what_is_missing()
    {
        var found = GpuContext.Find();
        Assert.Contains(found, d => d is { Name: "cpu", Refused: null });
        Assert.Contains(found, d => d is { Name: "simulator", Refused: null });
        Assert.All(["cuda", "opencl"], kind => Assert.Contains(found, d => d.Name.StartsWith(kind, StringComparison.Ordinal)));
        Assert.All(found.Where(d => !d.Name.Contains(':', StringComparison.Ordinal) && d.Description == "-"),
            d => Assert.True(d.Refused?.Length > 30));
    }

    [Theory]
    [InlineData("gpu", "is not a device; give cpu, cuda:N, opencl:N, simulator or auto")]
    [InlineData("cuda:x", "is not a device")]
    [InlineData("opencl:-1", "is not a device")]
    [InlineData("cuda:99", "cuda:99 does not exist: ")]
    [InlineData("opencl:99", "opencl:99 does not exist: ")]
    public void Open_of_a_wrong_name_says_what_is_possible(string name, string says)
    {
        var error = Assert.Throws<DeviceException>(() => Device.Open(name));
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_twice_gives_the_same_device()
    {
        Assert.Same(Device.Open("simulator"), Device.Open(" Simulator "));
        Assert.Same(Device.Cpu, Device.Open("cpu"));
    }

    [Fact]
    public void A_driver_error_becomes_one_sentence_with_its_code_and_the_last_kernel()
    {
        var error = DriverErrors.Explain("opencl:0", "copying 1,200 bytes from the host", "ReduceGpu.RowPerGroup",
            new CLException(CLError.CL_INVALID_MEM_OBJECT));
        Assert.Equal("opencl:0: copying 1,200 bytes from the host failed: CL_INVALID_MEM_OBJECT; "
            + "the kernel started last was ReduceGpu.RowPerGroup", error.Message);
    }

    [Fact]
    public void A_kernel_that_does_not_compile_is_named()
    {
        var device = (GpuDevice)Device.Open("simulator");
        var error = Assert.Throws<DeviceException>(() => device.LaunchElements(Uncompilable, 1, new Args { Count = 1 }));
        Assert.Contains("simulator: starting kernel DeviceTests.Uncompilable failed: ", error.Message, StringComparison.Ordinal);
        Assert.True(DeviceCheck.SelfTest(device).Passed);
    }

    [Theory, MemberData(nameof(Devices))]
    public void Ids_on_the_host_cost_fewer_waits_than_ids_on_the_device(string name)
    {
        var device = TestDevices.Open(name);
        if (device.IsCpu) { Assert.Skip("the host waits for nobody"); }
        using var scope = TensorScope.Begin();
        var weight = Tensor.Ones([5, 3], DType.F32, device);
        long Waits(Tensor ids)
        {
            var before = device.Counters.HostSyncs;
            _ = F.Embedding(ids, weight);
            return device.Counters.HostSyncs - before;
        }

        var here = Tensor.From([1L, 4, 2], [3]);
        var there = here.To(device);
        Assert.Equal(Waits(here) + 1, Waits(there));
    }

    [Theory, MemberData(nameof(Devices))]
    public void Copies_survive_a_collector_that_moves_their_arrays(string name)
    {
        var device = TestDevices.Open(name);
        var source = Tensor.Uniform([16384], -1, 1, seed: 5).ToArray<float>();
        using var stop = new CancellationTokenSource();
        var collector = new Thread(() => Compact(stop.Token));
        collector.Start();
        var wrong = 0;
        for (var round = 0; round < 200; round++)
        {
            using var scope = TensorScope.Begin();
            if (!Tensor.From((float[])source.Clone(), [16384], device).ToArray<float>().AsSpan().SequenceEqual(source)) { wrong++; }
        }

        stop.Cancel();
        collector.Join();
        Assert.Equal(0, wrong);
    }

    private static void Compact(CancellationToken stop)
    {
        var kept = new object[1000];
        for (var i = 0; !stop.IsCancellationRequested; i++)
        {
            kept[i * 7919 % kept.Length] = new byte[i * 31 % 20_000];
            if (i % 500 == 0) { GC.Collect(1, GCCollectionMode.Forced, blocking: true, compacting: true); }
        }
    }

    internal static void Uncompilable(Args a)
    {
        object boxed = a.Count;
        GC.KeepAlive(boxed);
    }

    internal struct Args
    {
        public int Count;
    }
}
