using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Text.Json.Nodes;
using FlorenceKernels.Checkpoints;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Cli;

/// <summary><c>florence embed</c>: images or texts to unit vectors in a safetensors file.</summary>
internal sealed class EmbedVerb : ModelVerb
{
    public EmbedVerb(CommonOptions common)
        : base(common, "embed", "Write the unit vectors of images or texts to a safetensors file",
        "florence embed --run runs/quickstart --images photos --out photos.safetensors",
        "florence embed --run runs/quickstart --texts captions.txt --out captions.safetensors --json")
    {
        Flag<string>("--images", "images", "Folder of image files", "DIR");
        Flag<string>("--texts", "texts", "Text file with one text a line", "FILE");
        Flag<string>("--out", "out", "File to write", "FILE.safetensors");
    }

    protected override JsonObject OwnDefaults => new() { ["images"] = null, ["texts"] = null, ["out"] = null };

    protected override int Run(VerbCall call)
    {
        var (folder, file) = (call.Settings.TextOrNull("images"), call.Settings.TextOrNull("texts"));
        if (folder is null == file is null) { throw new UsageException("embed: give either --images FOLDER or --texts FILE"); }
        if (file is not null && !File.Exists(file)) { throw new UsageException($"--texts {file}: there is no such file"); }
        var output = call.Settings.Text("out");
        var names = folder is not null ? ImageFolder.Files(folder) : File.ReadAllLines(file!);
        if (names.Count == 0) { throw new UsageException($"--texts {file}: the file is empty"); }
        using var model = new OpenedModel(call.Settings.Text("run"), call.OpenDevice());
        var rows = folder is not null ? call.Screen.Progress("images", report => model.Files(names, report))
            : model.Embedder.Texts([.. names]);
        using var scope = TensorScope.Begin();
        TensorFile.Save(output, [KeyValuePair.Create("embeddings", Tensor.From(rows, [names.Count, model.Embedder.Width]))],
            new Dictionary<string,
                string>
            {
                ["names"] = JsonSerializer.Serialize(names.Select(n => folder is null ? n
                : Path.GetRelativePath(folder, n)))
            });
        call.Screen.Line($"{names.Count} vectors of {model.Embedder.Width} numbers in {output} (tensor 'embeddings', names in "
            + $"the metadata)");
        call.Screen.Result(new JsonObject { ["out"] = output, ["count"] = names.Count, ["width"] = model.Embedder.Width });
        return 0;
    }
}
