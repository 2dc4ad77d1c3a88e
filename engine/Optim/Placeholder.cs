namespace FlorenceKernels.Optim;
