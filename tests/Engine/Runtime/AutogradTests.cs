using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

public sealed class AutogradTests : IDisposable
{
    private readonly TensorScope _scope = TensorScope.Begin();

    public void Dispose() => _scope.Dispose();

    [Fact]
    public void A_diamond_adds_both_paths()
    {
        var x = Leaf(0.5, -1, 2);
        var twice = x * 2;
        F.Sum(twice * F.Exp(x) + twice).Backward();
        Equal(x, v => 2 * Math.Exp(v) + 2 * v * Math.Exp(v) + 2);
    }

    [Fact]
    public void An_input_used_twice_by_one_op_gets_both_parts()
    {
        var x = Leaf(0.5, -1, 2);
        F.Sum(x * x * x + x).Backward();
        Equal(x, v => 3 * v * v + 1);
    }

    [Fact]
    public void A_leaf_that_is_also_the_root_gets_the_given_gradient()
    {
        var x = Leaf(1, 2, 3);
        x.Backward(Tensor.From([5.0, 6, 7], [3]));
        Assert.Equal([5, 6, 7], x.Grad!.ToArray<double>());
    }

    [Fact]
    public void Gradients_accumulate_until_they_are_dropped()
    {
        var x = Leaf(1, 2);
        for (var i = 0; i < 3; i++) { F.Sum(x * 2).Backward(); }
        Assert.Equal([6, 6], x.Grad!.ToArray<double>());
        x.ZeroGrad();
        Assert.Null(x.Grad);
    }

    [Fact]
    public void A_path_that_no_gradient_reaches_does_not_hold_up_the_others()
    {
        var x = Leaf(0.5, 2);
        var dead = F.Exp(x);
        F.Sum(F.Square(x)).Backward();
        Equal(x, v => 2 * v);
        Assert.NotNull(dead.GradFn);
    }

    // On a small stack: recursion of any depth proportional to the graph would overflow it, in backward and when the graph is dropped.
    [Theory, InlineData(true), InlineData(false)]
    public void A_chain_of_100_000_ops_needs_no_stack(bool runsBackward)
    {
        double gradient = 0;
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try { gradient = Chain(runsBackward); }
            catch (Exception e) when (e is FlorenceException or InvalidOperationException) { failure = e; }
        }, maxStackSize: 256 * 1024);
        thread.Start();
        thread.Join();
        Assert.Null(failure);
        Assert.Equal(runsBackward ? 1 : 0, gradient);
    }

    private static double Chain(bool runsBackward)
    {
        using var scope = TensorScope.Begin();
        var x = Tensor.Scalar(1);
        x.RequiresGrad = true;
        var y = x;
        for (var i = 0; i < 100_000; i++) { y += 1; }
        if (!runsBackward) { return 0; }
        y.Backward();
        var gradient = x.Grad!.Item();
        x.ZeroGrad();
        return gradient;
    }

    [Fact]
    public void A_second_backward_is_refused_unless_the_graph_is_retained()
    {
        var x = Leaf(1, 2);
        var y = F.Sum(F.Square(x));
        y.Backward(retainGraph: true);
        y.Backward();
        Equal(x, v => 4 * v);
        var error = Assert.Throws<AutogradException>(() => y.Backward());
        Assert.Contains("retainGraph: true", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_saved_tensor_that_changes_in_place_is_found_out()
    {
        var x = Leaf(1, 2);
        var y = F.Sum(F.Square(x));
        x.Assign(Tensor.From([3.0, 4], [2]));
        var error = Assert.Throws<AutogradException>(() => y.Backward());
        Assert.Contains("changed in place", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_change_through_a_view_is_found_out_too()
    {
        var x = Leaf(1, 2, 3);
        var y = F.Sum(F.Exp(x * 1));
        var saved = Leaf(1, 2, 3);
        var z = F.Sum(F.Square(saved));
        saved.Detach().Slice(0, 1, 1).Assign(Tensor.From([9.0], [1]));
        Assert.Throws<AutogradException>(() => z.Backward());
        y.Backward();
    }

    [Fact]
    public void A_change_of_a_tensor_nobody_saved_is_allowed()
    {
        var x = Leaf(1, 2);
        var y = F.Sum(x * 3);
        x.Assign(Tensor.From([3.0, 4], [2]));
        y.Backward();
        Assert.Equal([3, 3], x.Grad!.ToArray<double>());
    }

    [Fact]
    public void A_hook_replaces_the_gradient_of_its_tensor()
    {
        var x = Leaf(1, 2);
        var y = x * 2;
        y.RegisterHook(g => g * 10);
        F.Sum(y * 3).Backward();
        Assert.Equal([60, 60], x.Grad!.ToArray<double>());
    }

    [Fact]
    public void A_leaf_hook_sees_each_gradient_and_the_other_hook_the_sum()
    {
        var x = Leaf(1, 2);
        var seen = new List<double>();
        x.RegisterHook(g => { seen.Add(g.ToArray<double>()[0]); return null; });
        x.RegisterPostAccumulateHook(t => seen.Add(t.Grad!.ToArray<double>()[0]));
        F.Sum(x * 2).Backward();
        F.Sum(x * 5).Backward();
        Assert.Equal([2, 2, 5, 7], seen);
    }

    [Fact]
    public void NoGrad_records_nothing_and_ends()
    {
        var x = Leaf(1, 2);
        using (GradMode.NoGrad())
        {
            using (GradMode.NoGrad()) { Assert.False(GradMode.IsEnabled); }
            Assert.Null((x * 2).GradFn);
        }

        Assert.NotNull((x * 2).GradFn);
    }

    [Fact]
    public void Detach_ends_the_gradient()
    {
        var x = Leaf(1, 2);
        F.Sum(x.Detach() * x).Backward();
        Equal(x, v => v);
    }

    [Fact]
    public void Only_a_scalar_may_start_without_a_gradient()
    {
        var x = Leaf(1, 2);
        Assert.Throws<AutogradException>(() => (x * 2).Backward());
        Assert.Throws<ShapeException>(() => (x * 2).Backward(Tensor.Ones([3], DType.F64)));
        Assert.Throws<AutogradException>(() => Tensor.Scalar(1).Backward());
    }

    [Fact]
    public void Integers_and_computed_tensors_do_not_take_RequiresGrad()
    {
        Assert.Throws<AutogradException>(() => Tensor.Ones([2], DType.I64).RequiresGrad = true);
        var y = Leaf(1) * 2;
        Assert.Throws<AutogradException>(() => y.RequiresGrad = true);
    }

    [Fact]
    public void The_padding_row_of_an_embedding_gets_no_gradient()
    {
        var weight = Tensor.Uniform([4, 3], -1, 1, seed: 1, dtype: DType.F64);
        weight.RequiresGrad = true;
        F.Sum(F.Embedding(Tensor.From([1L, 2, 1, 3, 1], [5]), weight, paddingIndex: 2)).Backward();
        Assert.Equal([0, 0, 0, 3, 3, 3, 0, 0, 0, 1, 1, 1], weight.Grad!.ToArray<double>());
    }

    private static Tensor Leaf(params double[] values)
    {
        var x = Tensor.From(values, [values.Length]);
        x.RequiresGrad = true;
        return x;
    }

    private static void Equal(Tensor x, Func<double, double> slope) =>
        Assert.Equal(x.ToArray<double>().Select(slope), x.Grad!.ToArray<double>(), (a, b) => Math.Abs(a - b) < 1e-12);
}
