using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.Json.Nodes;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Cli;

/// <summary>What was counted of one call of an op, and the machine code of the launch that ran the most instructions.</summary>
internal sealed record CountedKernel(HotKernel Kernel, PreparedCall Call, IReadOnlyList<LaunchCounters> Launches, LaunchCounters Heaviest,
    (GpuModel Model, AssembledKernel? Code)[] Code)
{
    private const double Sector = 32;

    private static readonly GpuModel[] Models = [GpuModel.A100, GpuModel.H100];

    private long Sectors => Launches.Sum(l => l.GlobalLoadSectors + l.GlobalStoreSectors);

    private double Floor => Math.Ceiling(Call.Floor / Sector);

    private long Conflicts => Launches.Sum(l => l.BankConflicts);

    private long Wavefronts => Launches.Sum(l => l.SharedWavefronts);

    private long Flops => Launches.Sum(l => l.Flops);

    private long MmaFlops => Launches.Sum(l => l.MmaFlops);

    /// <summary>The row of the table.</summary>
    public string[] Cells() =>
    [
        Kernel.Name, Kernel.Size, $"{Launches.Count}", $"{Sectors:N0}", $"{Floor:N0}", $"{Sectors / Floor:0.00}x",
        Call.TileFloor == 0 ? "-" : $"{Sectors / (Call.TileFloor / Sector):0.00}x",
        Wavefronts == 0 ? "-" : $"{Conflicts:N0} ({100.0 * Conflicts / Wavefronts:0.0} %)", $"{(Flops + MmaFlops) / 1e6:0.00}",
        Flops + MmaFlops == 0 ? "-" : $"{100.0 * MmaFlops / (Flops + MmaFlops):0} %",
        Code.LastOrDefault() is (var model, { } code) ? $"{code.Registers}, {100 * Occupied(model, code):0} % ({model.Name})" : "-",
        .. Models.Select(m => Estimate(m)),
    ];

    /// <summary>The row for programs.</summary>
    public JsonObject Json() => new()
    {
        ["name"] = Kernel.Name,
        ["size"] = Kernel.Size,
        ["launches"] = Launches.Count,
        ["sectors"] = Sectors,
        ["floorSectors"] = Floor,
        ["tileFloorSectors"] = Call.TileFloor / Sector,
        ["sharedWavefronts"] = Wavefronts,
        ["bankConflicts"] = Conflicts,
        ["flops"] = Flops,
        ["mmaFlops"] = MmaFlops,
        ["warpInstructions"] = Launches.Sum(l => l.WarpInstructions),
        ["heaviest"] = new JsonObject
        {
            ["kernel"] = Heaviest.Kernel,
            ["threads"] = Heaviest.Block[0],
            ["code"] = new JsonArray([.. Code.Where(c => c.Code is not null).Select(c => new JsonObject
            {
                ["architecture"] = c.Model.Architecture, ["registers"] = c.Code!.Registers, ["sharedBytes"] = c.Code.SharedBytes,
                ["spillBytes"] = c.Code.SpillBytes, ["occupancy"] = Occupied(c.Model, c.Code),
            })]),
        },
        ["estimates"] = new JsonArray([.. Models.Select(m =>
        {
            var (seconds, bound) = m.Time(Launches, Call.Floor, Kernel.Precision);
            return new JsonObject
            {
                ["gpu"] = m.Name, ["isEstimate"] = true, ["microseconds"] = 1e6 * seconds, ["bound"] = bound,
                ["floorMicroseconds"] = 1e6 * m.Floor(Call.Floor, Kernel.Flops, Kernel.Precision),
            };
        })]),
    };

    private double Occupied(GpuModel model, AssembledKernel code) => model.Occupancy(code.Registers, Heaviest.Block[0], code.SharedBytes);

    private string Estimate(GpuModel model)
    {
        var (seconds, bound) = model.Time(Launches, Call.Floor, Kernel.Precision);
        return $"{1e6 * seconds:0.0} {bound} / {1e6 * model.Floor(Call.Floor, Kernel.Flops, Kernel.Precision):0.0}";
    }
}
