using System;
using System.Collections.Generic;
using System.Linq;

namespace FlorenceKernels.Training;

/// <summary>What a detection counts as.</summary>
internal enum CocoVerdict : byte
{
    Ignored,
    Right,
    Wrong,
}

/// <summary>One image's matches in one category and range of areas.</summary>
/// <param name="Scores">Scores of the detections, descending.</param> <param name="Verdicts">Per threshold and detection.</param>
/// <param name="Objects">Objects to find: those not ignored.</param>
internal sealed record CocoMatches(double[] Scores, CocoVerdict[][] Verdicts, int Objects);

/// <summary>One image's objects and detections of one category.</summary>
internal sealed class CocoImage
{
    private readonly CocoObject[] _objects;
    private readonly CocoDetection[] _detections;
    private readonly double[,] _overlaps;

    public CocoImage(IEnumerable<CocoObject> objects, IEnumerable<CocoDetection> detections)
    {
        _objects = [.. objects];
        _detections = [.. detections.OrderByDescending(d => d.Score).Take(CocoBoxAp.MaxDetections[^1])];
        _overlaps = new double[_detections.Length, _objects.Length];
        for (var d = 0; d < _detections.Length; d++)
        {
            for (var g = 0; g < _objects.Length; g++) { _overlaps[d, g] = _detections[d].Box.Overlap(_objects[g].Box, _objects[g].IsCrowd); }
        }
    }

    public bool IsEmpty => _objects.Length + _detections.Length == 0;

    public CocoMatches Match((double Low, double High) area)
    {
        bool IsOutside(double size) => size < area.Low || size > area.High;
        var isIgnored = Array.ConvertAll(_objects, o => o.IsCrowd || IsOutside(o.Area));
        int[] order = [.. Enumerable.Range(0, _objects.Length).OrderBy(g => isIgnored[g])]; // those to find first
        CocoVerdict[] At(double threshold)
        {
            var isTaken = new bool[_objects.Length];
            return [.. Enumerable.Range(0, _detections.Length).Select(d =>
            {
                var g = Best(d, threshold, order, isIgnored, isTaken);
                if (g < 0) { return IsOutside(_detections[d].Box.Area) ? CocoVerdict.Ignored : CocoVerdict.Wrong; }
                isTaken[g] = true;
                return isIgnored[g] ? CocoVerdict.Ignored : CocoVerdict.Right;
            })];
        }

        return new([.. _detections.Select(d => d.Score)], [.. CocoBoxAp.Thresholds.Select(At)], isIgnored.Count(i => !i));
    }

    // The object a detection overlaps most (of equal ones the last), one to find before any ignored; a crowd may be taken again.
    // −1: none.
    private int Best(int d, double threshold, int[] order, bool[] isIgnored, bool[] isTaken)
    {
        var best = Math.Min(threshold, 1 - 1e-10);
        var match = -1;
        foreach (var g in order)
        {
            if (isTaken[g] && !_objects[g].IsCrowd) { continue; }
            if (match >= 0 && !isIgnored[match] && isIgnored[g]) { break; }
            if (_overlaps[d, g] < best) { continue; }
            (best, match) = (_overlaps[d, g], g);
        }

        return match;
    }
}
