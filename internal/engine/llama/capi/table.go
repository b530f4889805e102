package capi

// layouts holds one entry per library version, newest first. To add a version: read the defaults of
// the three structs from its header or its disassembly, write the entry, run `go test ./...` of this
// package with the new library. What entries share is a variable, so a version that changes nothing
// costs 1 line, one that moves a struct costs that struct.
var layouts = []layout{
	{release: "v0.5.0", versions: []string{"0.5.0-dev", "0.5.0"}, model: model80, context: context160, quantize: quantize64},
	{release: "v0.4.0", versions: []string{"0.4.0-dev", "0.4.0"}, model: model80, context: context160, quantize: quantize64},
	{release: "b10361", model: model72, context: context160, quantize: quantize56},
	{release: "b8095", model: model72flags, context: context136, quantize: quantize56old},
}

var model80 = structure{size: 80, fields: []field{
	{"n_gpu_layers", 16, i32, -1},
	{"split_mode", 20, i32, 1},
	{"load_mode", 24, i32, -1}, // -1 chosen by device, 0 read, 1 mmap
	{"lazy_mode", 28, i32, 1},
	{"progress_callback", 48, u64, 0},
	{"progress_callback_user_data", 56, u64, 0},
	{"vocab_only", 72, flag, 0},
	{"use_extra_bufts", 74, flag, 1}, // repacking of weights
}}

var model72 = structure{size: 72, fields: []field{
	{"n_gpu_layers", 16, i32, -1},
	{"split_mode", 20, i32, 1},
	{"load_mode", 24, i32, 1}, // 0 read, 1 mmap
	{"progress_callback", 40, u64, 0},
	{"progress_callback_user_data", 48, u64, 0},
	{"vocab_only", 64, flag, 0},
	{"use_extra_bufts", 66, flag, 1},
}}

var model72flags = structure{size: 72, fields: []field{
	{"n_gpu_layers", 16, i32, -1},
	{"split_mode", 20, i32, 1},
	{"progress_callback", 40, u64, 0},
	{"progress_callback_user_data", 48, u64, 0},
	{"vocab_only", 64, flag, 0},
	{"load_mode", 65, flag, 1}, // use_mmap
	{"use_extra_bufts", 69, flag, 1},
}}

var context160 = structure{size: 160, fields: []field{
	{"n_ctx", 0, u32, 512},
	{"n_batch", 4, u32, 2048},
	{"n_ubatch", 8, u32, 512},
	{"n_seq_max", 12, u32, 1},
	{"n_outputs_max", 20, u32, 0},
	{"n_outputs_max_per_seq", 24, u32, 1},
	{"n_threads", 28, i32, 4},
	{"n_threads_batch", 32, i32, 4},
	{"rope_scaling_type", 40, i32, -1},
	{"pooling_type", 44, i32, -1},
	{"attention_type", 48, i32, -1},
	{"flash_attn_type", 52, i32, -1},
	{"yarn_ext_factor", 64, f32, -1},
	{"yarn_attn_factor", 68, f32, -1},
	{"yarn_beta_fast", 72, f32, -1},
	{"yarn_beta_slow", 76, f32, -1},
	{"defrag_thold", 84, f32, -1},
	{"type_k", 104, i32, 1},
	{"type_v", 108, i32, 1},
	{"embeddings", 128, flag, 0},
	{"offload_kqv", 129, flag, 1},
	{"no_perf", 130, flag, 1},
	{"op_offload", 131, flag, 1},
	{"swa_full", 132, flag, 1},
	{"kv_unified", 133, flag, 0},
}}

var context136 = structure{size: 136, fields: []field{
	{"n_ctx", 0, u32, 512},
	{"n_batch", 4, u32, 2048},
	{"n_ubatch", 8, u32, 512},
	{"n_seq_max", 12, u32, 1},
	{"n_threads", 16, i32, 4},
	{"n_threads_batch", 20, i32, 4},
	{"rope_scaling_type", 24, i32, -1},
	{"pooling_type", 28, i32, -1},
	{"attention_type", 32, i32, -1},
	{"flash_attn_type", 36, i32, -1},
	{"yarn_ext_factor", 48, f32, -1},
	{"yarn_attn_factor", 52, f32, -1},
	{"yarn_beta_fast", 56, f32, -1},
	{"yarn_beta_slow", 60, f32, -1},
	{"defrag_thold", 68, f32, -1},
	{"type_k", 88, i32, 1},
	{"type_v", 92, i32, 1},
	{"embeddings", 112, flag, 0},
	{"offload_kqv", 113, flag, 1},
	{"no_perf", 114, flag, 1},
	{"op_offload", 115, flag, 1},
	{"swa_full", 116, flag, 1},
	{"kv_unified", 117, flag, 0},
}}

var quantize64 = structure{size: 64, fields: []field{
	{"nthread", 0, i32, 0},
	{"ftype", 4, i32, 7},
	{"output_tensor_type", 8, i32, 43},
	{"token_embedding_type", 12, i32, 43},
	{"allow_requantize", 16, flag, 0},
	{"quantize_output_tensor", 17, flag, 1},
	{"pure", 19, flag, 0},
	{"max_buf_size", 56, u64, 8 << 30},
}}

var quantize56 = structure{size: 56, fields: quantize64.fields[:7]}

var quantize56old = structure{size: 56, fields: []field{
	{"nthread", 0, i32, 0},
	{"ftype", 4, i32, 9},
	{"output_tensor_type", 8, i32, 40},
	{"token_embedding_type", 12, i32, 40},
	{"allow_requantize", 16, flag, 0},
	{"quantize_output_tensor", 17, flag, 1},
	{"pure", 19, flag, 0},
}}
