using FlorenceKernels.Runtime;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

public sealed class ShapeTests
{
    [Fact]
    public void Count_multiplies_the_sizes_and_a_scalar_has_one_element()
    {
        Assert.Equal(105, Shape.Create([3, 5, 7]).Count);
        Assert.Equal(0, Shape.Create([3, 0, 7]).Count);
        Assert.Equal(1, Shape.Create([]).Count);
        Assert.Equal(1, default(Shape).Count);
        Assert.Equal(1L << 60, Shape.Create([1 << 30, 1 << 30]).Count);
    }

    [Fact]
    public void Count_that_overflows_throws() =>
        Assert.Throws<System.OverflowException>(() => Shape.Create([1 << 30, 1 << 30, 1 << 30]).Count);

    [Fact]
    public void Shapes_with_equal_sizes_are_equal_and_hash_alike()
    {
        Shape a = [2, 3], b = new[] { 2, 3 };
        Assert.True(a == b && a.GetHashCode() == b.GetHashCode());
        Assert.True(a != [3, 2] && a != [2, 3, 1] && a != []);
        Assert.True(default(Shape) == []);
    }

    [Fact]
    public void A_shape_does_not_change_with_the_array_it_came_from()
    {
        int[] sizes = [2, 3];
        Shape shape = sizes;
        sizes[0] = 9;
        Assert.Equal("[2, 3]", shape.ToString());
    }

    [Theory]
    [InlineData(new[] { 3, 1, 5 }, new[] { 4, 1 }, new[] { 3, 4, 5 })]
    [InlineData(new[] { 2, 3 }, new int[0], new[] { 2, 3 })]
    [InlineData(new[] { 0, 1 }, new[] { 1, 4 }, new[] { 0, 4 })]
    [InlineData(new[] { 1 }, new[] { 0 }, new[] { 0 })]
    public void Broadcast_aligns_at_the_last_axis(int[] a, int[] b, int[] expected)
    {
        Assert.Equal((Shape)expected, Shape.Broadcast(a, b, "test"));
        Assert.Equal((Shape)expected, Shape.Broadcast(b, a, "test"));
    }

    [Fact]
    public void Broadcast_of_unequal_sizes_names_both()
    {
        var error = Assert.Throws<ShapeException>(() => Shape.Broadcast([2, 3], [2, 4], "add"));
        Assert.Equal("add: [2, 3] and [2, 4] do not broadcast: axis -1 is 3 and 4", error.Message);
    }

    [Fact]
    public void Axis_counts_from_either_end_and_refuses_the_rest()
    {
        Shape shape = [2, 3, 4];
        Assert.Equal(2, shape.Axis(-1, "t"));
        Assert.Equal(0, shape.Axis(-3, "t"));
        Assert.Equal(1, shape.Axis(1, "t"));
        Assert.Throws<ShapeException>(() => shape.Axis(3, "t"));
        Assert.Throws<ShapeException>(() => shape.Axis(-4, "t"));
    }

    [Fact]
    public void Strides_are_row_major_and_skip_empty_axes()
    {
        Assert.Equal([35, 7, 1], Shape.Create([3, 5, 7]).Strides());
        Assert.Equal([7, 7, 1], Shape.Create([3, 0, 7]).Strides());
        Assert.Empty(Shape.Create([]).Strides());
    }

    [Fact]
    public void A_negative_size_is_refused() => Assert.Throws<ShapeException>(() => Shape.Create([2, -1]));

    [Fact]
    public void Slices_and_replacements_make_new_shapes()
    {
        Shape shape = [2, 3, 4];
        Assert.Equal([2, 3], shape[..^1]);
        Assert.Equal([2, 9, 4], shape.With(1, 9));
        Assert.Equal([2, 3, 4, 5, 6], shape.Append(5, 6));
        Assert.Equal([2, 3, 4], shape);
    }
}
