namespace FlorenceKernels.Tensors;

public sealed partial class Tensor
{
    /// <summary>a + b with broadcasting.</summary>
    public static Tensor operator +(Tensor a, Tensor b) => BinaryOps.Apply<Add>(a, b);

    /// <summary>a − b with broadcasting.</summary>
    public static Tensor operator -(Tensor a, Tensor b) => BinaryOps.Apply<Sub>(a, b);

    /// <summary>a·b elementwise with broadcasting.</summary>
    public static Tensor operator *(Tensor a, Tensor b) => BinaryOps.Apply<Mul>(a, b);

    /// <summary>a/b elementwise with broadcasting.</summary>
    public static Tensor operator /(Tensor a, Tensor b) => BinaryOps.Apply<Div>(a, b);

    /// <summary>−a.</summary>
    public static Tensor operator -(Tensor a) => UnaryOps.Apply<Affine>(a, -1, 0);

    /// <summary>a + b.</summary>
    public static Tensor operator +(Tensor a, double b) => UnaryOps.Apply<Affine>(a, 1, b);

    /// <summary>a + b.</summary>
    public static Tensor operator +(double a, Tensor b) => UnaryOps.Apply<Affine>(b, 1, a);

    /// <summary>a − b.</summary>
    public static Tensor operator -(Tensor a, double b) => UnaryOps.Apply<Affine>(a, 1, -b);

    /// <summary>a − b.</summary>
    public static Tensor operator -(double a, Tensor b) => UnaryOps.Apply<Affine>(b, -1, a);

    /// <summary>a·b.</summary>
    public static Tensor operator *(Tensor a, double b) => UnaryOps.Apply<Affine>(a, b, 0);

    /// <summary>a·b.</summary>
    public static Tensor operator *(double a, Tensor b) => UnaryOps.Apply<Affine>(b, a, 0);

    /// <summary>a/b.</summary>
    public static Tensor operator /(Tensor a, double b) => UnaryOps.Apply<Affine>(a, 1 / b, 0);

    /// <summary>a/b.</summary>
    public static Tensor operator /(double a, Tensor b) => UnaryOps.Apply<Affine>(UnaryOps.Apply<Reciprocal>(b), a, 0);
}
