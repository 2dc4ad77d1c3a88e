namespace FlorenceKernels.Tensors;

// PTX of a warp's 64×32 part of a tile, for GemmMma.Gpu.cs. Registers are declared here and named in the text: ILGPU hands
// results of inline assembly back through memory, and these never leave it. Fragments as PTX ISA 8.0, 9.7.13 lays them out
// (m16n8k8 .tf32, m16n8k16 .bf16): fc holds 4 × 4 accumulators of 16×8, fa 4 fragments of A of 16 rows × 32 bytes, fb 4 of B of
// 8 columns × 32 bytes; both kinds of operands fill the same bytes, so one ldmatrix serves both.
internal static class MmaText
{
    // Once per kernel; the tiles lie in the kernel's only array of shared memory.
    public const string Declare =
        ".reg .f32 fc<64>;\n.reg .b32 fa<16>;\n.reg .b32 fb<8>;\n.reg .b32 tiles;\nmov.u32 tiles, __shared_alloca0;";

    // All accumulators to 0.
    public const string Clear =
        "mov.f32 fc0, 0f00000000; mov.f32 fc1, 0f00000000; mov.f32 fc2, 0f00000000; mov.f32 fc3, 0f00000000;\n" +
        "mov.f32 fc4, 0f00000000; mov.f32 fc5, 0f00000000; mov.f32 fc6, 0f00000000; mov.f32 fc7, 0f00000000;\n" +
        "mov.f32 fc8, 0f00000000; mov.f32 fc9, 0f00000000; mov.f32 fc10, 0f00000000; mov.f32 fc11, 0f00000000;\n" +
        "mov.f32 fc12, 0f00000000; mov.f32 fc13, 0f00000000; mov.f32 fc14, 0f00000000; mov.f32 fc15, 0f00000000;\n" +
        "mov.f32 fc16, 0f00000000; mov.f32 fc17, 0f00000000; mov.f32 fc18, 0f00000000; mov.f32 fc19, 0f00000000;\n" +
        "mov.f32 fc20, 0f00000000; mov.f32 fc21, 0f00000000; mov.f32 fc22, 0f00000000; mov.f32 fc23, 0f00000000;\n" +
        "mov.f32 fc24, 0f00000000; mov.f32 fc25, 0f00000000; mov.f32 fc26, 0f00000000; mov.f32 fc27, 0f00000000;\n" +
        "mov.f32 fc28, 0f00000000; mov.f32 fc29, 0f00000000; mov.f32 fc30, 0f00000000; mov.f32 fc31, 0f00000000;\n" +
        "mov.f32 fc32, 0f00000000; mov.f32 fc33, 0f00000000; mov.f32 fc34, 0f00000000; mov.f32 fc35, 0f00000000;\n" +
        "mov.f32 fc36, 0f00000000; mov.f32 fc37, 0f00000000; mov.f32 fc38, 0f00000000; mov.f32 fc39, 0f00000000;\n" +
        "mov.f32 fc40, 0f00000000; mov.f32 fc41, 0f00000000; mov.f32 fc42, 0f00000000; mov.f32 fc43, 0f00000000;\n" +
        "mov.f32 fc44, 0f00000000; mov.f32 fc45, 0f00000000; mov.f32 fc46, 0f00000000; mov.f32 fc47, 0f00000000;\n" +
        "mov.f32 fc48, 0f00000000; mov.f32 fc49, 0f00000000; mov.f32 fc50, 0f00000000; mov.f32 fc51, 0f00000000;\n" +
        "mov.f32 fc52, 0f00000000; mov.f32 fc53, 0f00000000; mov.f32 fc54, 0f00000000; mov.f32 fc55, 0f00000000;\n" +
        "mov.f32 fc56, 0f00000000; mov.f32 fc57, 0f00000000; mov.f32 fc58, 0f00000000; mov.f32 fc59, 0f00000000;\n" +
        "mov.f32 fc60, 0f00000000; mov.f32 fc61, 0f00000000; mov.f32 fc62, 0f00000000; mov.f32 fc63, 0f00000000;\n";

    // Fragments of 32 bytes of inner axis: 16 rows each of A from address %0 on, 16 columns each of B from %1 on.
    public const string Load =
        "{\n.reg .b32 pa, pb;\nadd.u32 pa, tiles, %0;\nadd.u32 pb, tiles, %1;\n" +
        "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {fa0, fa1, fa2, fa3}, [pa];\n" +
        "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {fa4, fa5, fa6, fa7}, [pa+1024];\n" +
        "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {fa8, fa9, fa10, fa11}, [pa+2048];\n" +
        "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {fa12, fa13, fa14, fa15}, [pa+3072];\n" +
        "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {fb0, fb1, fb2, fb3}, [pb];\n" +
        "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {fb4, fb5, fb6, fb7}, [pb+1024];\n}";

