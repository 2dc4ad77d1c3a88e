namespace FlorenceKernels.Datasets;

/// <summary>
/// Union-find with path halving; the smallest member names a set, so that the result does not depend on the order of unions.
/// </summary>
internal sealed class DisjointSets
{
    private readonly int[] _parent;

    public DisjointSets(int count)
    {
        _parent = new int[count];
        for (int i = 0; i < count; i++) _parent[i] = i;
    }

    public int Find(int item)
    {
        while (_parent[item] != item) item = _parent[item] = _parent[_parent[item]];
        return item;
    }

    public void Union(int a, int b)
    {
        (a, b) = (Find(a), Find(b));
        if (a < b) _parent[b] = a;
        else _parent[a] = b;
    }

    public int[] Names()
    {
        var names = new int[_parent.Length];
        for (int i = 0; i < names.Length; i++) names[i] = Find(i);
        return names;
    }
}
