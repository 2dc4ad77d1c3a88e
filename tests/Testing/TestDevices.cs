using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Testing;

/// <summary>The devices tests run on: <c>FLORENCE_TEST_DEVICES=cpu,simulator</c>, or by default every usable one.</summary>
public static class TestDevices
{
    /// <summary>Device strings.</summary>
    public static IReadOnlyList<string> Names { get; } =
        Environment.GetEnvironmentVariable("FLORENCE_TEST_DEVICES") is { Length: > 0 } list
            ? [.. list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)]
            : [.. GpuContext.Find().Where(d => d.Refused is null).Select(d => d.Name)];

    /// <summary>Opens a device of <see cref="Names"/>.</summary>
    public static Device Open(string name) => Device.Open(name);
}
