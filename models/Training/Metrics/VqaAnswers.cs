using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;

namespace FlorenceKernels.Training;

/// <summary>Answers of VQAv2: the normalisation of the official evaluation as METER applies it, and scores by the number of
/// people who gave an answer.</summary>
public static class VqaAnswers
{
    private const string Punctuation = ";/[]\"{}()=+\\_-><@`,?!";
    private const double PerVote = 0.3;
    private const int MaxPeriods = 32;   // the reference passes a flag of value 32 where the count of replacements belongs

    private static readonly Dictionary<string, string> _numbers = new(StringComparer.Ordinal)
    {
        ["none"] = "0",
        ["zero"] = "0",
        ["one"] = "1",
        ["two"] = "2",
        ["three"] = "3",
        ["four"] = "4",
        ["five"] = "5",
        ["six"] = "6",
        ["seven"] = "7",
        ["eight"] = "8",
        ["nine"] = "9",
        ["ten"] = "10",
    };

    // every form with exactly one of its apostrophes left out is mapped to the whole form
    private const string Contractions =
        "ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've hasn't haven't " +
        "he'd he'd've he's how'd how'll how's isn't it'd it'd've it'll ma'am mightn't mightn't've might've mustn't " +
        "must've needn't not've o'clock oughtn't 'ow's'at shan't she'd've should've shouldn't shouldn't've " +
        "somebody'd've somebody'll somebody's someone'd someone'd've someone'll someone's something'd " +
        "something'd've something'll that's there'd there'd've there're there's they'd they'd've they'll they're " +
        "they've 'twas wasn't we'd've we've weren't what'll what're what's what've when's where'd where's where've " +
        "who'd who'd've who'll who's who've why'll why're why's won't would've wouldn't wouldn't've y'all y'all'll " +
        "y'all'd've you'd you'd've you'll you're you've";

    private static readonly Dictionary<string, string> _contractions = MissingApostrophes();

    /// <summary>The form in which two answers are compared.</summary>
    public static string Normalize(string answer)
    {
        ArgumentNullException.ThrowIfNull(answer);
        var text = WithoutPeriods(WithoutPunctuation(answer)).ToLowerInvariant();
        var words = text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
            .Select(word => _numbers.GetValueOrDefault(word, word))
            .Where(word => word is not ("a" or "an" or "the"))
            .Select(word => _contractions.GetValueOrDefault(word, word));
        return string.Join(' ', words).Replace(",", "", StringComparison.Ordinal);
    }

    /// <summary>Score of an answer that <paramref name="votes"/> of ten people gave: 0, 0.3, 0.6, 0.9, then 1.</summary>
    public static double SoftScore(int votes) => votes >= 4 ? 1 : PerVote * Math.Max(0, votes);

    /// <summary>Scores of all answers that people gave to one question; any other answer scores 0.</summary>
    public static Dictionary<string, double> SoftScores(IEnumerable<string> answers) =>
        answers.GroupBy(answer => answer, StringComparer.Ordinal)
            .ToDictionary(group => group.Key, group => SoftScore(group.Count()), StringComparer.Ordinal);

    /// <summary>Mean over questions of the target score of the best-scored answer; NaN without questions.</summary>
    /// <param name="logits">[questions, answers]</param>
    /// <param name="targets">Soft scores. [questions, answers]</param>
    /// <param name="answers">Size of the answer set.</param>
    public static double Score(ReadOnlySpan<float> logits, ReadOnlySpan<float> targets, int answers)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(answers, 1);
        if (logits.Length != targets.Length || logits.Length % answers != 0)
            throw new ArgumentException(
                $"{logits.Length} logits and {targets.Length} targets are not tables of {answers} answers.", nameof(targets));
        var questions = logits.Length / answers;
        var sum = 0.0;
        for (var q = 0; q < questions; q++) sum += targets[q * answers + ScoreTable.Best(logits.Slice(q * answers, answers))];
        return sum / questions;
    }

    // a sign is deleted where it stands beside a space somewhere, or where digits have a comma between them; else it becomes a
    // space
    private static string WithoutPunctuation(string answer)
    {
        var hasDigitComma = false;
        for (var i = 1; i + 1 < answer.Length; i++)
            hasDigitComma |= answer[i] == ',' && char.IsDigit(answer[i - 1]) && char.IsDigit(answer[i + 1]);
        var text = answer;
        foreach (var sign in Punctuation)
        {
            var isDeleted = hasDigitComma || answer.Contains($"{sign} ", StringComparison.Ordinal)
                || answer.Contains($" {sign}", StringComparison.Ordinal);
            text = text.Replace(sign.ToString(), isDeleted ? "" : " ", StringComparison.Ordinal);
        }
        return text;
    }

    private static string WithoutPeriods(string text)
    {
        var result = new StringBuilder(text.Length);
        var deleted = 0;
        for (var i = 0; i < text.Length; i++)
        {
            var isDeleted = text[i] == '.' && deleted < MaxPeriods && !(i + 1 < text.Length && char.IsDigit(text[i + 1]));
            if (isDeleted) deleted++;
            else result.Append(text[i]);
        }
        return result.ToString();
    }

    private static Dictionary<string, string> MissingApostrophes()
    {
        // as in the official table
        var forms = new Dictionary<string, string>(StringComparer.Ordinal) { ["somebody'd"] = "somebodyd" };
        foreach (var whole in Contractions.Split(' '))
            for (var i = 0; i < whole.Length; i++)
                if (whole[i] == '\'') forms[whole.Remove(i, 1)] = whole;
        return forms;
    }
}
