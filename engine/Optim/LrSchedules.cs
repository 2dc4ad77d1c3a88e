using System;

namespace FlorenceKernels.Optim;

/// <summary>Learning rates as pure functions of the step, so that a resumed run needs no schedule state.</summary>
public static class LrSchedules
{
    /// <summary>timm's cosine: linear warm-up from <paramref name="warmupStart"/>, then half a cosine to <paramref name="min"/> at step
    /// <paramref name="total"/>. With <paramref name="prefix"/> the cosine starts after the warm-up and lasts <paramref name="total"/> steps
    /// (Swin now); without, it runs from step 0, so that the rate drops a little when the warm-up ends (UniCL).</summary>
    public static double TimmCosine(long step, long total, long warmup, double peak, double min = 0, double warmupStart = 0, bool prefix = false)
    {
        if (step < warmup) { return warmupStart + step * (peak - warmupStart) / warmup; }
        var t = prefix ? step - warmup : step;
        return t < total ? min + 0.5 * (peak - min) * (1 + Math.Cos(Math.PI * t / total)) : min;
    }

    /// <summary>open_clip's cosine: warm-up peak·(step + 1)/warmup, then half a cosine to 0.</summary>
    public static double OpenClipCosine(long step, long total, long warmup, double peak) =>
        step < warmup ? Warmup(step, warmup, peak) : 0.5 * peak * (1 + Math.Cos(Math.PI * (step - warmup) / (total - warmup)));

    /// <summary>open_clip's constant rate after warm-up.</summary>
    public static double OpenClipConstant(long step, long warmup, double peak) => step < warmup ? Warmup(step, warmup, peak) : peak;

    /// <summary>open_clip's constant rate with a polynomial fall over the last <paramref name="cooldown"/> steps.</summary>
    public static double OpenClipCooldown(long step, long total, long warmup, long cooldown, double peak, double power = 1, double end = 0)
    {
        var start = total - cooldown;
        if (step < warmup) { return Warmup(step, warmup, peak); }
        if (step < start) { return peak; }
        return Math.Pow(1 - (double)(step - start) / (total - start), power) * (peak - end) + end;
    }

    /// <summary>Hugging Face's polynomial: warm-up peak·step/warmup, then a power law to <paramref name="end"/>.</summary>
    public static double Polynomial(long step, long total, long warmup, double peak, double end = 1e-7, double power = 1)
    {
        if (step < warmup) { return peak * step / Math.Max(1, warmup); }
        if (step > total) { return end; }
        return (peak - end) * Math.Pow(1 - (double)(step - warmup) / (total - warmup), power) + end;
    }

    /// <summary>Hugging Face's cosine: warm-up peak·step/warmup, then half a cosine to 0 (by default).</summary>
    public static double Cosine(long step, long total, long warmup, double peak, double cycles = 0.5)
    {
        if (step < warmup) { return peak * step / Math.Max(1, warmup); }
        var progress = (double)(step - warmup) / Math.Max(1, total - warmup);
        return peak * Math.Max(0, 0.5 * (1 + Math.Cos(Math.PI * cycles * 2 * progress)));
    }

    private static double Warmup(long step, long warmup, double peak) => peak * (step + 1) / warmup;
}