    // The fragments of one operand alone, from address %0 on: along k as above; along lines rows of 256 bytes are one k of 128
    // lines, and groups of 16 lines are 32 bytes apart in an order that exclusive or gives.
    public const string LoadLeft =
        "{\n.reg .b32 pa;\nadd.u32 pa, tiles, %0;\n" +
        "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {fa0, fa1, fa2, fa3}, [pa];\n" +
        "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {fa4, fa5, fa6, fa7}, [pa+1024];\n" +
        "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {fa8, fa9, fa10, fa11}, [pa+2048];\n" +
        "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {fa12, fa13, fa14, fa15}, [pa+3072];\n" +
        "}";

    public const string LoadRight =
        "{\n.reg .b32 pb;\nadd.u32 pb, tiles, %0;\n" +
        "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {fb0, fb1, fb2, fb3}, [pb];\n" +
        "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {fb4, fb5, fb6, fb7}, [pb+1024];\n}";

    public const string LoadLeftAcross =
        "{\n.reg .b32 pa;\n" +
        "xor.b32 pa, %0, 0;\nadd.u32 pa, tiles, pa;\n" +
        "ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {fa0, fa1, fa2, fa3}, [pa];\n" +
        "xor.b32 pa, %0, 32;\nadd.u32 pa, tiles, pa;\n" +
        "ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {fa4, fa5, fa6, fa7}, [pa];\n" +
        "xor.b32 pa, %0, 64;\nadd.u32 pa, tiles, pa;\n" +
        "ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {fa8, fa9, fa10, fa11}, [pa];\n" +
        "xor.b32 pa, %0, 96;\nadd.u32 pa, tiles, pa;\n" +
        "ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {fa12, fa13, fa14, fa15}, [pa];\n" +
        "}";

    public const string LoadRightAcross =
        "{\n.reg .b32 pb;\n" +
        "xor.b32 pb, %0, 0;\nadd.u32 pb, tiles, pb;\n" +
        "ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {fb0, fb1, fb2, fb3}, [pb];\n" +
        "xor.b32 pb, %0, 32;\nadd.u32 pb, tiles, pb;\n" +
        "ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {fb4, fb5, fb6, fb7}, [pb];\n" +
        "}";

    // 16 bytes from global address %1 to %0, or 16 zeros where %2 is 0; copies are waited for by groups.
    public const string CopyAsync = "{\n.reg .b32 p;\nadd.u32 p, tiles, %0;\ncp.async.cg.shared.global [p], [%1], 16, %2;\n}";

    public const string CommitCopies = "cp.async.commit_group;";

    public const string WaitForAllButOne = "cp.async.wait_group 1;";

    public const string WaitForAll = "cp.async.wait_group 0;";

