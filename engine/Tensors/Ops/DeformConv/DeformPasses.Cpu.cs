using System;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

internal readonly unsafe partial struct DeformPanel<T>
{
    // Channels [c, c + _run) of a tap are neighbours in its row too, from RowOf(c) + tap·C/groups on.
    private int RowOf(int c) => _g.Groups == 1 ? c : c / _g.GroupChannels * _g.GroupChannels * (_g.Taps - 1) + c;

    /// <summary>The four corners' channels; zeros outside the image.</summary>
    private readonly struct Corners(in DeformPanel<T> panel, DeformTap<T>* tap)
    {
        private readonly T* _00 = At(panel, tap, 1, 0), _01 = At(panel, tap, 2, 1), _10 = At(panel, tap, 4, panel._g.W.Size),
            _11 = At(panel, tap, 8, panel._g.W.Size + 1);

        public T* C00 => _00;

        public T* C01 => _01;

        public T* C10 => _10;

        public T* C11 => _11;

        private static T* At(in DeformPanel<T> panel, DeformTap<T>* tap, int bit, int step) =>
            (tap->Inside & bit) == 0 ? panel._zeros : panel._x + (long)(tap->Pixel + step) * panel._g.Channels;
    }

    /// <summary>The corners' bilinear weights times a factor.</summary>
    private readonly struct Weights
    {
        public readonly T W00, W01, W10, W11;

        public Weights(DeformTap<T>* tap, T factor)
        {
            T low = (T.One - tap->Y) * factor, high = tap->Y * factor;
            (W00, W01, W10, W11) = (low * (T.One - tap->X), low * tap->X, high * (T.One - tap->X), high * tap->X);
        }
    }

    private readonly struct FillKernel(DeformPanel<T> panel) : ISimdKernel<T>
    {
        public void Run<R>() where R : struct, ISimd<R, T>
        {
            var self = this;
            CpuThreads.ForRange(panel.Count, Math.Max(1, Grain / panel._g.RowLength), (from, to) =>
            {
                for (var i = from; i < to; i++) { self.Position<R>((int)i); }
            });
        }

        private void Position<R>(int i) where R : struct, ISimd<R, T>
        {
            var g = panel._g;
            var row = panel.Rows + (long)i * g.RowLength;
            for (var tap = 0; tap < g.Taps; tap++)
            {
                for (var group = 0; group < g.OffsetGroups; group++)
                {
                    var place = panel.Tap(i, tap, group);
                    for (var c = group * g.OffsetChannels; c < (group + 1) * g.OffsetChannels; c += panel._run)
                    {
                        Sample<R>(place, c, row + tap * g.GroupChannels + panel.RowOf(c), panel._run);
                    }
                }
            }
        }

        private void Sample<R>(DeformTap<T>* place, int c, T* to, int count) where R : struct, ISimd<R, T>
        {
            if (place->Inside == 0 && T.IsFinite(place->Y))
            {
                new Span<T>(to, count).Clear();
                return;
            }

            var corners = new Corners(panel, place);
            var weights = new Weights(place, place->M);
            T* a = corners.C00 + c, b = corners.C01 + c, d = corners.C10 + c, e = corners.C11 + c;
            R wa = R.Broadcast(weights.W00), wb = R.Broadcast(weights.W01), wd = R.Broadcast(weights.W10),
                we = R.Broadcast(weights.W11);
            var i = 0;
            for (; i + R.Count <= count; i += R.Count)
            {
                var sum = R.MultiplyAdd(wb, R.Load(b + i), wa * R.Load(a + i));
                R.MultiplyAdd(we, R.Load(e + i), R.MultiplyAdd(wd, R.Load(d + i), sum)).Store(to + i);
            }

            for (; i < count; i++) { to[i] = weights.W00 * a[i] + weights.W01 * b[i] + weights.W10 * d[i] + weights.W11 * e[i]; }
        }
    }

    private readonly struct SlopeKernel(DeformPanel<T> panel, T* dOffset, T* dMask) : ISimdKernel<T>
    {
        public void Run<R>() where R : struct, ISimd<R, T>
        {
            var self = this;
            CpuThreads.ForRange(panel.Count, Math.Max(1, Grain / panel._g.RowLength), (from, to) =>
            {
                for (var i = from; i < to; i++) { self.Position<R>((int)i); }
            });
        }

        private void Position<R>(int i) where R : struct, ISimd<R, T>
        {
            var g = panel._g;
            for (var tap = 0; tap < g.Taps; tap++)
            {
                for (var group = 0; group < g.OffsetGroups; group++)
                {
                    var place = panel.Tap(i, tap, group);
                    if (place->Inside == 0 && T.IsFinite(place->Y)) { continue; } // the gradients are zero already
                    Store(place, panel.Field(tap, group), panel.First + i, Project<R>(place, i, tap, group));
                }
            }
        }

        // Γ·corner over the channels of the offset group, for each corner.
        private (T D00, T D01, T D10, T D11) Project<R>(DeformTap<T>* place, int i, int tap, int group)
            where R : struct, ISimd<R, T>
        {
            var g = panel._g;
            var corners = new Corners(panel, place);
            R s00 = R.Of(0), s01 = s00, s10 = s00, s11 = s00;
            T d00 = T.Zero, d01 = d00, d10 = d00, d11 = d00;
            for (int c = group * g.OffsetChannels, end = c; end < (group + 1) * g.OffsetChannels;)
            {
                end += panel._run;
                var gamma = panel.Rows + (long)i * g.RowLength + tap * g.GroupChannels + panel.RowOf(c) - c;
                for (; c + R.Count <= end; c += R.Count)
                {
                    var v = R.Load(gamma + c);
                    s00 = R.MultiplyAdd(v, R.Load(corners.C00 + c), s00);
                    s01 = R.MultiplyAdd(v, R.Load(corners.C01 + c), s01);
                    s10 = R.MultiplyAdd(v, R.Load(corners.C10 + c), s10);
                    s11 = R.MultiplyAdd(v, R.Load(corners.C11 + c), s11);
                }

                for (; c < end; c++)
                {
                    d00 += gamma[c] * corners.C00[c];
                    d01 += gamma[c] * corners.C01[c];
                    d10 += gamma[c] * corners.C10[c];
                    d11 += gamma[c] * corners.C11[c];
                }
            }

            return (d00 + s00.SumLanes(), d01 + s01.SumLanes(), d10 + s10.SumLanes(), d11 + s11.SumLanes());
        }

        private void Store(DeformTap<T>* place, long field, int position, (T D00, T D01, T D10, T D11) d)
        {
            T y = place->Y, x = place->X, m = place->M;
            if (dMask is not null)
            {
                var w = new Weights(place, T.One);
                dMask[field + position] = w.W00 * d.D00 + w.W01 * d.D01 + w.W10 * d.D10 + w.W11 * d.D11;
            }

            if (dOffset is null) { return; }
            var delta = dOffset + 2 * field + position;
            delta[0] = m * ((T.One - x) * (d.D10 - d.D00) + x * (d.D11 - d.D01));
            delta[panel._g.Positions] = m * ((T.One - y) * (d.D01 - d.D00) + y * (d.D11 - d.D10));
        }
    }

    private readonly struct ScatterKernel(DeformPanel<T> panel, T* dx) : ISimdKernel<T>
    {
        private const int AllInside = 15;

        private readonly T* _image = dx + (long)panel.Image * panel._g.Inputs * panel._g.Channels;

        public void Run<R>() where R : struct, ISimd<R, T>
        {
            var self = this;
            int run = panel._run, parts = (run + ScatterChannels - 1) / ScatterChannels;
            CpuThreads.ForRange(panel._g.Channels / run * parts, 1, (from, to) =>
            {
                for (var task = (int)from; task < to; task++)
                {
                    var first = task % parts * ScatterChannels;
                    self.Channels<R>(task / parts * run + first, Math.Min(ScatterChannels, run - first));
                }
            });
        }

        private void Channels<R>(int c, int count) where R : struct, ISimd<R, T>
        {
            var g = panel._g;
            int group = c / g.OffsetChannels, start = panel.RowOf(c);
            for (var i = 0; i < panel.Count; i++)
            {
                var gamma = panel.Rows + (long)i * g.RowLength + start;
                for (var tap = 0; tap < g.Taps; tap++, gamma += g.GroupChannels)
                {
                    var place = panel.Tap(i, tap, group);
                    if (place->Inside != 0) { Share<R>(place, c, gamma, count); }
                }
            }
        }

        private void Share<R>(DeformTap<T>* place, int c, T* gamma, int count) where R : struct, ISimd<R, T>
        {
            var weights = new Weights(place, place->M);
            var to = _image + (long)place->Pixel * panel._g.Channels + c;
            long right = panel._g.Channels, below = right * panel._g.W.Size;
            if (place->Inside == AllInside && count % R.Count == 0)
            {
                AddAll<R>(to, to + right, to + below, to + below + right, gamma, weights, count);
                return;
            }

            if ((place->Inside & 1) != 0) { Add<R>(to, gamma, weights.W00, count); }
            if ((place->Inside & 2) != 0) { Add<R>(to + right, gamma, weights.W01, count); }
            if ((place->Inside & 4) != 0) { Add<R>(to + below, gamma, weights.W10, count); }
            if ((place->Inside & 8) != 0) { Add<R>(to + below + right, gamma, weights.W11, count); }
        }

        private static void AddAll<R>(T* a, T* b, T* d, T* e, T* from, in Weights weights, int count)
            where R : struct, ISimd<R, T>
        {
            R wa = R.Broadcast(weights.W00), wb = R.Broadcast(weights.W01), wd = R.Broadcast(weights.W10),
                we = R.Broadcast(weights.W11);
            for (var i = 0; i < count; i += R.Count)
            {
                var v = R.Load(from + i);
                R.MultiplyAdd(wa, v, R.Load(a + i)).Store(a + i);
                R.MultiplyAdd(wb, v, R.Load(b + i)).Store(b + i);
                R.MultiplyAdd(wd, v, R.Load(d + i)).Store(d + i);
                R.MultiplyAdd(we, v, R.Load(e + i)).Store(e + i);
            }
        }

        private static void Add<R>(T* to, T* from, T weight, int count) where R : struct, ISimd<R, T>
        {
            var i = 0;
            var w = R.Broadcast(weight);
            for (; i + R.Count <= count; i += R.Count) { R.MultiplyAdd(w, R.Load(from + i), R.Load(to + i)).Store(to + i); }
            for (; i < count; i++) { to[i] += weight * from[i]; }
        }
    }
}
