using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Optim;

/// <summary>Settings of <see cref="Muon"/>.</summary>
/// <param name="Momentum">Decay of the moving average of gradients.</param> <param name="WeightDecay">Decoupled decay of parameters that decay.</param>
/// <param name="NewtonSchulzSteps">Iterations of the orthogonalisation.</param> <param name="Nesterov">Look ahead along the average.</param>
public sealed record MuonOptions(double Momentum = 0.95, double WeightDecay = 0.1, int NewtonSchulzSteps = 5, bool Nesterov = true);

/// <summary>Momentum orthogonalised by Newton-Schulz (Jordan et al. 2024), for the matrices inside a network: with the gradient seen as
/// [out, rest], m ← μm + (1−μ)g, u = μm + (1−μ)g, p ← (1 − lr·wd)p − lr·0.2·√max(out, rest)·UVᵀ, where USVᵀ = u. The factor gives steps
/// the root mean square that <see cref="AdamW"/>'s have (Liu et al. 2025, eq. 4), so both take one learning rate schedule. Embeddings,
/// projections into the common space, biases and norms belong to AdamW.</summary>
public sealed class Muon : Optimizer
{
    // x ← ax + b(xxᵀ)x + c(xxᵀ)²x pushes singular values to about 1: the coefficients have the largest slope at 0 that stays stable.
    private const double A = 3.4445, B = -4.775, C = 2.0315;
    private const double RmsOfAdamW = 0.2, Small = 1e-7;

    private readonly MuonOptions _options;

    /// <summary>An optimiser of chosen parameters.</summary>
    /// <exception cref="FlorenceException">A parameter has fewer than two axes.</exception>
    public Muon(IEnumerable<OptimizedParameter> parameters, MuonOptions? options = null) : base(parameters, "momentum")
    {
        _options = options ?? new MuonOptions();
        if (Parameters.FirstOrDefault(p => p.Tensor.Rank < 2) is { } vector)
        {
            throw new FlorenceException($"muon: '{vector.Name}' is {vector.Tensor.Shape}; it takes matrices and kernels, give the rest to AdamW");
        }
    }

    /// <summary>Whether a parameter is one of the matrices inside a network, by name and shape.</summary>
    public static bool IsHidden(string name, Tensor p) =>
        WeightDecayRules.Default(name, p) && !name.EndsWith("projection", StringComparison.Ordinal);

    private protected override void Update(OptimizedParameter[] targets, double learningRate)
    {
        foreach (var p in targets)
        {
            using var scope = TensorScope.Begin();
            var (momentum, o) = (State(p)[0], _options);
            var gradient = p.Tensor.Grad! * (1 - o.Momentum);
            momentum.Assign(momentum * o.Momentum + gradient);
            var direction = Orthogonal(Matrix(o.Nesterov ? momentum * o.Momentum + gradient : momentum), o.NewtonSchulzSteps);
            var step = learningRate * RmsOfAdamW * Math.Sqrt(Math.Max(direction.Shape[0], direction.Shape[1]));
            p.Tensor.Assign(p.Tensor * (1 - learningRate * (p.Decays ? o.WeightDecay : 0)) - direction.Reshape(p.Tensor.Shape) * step);
        }
    }

    /// <summary>UVᵀ of x = USVᵀ, nearly: singular values end between 0.7 and 1.2. Each step multiplies x by a polynomial of its own
    /// Gram matrix, and these commute, so all steps run on the small side r of x: (4·steps − 2)·r³ + 2·r²·c multiplications where steps
    /// on x itself take steps·(r³ + 2·r²·c).</summary>
    internal static Tensor Orthogonal(Tensor x, int steps)
    {
        if (x.Shape[0] > x.Shape[1]) { return Orthogonal(x.T(), steps).T(); }
        x /= F.Sqrt(F.Sum(F.Square(x))) + Small;
        var gram = F.MatMul(x, x.T());
        var identity = Tensor.Eye(x.Shape[0], x.DType, x.Device);
        var product = identity;
        for (var i = 0; i < steps; i++)
        {
            var polynomial = identity * A + gram * B + F.MatMul(gram, gram) * C;
            product = i == 0 ? polynomial : F.MatMul(polynomial, product);
            if (i + 1 < steps) { gram = F.MatMul(polynomial, F.MatMul(gram, polynomial)); }
        }

        return F.MatMul(product, x);
    }

    private static Tensor Matrix(Tensor x) => x.Contiguous().Reshape(x.Shape[0], -1);
}
