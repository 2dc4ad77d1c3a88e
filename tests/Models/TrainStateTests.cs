using FlorenceKernels.Training;
using Xunit;

namespace FlorenceKernels.Tests.Models;

public sealed class TrainStateTests
{
    [Theory]
    [InlineData(10, 100, 50, 1121)] // half a second a step: 550 s are left, 8 % of them spare
    [InlineData(1, 10, 30, 19)]
    [InlineData(1, 40, 75, 41)] // over time already: one more step ends it
    public void Plan_is_made_again_from_the_speed_so_far(double minutes, long step, double seconds, long steps) =>
        Assert.Equal((step, steps), Place(new TrainState(step, 7, default, seconds).PlannedAgain(minutes)));

    [Fact]
    public void Timed_run_plans_a_few_times_and_ends_within_its_minutes()
    {
        const double Minutes = 1;
        double SecondsOf(long step) => step < 500 ? 0.05 : 0.055; // the machine slows down
        var (state, plans) = (TrainState.Timed(700), 0);
        while (state.Step < state.Steps)
        {
            state = state with { Step = state.Step + 1, TrainedSeconds = state.TrainedSeconds + SecondsOf(state.Step) };
            if (state.Step != state.PlanAt) { continue; }
            state = state.PlannedAgain(Minutes);
            plans++;
        }

        Assert.Equal(4, plans);
        Assert.InRange(state.TrainedSeconds, 0.97 * 60 * Minutes, 60 * Minutes);
    }

    private static (long, long) Place(TrainState state) => (state.Step, state.Steps);
}
