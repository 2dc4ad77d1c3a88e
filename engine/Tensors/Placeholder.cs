namespace FlorenceKernels.Tensors;
