using System.Collections.Generic;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>One reverse sweep. Nodes are visited latest first, when all their consumers have contributed; no recursion, so depth is no
/// limit. A node's saved tensors and the gradient it consumed are dropped as soon as it ran.</summary>
internal static class BackwardPass
{
    public static void Run(Tensor root, Tensor? gradient, bool retainGraph)
    {
        if (!root.RequiresGrad) { throw new AutogradException("Backward: nothing in this tensor's history requires a gradient"); }
        if (gradient is null && root.Count != 1)
        {
            throw new AutogradException($"Backward of a tensor of {root.Shape} needs a gradient of the same shape; only scalars default to 1");
        }

        if (gradient is not null) { Check.HasShape("Backward", "gradient", gradient, root.Shape); }
        using var noGrad = GradMode.NoGrad();
        using var scope = TensorScope.Begin();
        var start = TensorScope.Release(gradient?.Untracked() ?? Tensor.Full(root.Shape, 1, root.DType, root.Device));
        if (root.GradFn is null)
        {
            root.AccumulateGrad(start);
            start.Dispose();
            return;
        }

        Sweep(root.GradFn, start, retainGraph);
    }

    /// <summary>True when nobody else holds the memory, so that it may be adopted or added to in place.</summary>
    public static bool IsUnique(Tensor t) => t.Storage.References == 1 && t.IsContiguous && t.Storage.Bytes == t.Count * t.DType.Size();

    private static void Sweep(GradFn root, Tensor start, bool retainGraph)
    {
        var waiting = CountConsumers(root);
        var gradients = new Dictionary<GradFn, Tensor> { [root] = start };
        var ready = new PriorityQueue<GradFn, long>();
        ready.Enqueue(root, 0);
        while (ready.TryDequeue(out var fn, out _))
        {
            gradients.Remove(fn, out var dy);
            var inputs = fn.Inputs.ToArray();
            var grads = RunNode(fn, dy, inputs);
            if (!retainGraph) { fn.Release(); }
            for (var i = 0; i < inputs.Length; i++)
            {
                if (inputs[i] is not { } input) { continue; }
                Deliver(input, grads?[i], gradients);
                if (input.GradFn is { } next && --waiting[next] == 0) { ready.Enqueue(next, -next.Sequence); }
            }

            fn.Drop();
        }
    }

    // A node that no gradient reached passes none on, but its inputs stop waiting for it.
    private static Tensor?[]? RunNode(GradFn fn, Tensor? dy, Tensor?[] inputs)
    {
        if (dy is null) { return null; }
        if (fn.IsReleased)
        {
            throw new AutogradException($"backward of {fn.Name} ran already and dropped what it saved; pass retainGraph: true to the first Backward");
        }

        using var scope = TensorScope.Begin();
        var grads = fn.Backward(Tensor.Hooked(dy, fn.Hooks));
        for (var i = 0; i < grads.Length; i++)
        {
            // What nobody asked for ends with this scope; a second handle on it would have no owner.
            if (i >= inputs.Length || grads[i] is not { } g || inputs[i] is not { } x)
            {
                grads[i] = null;
                continue;
            }

            Check.HasShape(fn.Name, $"gradient of input {i}", g, x.Shape);
            grads[i] = g.Untracked();
        }

        dy.Dispose();
        return grads;
    }

    private static void Deliver(Tensor input, Tensor? gradient, Dictionary<GradFn, Tensor> gradients)
    {
        if (gradient is null) { return; }
        if (input.GradFn is not { } fn)
        {
            input.AccumulateGrad(gradient);
            gradient.Dispose();
        }
        else if (!gradients.TryGetValue(fn, out var sum))
        {
            gradients[fn] = gradient;
        }
        else if (IsUnique(sum))
        {
            CopyOp.AddInPlace(sum, gradient);
            gradient.Dispose();
        }
        else
        {
            gradients[fn] = TensorScope.Release(sum + gradient);
            sum.Dispose();
            gradient.Dispose();
        }
    }

    // Every node found is held until it ran: its consumers let go of it as soon as they ran.
    private static Dictionary<GradFn, int> CountConsumers(GradFn root)
    {
        root.Hold();
        var counts = new Dictionary<GradFn, int> { [root] = 0 };
        var stack = new Stack<GradFn>();
        stack.Push(root);
        while (stack.TryPop(out var fn))
        {
            foreach (var input in fn.Inputs)
            {
                if (input?.GradFn is not { } next) { continue; }
                if (!counts.TryGetValue(next, out var n))
                {
                    next.Hold();
                    stack.Push(next);
                }

                counts[next] = n + 1;
            }
        }

        return counts;
    }
}
