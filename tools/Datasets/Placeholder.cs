namespace FlorenceKernels.Datasets;
