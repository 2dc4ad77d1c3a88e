using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Data;
using SkiaSharp;

namespace FlorenceKernels.Cli;

/// <summary>A name the model gave, and whether it is the right one.</summary>
internal readonly record struct Guess(string Name, double Score, bool IsRight);

/// <summary>An image and what the model calls it, best first.</summary>
internal sealed record ClassifiedImage(int Index, string Truth, IReadOnlyList<Guess> Guesses);

/// <summary>A caption and the images the model finds for it, best first.</summary>
internal sealed record RetrievedImages(string Caption, IReadOnlyList<(int Index, double Score, bool IsRight)> Images);

/// <summary>Sheets that show what the figures mean.</summary>
internal static class ContactSheets
{
    private const int Cell = 96, Margin = 24;

    /// <summary>Test images with their five best class names; the right one is green.</summary>
    public static Picture Classified(PairDataset data, IReadOnlyList<ClassifiedImage> images)
    {
        const int Columns = 3, CardWidth = 380, CardHeight = 150;
        var rows = Math.Max(1, (images.Count + Columns - 1) / Columns);
        var picture = new Picture(2 * Margin + Columns * CardWidth, Margin + 44 + rows * CardHeight);
        picture.Text("Zero-shot: the five best names of held-out images", Margin, 38, 14, Palette.Ink, isBold: true);
        for (var i = 0; i < images.Count; i++)
        {
            Card(picture, data, images[i], Margin + i % Columns * CardWidth, 60 + i / Columns * CardHeight,
                CardWidth - Cell - 44);
        }

        return picture;
    }

    /// <summary>Captions with the five images found for each; the right one has a green frame.</summary>
    public static Picture Retrieved(PairDataset data, IReadOnlyList<RetrievedImages> captions)
    {
        const int TextWidth = 420, RowHeight = Cell + 34;
        var widest = captions.Select(c => c.Images.Count).DefaultIfEmpty(1).Max();
        var picture = new Picture(2 * Margin + TextWidth + widest * (Cell + 14), Margin + 44 + Math.Max(1, captions.Count)
            * RowHeight);
        picture.Text("Retrieval: the five best images of held-out captions", Margin, 38, 14, Palette.Ink, isBold: true);
        for (var row = 0; row < captions.Count; row++)
        {
            float top = 60 + row * RowHeight;
            var lines = Wrapped(captions[row].Caption, 12, TextWidth - 30, 4);
            for (var l = 0; l < lines.Count; l++) { picture.Text(lines[l], Margin, top + 34 + l * 22, 12, Palette.Ink); }
            for (var n = 0; n < captions[row].Images.Count; n++)
            {
                var (index, score, isRight) = captions[row].Images[n];
                float left = Margin + TextWidth + n * (Cell + 14);
                Thumbnail(picture, data, index, left, top, isRight);
                picture.Text($"{score:0.00}", left + Cell / 2f, top + Cell + 16, 9.5f, isRight ? Palette.Right
                    : Palette.Quiet, 0.5f, isRight);
            }
        }

        return picture;
    }

    private static void Card(Picture picture, PairDataset data, ClassifiedImage image, float left, float top, float textWidth)
    {
        Thumbnail(picture, data, image.Index, left, top, image.Guesses.Count > 0 && image.Guesses[0].IsRight);
        picture.Text(StrokeFont.Fit(image.Truth, 10, Cell + 14), left + Cell / 2f, top + Cell + 18, 10, Palette.Quiet, 0.5f);
        for (var i = 0; i < image.Guesses.Count; i++)
        {
            var guess = image.Guesses[i];
            float y = top + 14 + i * 21;
            var colour = guess.IsRight ? Palette.Right : Palette.Ink;
            picture.Text(StrokeFont.Fit(guess.Name, 10.5f, textWidth - 46), left + Cell + 16, y, 10.5f, colour, 0, guess.IsRight);
            picture.Text($"{guess.Score:0.00}", left + Cell + 16 + textWidth, y, 10.5f, guess.IsRight ? Palette.Right
                : Palette.Quiet, 1, guess.IsRight);
        }
    }

    private static void Thumbnail(Picture picture, PairDataset data, int index, float left, float top, bool isRight)
    {
        var box = new SKRect(left, top, left + Cell, top + Cell);
        picture.Box(box, Palette.Light, 6);
        picture.Image(data.Pixels(index), data.Width, new SKRect(left + 6, top + 6, left + Cell - 6, top + Cell - 6));
        picture.Frame(box, isRight ? Palette.Right : Palette.Grid, isRight ? 3 : 1.2f, 6);
    }

    private static List<string> Wrapped(string text, float size, float width, int most)
    {
        var lines = new List<string>();
        var line = "";
        foreach (var word in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            var longer = line.Length == 0 ? word : line + " " + word;
            if (line.Length > 0 && StrokeFont.Width(longer, size) > width)
            {
                lines.Add(line);
                line = word;
            }
            else { line = longer; }
        }

        lines.Add(line);
        return lines.Count <= most ? lines
            : [.. lines.Take(most - 1), StrokeFont.Fit(string.Join(' ', lines.Skip(most - 1)), size, width)];
    }
}
