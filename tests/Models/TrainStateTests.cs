using FlorenceKernels.Training;
using Xunit;

namespace FlorenceKernels.Tests.Models;

public sealed class TrainStateTests
{
    [Theory]
    [InlineData(10, 100, 50, 1118)] // half a second a step: 550 s are left, 8 % of them spare
    [InlineData(1, 10, 30, 19)]
    [InlineData(1, 40, 75, 41)] // over time already: one more step ends it
    public void Plan_is_made_again_from_the_speed_so_far(double minutes, long step, double seconds, long steps)
    {
        var state = new TrainState(step, 7, default, seconds, IsPlanned: false).PlannedAgain(minutes);
        Assert.Equal((step, steps, true), (state.Step, state.Steps, state.IsPlanned));
    }
}
