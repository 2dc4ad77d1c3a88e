using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

/// <summary>The judge is judged: each planted fault must be found, in full and by random directions.</summary>
public sealed class GradCheckTests
{
    public enum Fault { None, Sign, MissingTerm, OnePercent, OneElement, Silent }

    [Theory]
    [InlineData(Fault.None, true)]
    [InlineData(Fault.Sign, false)]
    [InlineData(Fault.MissingTerm, false)]
    [InlineData(Fault.OnePercent, false)]
    [InlineData(Fault.OneElement, false)]
    [InlineData(Fault.Silent, false)]
    public void A_planted_fault_fails_and_the_true_gradient_passes(Fault fault, bool passes)
    {
        using var scope = TensorScope.Begin();
        foreach (var fullBelow in new[] { 2000, 0 })
        {
            var x = Tensor.Uniform([3, 5], 0.5, 2, seed: 4, dtype: DType.F64);
            x.RequiresGrad = true;
            var result = GradCheck.Run(t => Planted(t[0], fault), [x], new GradCheckOptions(FullBelow: fullBelow));
            Assert.True(result.Passed == passes, $"{fault}, full below {fullBelow}: {result}");
            Assert.Equal(fullBelow == 0 ? 3 : 15, result.Compared);
        }
    }

    // Softmax rows sum to one: a check that sums the output sees a gradient of zero and passes whatever the backward does.
    [Fact]
    public void A_wrong_gradient_of_an_op_whose_sum_is_constant_is_found()
    {
        using var scope = TensorScope.Begin();
        var x = Tensor.Uniform([3, 5], -1, 1, seed: 4, dtype: DType.F64);
        x.RequiresGrad = true;
        Tensor Centred(Tensor t) => t - F.Mean(t, [1], keepDim: true);
        Assert.True(GradCheck.Run(t => Centred(t[0]), [x]).Passed);
        Assert.False(GradCheck.Run(t => Tape.Record(Centred(t[0]).Detach(), new Zero(), t[0]), [x]).Passed);
    }

    [Fact]
    public void A_NaN_gradient_fails()
    {
        using var scope = TensorScope.Begin();
        var x = Tensor.Ones([2], DType.F64);
        x.RequiresGrad = true;
        Assert.False(GradCheck.Run(t => Tape.Record((t[0] * 2).Detach(), new Times(double.NaN), t[0]), [x]).Passed);
    }

    [Fact]
    public void Inputs_in_f32_are_refused()
    {
        using var scope = TensorScope.Begin();
        var x = Tensor.Ones([2]);
        x.RequiresGrad = true;
        Assert.Throws<DTypeException>(() => GradCheck.Run(t => t[0] * 2, [x]));
        Assert.Throws<AutogradException>(() => GradCheck.Run(t => t[0] * 2, [Tensor.Ones([2], DType.F64)]));
    }

    // y = x³ + x.
    private static Tensor Planted(Tensor x, Fault fault)
    {
        Tensor y;
        using (GradMode.NoGrad()) { y = x * x * x + x; }
        return Tape.Record(y, new Cubic(x, fault), x);
    }

    private sealed class Cubic : GradFn
    {
        private readonly SavedTensor _x;
        private readonly Fault _fault;

        public Cubic(Tensor x, Fault fault) => (_x, _fault) = (Save(x), fault);

        public override string Name => "cubic";

        protected internal override Tensor?[] Backward(Tensor dy)
        {
            var x = _x.Value;
            var slope = x * x * 3 + 1;
            if (_fault == Fault.Sign) { slope = -slope; }
            if (_fault == Fault.MissingTerm) { slope = x * x * 3; }
            if (_fault == Fault.OnePercent) { slope *= 1.01; }
            if (_fault == Fault.OneElement) { slope.Slice(1, 2, 1).Slice(0, 1, 1).Assign(Tensor.Zeros([1, 1], DType.F64)); }
            return [_fault == Fault.Silent ? null : dy * slope];
        }
    }

    private sealed class Zero : GradFn
    {
        public override string Name => "zero";

        protected internal override Tensor?[] Backward(Tensor dy) => [Tensor.ZerosLike(dy)];
    }

    private sealed class Times(double factor) : GradFn
    {
        public override string Name => "times";

        protected internal override Tensor?[] Backward(Tensor dy) => [dy * factor];
    }
}
