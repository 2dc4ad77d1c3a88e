namespace FlorenceKernels.Training;