    // 16 products of fragments, 8 k.
    public const string MultiplyTf32 =
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {fc0, fc1, fc2, fc3}, {fa0, fa1, fa2, fa3}, {fb0, fb1}, "
        + "{fc0, fc1, fc2, fc3};\n" +
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {fc4, fc5, fc6, fc7}, {fa0, fa1, fa2, fa3}, {fb2, fb3}, "
        + "{fc4, fc5, fc6, fc7};\n" +
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {fc8, fc9, fc10, fc11}, {fa0, fa1, fa2, fa3}, {fb4, fb5}, "
        + "{fc8, fc9, fc10, fc11};\n" +
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {fc12, fc13, fc14, fc15}, {fa0, fa1, fa2, fa3}, {fb6, fb7}, "
        + "{fc12, fc13, fc14, fc15};\n" +
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {fc16, fc17, fc18, fc19}, {fa4, fa5, fa6, fa7}, {fb0, fb1}, "
        + "{fc16, fc17, fc18, fc19};\n" +
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {fc20, fc21, fc22, fc23}, {fa4, fa5, fa6, fa7}, {fb2, fb3}, "
        + "{fc20, fc21, fc22, fc23};\n" +
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {fc24, fc25, fc26, fc27}, {fa4, fa5, fa6, fa7}, {fb4, fb5}, "
        + "{fc24, fc25, fc26, fc27};\n" +
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {fc28, fc29, fc30, fc31}, {fa4, fa5, fa6, fa7}, {fb6, fb7}, "
        + "{fc28, fc29, fc30, fc31};\n" +
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {fc32, fc33, fc34, fc35}, {fa8, fa9, fa10, fa11}, {fb0, fb1}, "
        + "{fc32, fc33, fc34, fc35};\n" +
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {fc36, fc37, fc38, fc39}, {fa8, fa9, fa10, fa11}, {fb2, fb3}, "
        + "{fc36, fc37, fc38, fc39};\n" +
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {fc40, fc41, fc42, fc43}, {fa8, fa9, fa10, fa11}, {fb4, fb5}, "
        + "{fc40, fc41, fc42, fc43};\n" +
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {fc44, fc45, fc46, fc47}, {fa8, fa9, fa10, fa11}, {fb6, fb7}, "
        + "{fc44, fc45, fc46, fc47};\n" +
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {fc48, fc49, fc50, fc51}, {fa12, fa13, fa14, fa15}, {fb0, fb1}, "
        + "{fc48, fc49, fc50, fc51};\n" +
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {fc52, fc53, fc54, fc55}, {fa12, fa13, fa14, fa15}, {fb2, fb3}, "
        + "{fc52, fc53, fc54, fc55};\n" +
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {fc56, fc57, fc58, fc59}, {fa12, fa13, fa14, fa15}, {fb4, fb5}, "
        + "{fc56, fc57, fc58, fc59};\n" +
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {fc60, fc61, fc62, fc63}, {fa12, fa13, fa14, fa15}, {fb6, fb7}, "
        + "{fc60, fc61, fc62, fc63};\n";

    // 16 products of fragments, 16 k.
    public const string MultiplyBf16 =
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {fc0, fc1, fc2, fc3}, {fa0, fa1, fa2, fa3}, {fb0, fb1}, "
        + "{fc0, fc1, fc2, fc3};\n" +
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {fc4, fc5, fc6, fc7}, {fa0, fa1, fa2, fa3}, {fb2, fb3}, "
        + "{fc4, fc5, fc6, fc7};\n" +
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {fc8, fc9, fc10, fc11}, {fa0, fa1, fa2, fa3}, {fb4, fb5}, "
        + "{fc8, fc9, fc10, fc11};\n" +
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {fc12, fc13, fc14, fc15}, {fa0, fa1, fa2, fa3}, {fb6, fb7}, "
        + "{fc12, fc13, fc14, fc15};\n" +
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {fc16, fc17, fc18, fc19}, {fa4, fa5, fa6, fa7}, {fb0, fb1}, "
        + "{fc16, fc17, fc18, fc19};\n" +
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {fc20, fc21, fc22, fc23}, {fa4, fa5, fa6, fa7}, {fb2, fb3}, "
        + "{fc20, fc21, fc22, fc23};\n" +
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {fc24, fc25, fc26, fc27}, {fa4, fa5, fa6, fa7}, {fb4, fb5}, "
        + "{fc24, fc25, fc26, fc27};\n" +
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {fc28, fc29, fc30, fc31}, {fa4, fa5, fa6, fa7}, {fb6, fb7}, "
        + "{fc28, fc29, fc30, fc31};\n" +
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {fc32, fc33, fc34, fc35}, {fa8, fa9, fa10, fa11}, {fb0, fb1}, "
        + "{fc32, fc33, fc34, fc35};\n" +
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {fc36, fc37, fc38, fc39}, {fa8, fa9, fa10, fa11}, {fb2, fb3}, "
        + "{fc36, fc37, fc38, fc39};\n" +
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {fc40, fc41, fc42, fc43}, {fa8, fa9, fa10, fa11}, {fb4, fb5}, "
        + "{fc40, fc41, fc42, fc43};\n" +
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {fc44, fc45, fc46, fc47}, {fa8, fa9, fa10, fa11}, {fb6, fb7}, "
        + "{fc44, fc45, fc46, fc47};\n" +
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {fc48, fc49, fc50, fc51}, {fa12, fa13, fa14, fa15}, {fb0, fb1}, "
        + "{fc48, fc49, fc50, fc51};\n" +
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {fc52, fc53, fc54, fc55}, {fa12, fa13, fa14, fa15}, {fb2, fb3}, "
        + "{fc52, fc53, fc54, fc55};\n" +
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {fc56, fc57, fc58, fc59}, {fa12, fa13, fa14, fa15}, {fb4, fb5}, "
        + "{fc56, fc57, fc58, fc59};\n" +
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {fc60, fc61, fc62, fc63}, {fa12, fa13, fa14, fa15}, {fb6, fb7}, "
        + "{fc60, fc61, fc62, fc63};\n";

