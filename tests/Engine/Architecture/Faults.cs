using System.Collections.Generic;
using System.Linq;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

/// <summary>Fails with every offender on a line of its own.</summary>
internal static class Faults
{
    public static void None(IEnumerable<string> faults)
    {
        var all = faults.ToList();
        Assert.True(all.Count == 0, string.Join('\n', all));
    }
}