    // Accumulators to shared memory: rows of 128 f32, the four groups of 8 columns from addresses %0 to %3 on.
    public const string Spread =
        "{\n.reg .b32 p<4>;\nadd.u32 p0, tiles, %0;\nadd.u32 p1, tiles, %1;\nadd.u32 p2, tiles, %2;\nadd.u32 p3, tiles, %3;\n" +
        "st.shared.v2.f32 [p0], {fc0, fc1};\nst.shared.v2.f32 [p0+4096], {fc2, fc3};\n" +
        "st.shared.v2.f32 [p1], {fc4, fc5};\nst.shared.v2.f32 [p1+4096], {fc6, fc7};\n" +
        "st.shared.v2.f32 [p2], {fc8, fc9};\nst.shared.v2.f32 [p2+4096], {fc10, fc11};\n" +
        "st.shared.v2.f32 [p3], {fc12, fc13};\nst.shared.v2.f32 [p3+4096], {fc14, fc15};\n" +
        "st.shared.v2.f32 [p0+8192], {fc16, fc17};\nst.shared.v2.f32 [p0+12288], {fc18, fc19};\n" +
        "st.shared.v2.f32 [p1+8192], {fc20, fc21};\nst.shared.v2.f32 [p1+12288], {fc22, fc23};\n" +
        "st.shared.v2.f32 [p2+8192], {fc24, fc25};\nst.shared.v2.f32 [p2+12288], {fc26, fc27};\n" +
        "st.shared.v2.f32 [p3+8192], {fc28, fc29};\nst.shared.v2.f32 [p3+12288], {fc30, fc31};\n" +
        "st.shared.v2.f32 [p0+16384], {fc32, fc33};\nst.shared.v2.f32 [p0+20480], {fc34, fc35};\n" +
        "st.shared.v2.f32 [p1+16384], {fc36, fc37};\nst.shared.v2.f32 [p1+20480], {fc38, fc39};\n" +
        "st.shared.v2.f32 [p2+16384], {fc40, fc41};\nst.shared.v2.f32 [p2+20480], {fc42, fc43};\n" +
        "st.shared.v2.f32 [p3+16384], {fc44, fc45};\nst.shared.v2.f32 [p3+20480], {fc46, fc47};\n" +
        "st.shared.v2.f32 [p0+24576], {fc48, fc49};\nst.shared.v2.f32 [p0+28672], {fc50, fc51};\n" +
        "st.shared.v2.f32 [p1+24576], {fc52, fc53};\nst.shared.v2.f32 [p1+28672], {fc54, fc55};\n" +
        "st.shared.v2.f32 [p2+24576], {fc56, fc57};\nst.shared.v2.f32 [p2+28672], {fc58, fc59};\n" +
        "st.shared.v2.f32 [p3+24576], {fc60, fc61};\nst.shared.v2.f32 [p3+28672], {fc62, fc63};\n" +
        "}";

    // Rounding (to nearest, ties away for tf32, to even for bf16) and a store at address %0.
    public const string StoreTf32 = "{\n.reg .b32 p, v;\nadd.u32 p, tiles, %0;\ncvt.rna.tf32.f32 v, %1;\nst.shared.b32 [p], v;\n}";

    public const string StoreBf16 =
        "{\n.reg .b32 p;\n.reg .b16 v;\nadd.u32 p, tiles, %0;\ncvt.rn.bf16.f32 v, %1;\nst.shared.b16 [p], v;\n}";

    public const string StorePairBf16 =
        "{\n.reg .b32 p, v;\nadd.u32 p, tiles, %0;\ncvt.rn.bf16x2.f32 v, %2, %1;\nst.shared.b32 [p], v;\n}";

    public const string StorePackTf32 =
        "{\n.reg .b32 p, v<4>;\nadd.u32 p, tiles, %0;\ncvt.rna.tf32.f32 v0, %1;\ncvt.rna.tf32.f32 v1, %2;\n"
        + "cvt.rna.tf32.f32 v2, %3;\ncvt.rna.tf32.f32 v3, %4;\nst.shared.v4.b32 [p], {v0, v1, v2, v3};\n}";

    public const string StorePackBf16 =
        "{\n.reg .b32 p, v<2>;\nadd.u32 p, tiles, %0;\ncvt.rn.bf16x2.f32 v0, %2, %1;\ncvt.rn.bf16x2.f32 v1, %4, %3;\n"
        + "st.shared.v2.b32 [p], {v0, v1};\n}";
}
