package capi

import (
	"fmt"
	"reflect"
	"unsafe"

	"github.com/ebitengine/purego"
)

// ptr is an address on the C side. It is never dereferenced by Go except through the few functions
// that say so.
type ptr = uintptr

// cBatch is llama_batch, the same in every known version.
type cBatch struct {
	N      int32
	_      int32
	Token  unsafe.Pointer
	Embd   unsafe.Pointer
	Pos    unsafe.Pointer
	NSeq   unsafe.Pointer
	SeqID  unsafe.Pointer
	Logits unsafe.Pointer
}

// candidates is llama_token_data_array.
type candidates struct {
	data     unsafe.Pointer
	size     uint64
	selected int64
	sorted   bool
}

// funcs are the C functions that every known version exports with the same signature. A function
// whose signature differs between versions (llama_sampler_init_penalties) is not used at all.
type funcs struct {
	modelDefaults    func() block `c:"llama_model_default_params"`
	contextDefaults  func() block `c:"llama_context_default_params"`
	quantizeDefaults func() block `c:"llama_model_quantize_default_params"`
	chainDefaults    func() bool  `c:"llama_sampler_chain_default_params"`

	backendInit func()                                           `c:"llama_backend_init"`
	logSet      func(callback, data ptr)                         `c:"llama_log_set"`
	quantize    func(in, out string, params *block) uint32       `c:"llama_model_quantize"`
	modelLoad   func(path string, params block) ptr              `c:"llama_model_load_from_file"`
	modelFree   func(model ptr)                                  `c:"llama_model_free"`
	modelVocab  func(model ptr) ptr                              `c:"llama_model_get_vocab"`
	modelDesc   func(model ptr, buf *byte, n uint64) int32       `c:"llama_model_desc"`
	modelSize   func(model ptr) uint64                           `c:"llama_model_size"`
	modelCtx    func(model ptr) int32                            `c:"llama_model_n_ctx_train"`
	modelEmbd   func(model ptr) int32                            `c:"llama_model_n_embd"`
	modelSWA    func(model ptr) int32                            `c:"llama_model_n_swa"`
	modelRecur  func(model ptr) bool                             `c:"llama_model_is_recurrent"`
	modelHybrid func(model ptr) bool                             `c:"llama_model_is_hybrid"`
	hasDecoder  func(model ptr) bool                             `c:"llama_model_has_decoder"`
	template    func(model, name ptr) ptr                        `c:"llama_model_chat_template"`
	metaVal     func(m ptr, key string, b *byte, n uint64) int32 `c:"llama_model_meta_val_str"`

	vocabSize  func(vocab ptr) int32                                                                  `c:"llama_vocab_n_tokens"`
	vocabText  func(vocab ptr, token int32) ptr                                                       `c:"llama_vocab_get_text"`
	vocabBOS   func(vocab ptr) int32                                                                  `c:"llama_vocab_bos"`
	vocabEOS   func(vocab ptr) int32                                                                  `c:"llama_vocab_eos"`
	vocabEOG   func(vocab ptr, token int32) bool                                                      `c:"llama_vocab_is_eog"`
	vocabCtrl  func(vocab ptr, token int32) bool                                                      `c:"llama_vocab_is_control"`
	addBOS     func(vocab ptr) bool                                                                   `c:"llama_vocab_get_add_bos"`
	tokenize   func(vocab ptr, text *byte, n int32, out *int32, max int32, special, parse bool) int32 `c:"llama_tokenize"`
	tokenPiece func(vocab ptr, token int32, buf *byte, n, lstrip int32, special bool) int32           `c:"llama_token_to_piece"`

	contextNew  func(model ptr, params block) ptr       `c:"llama_init_from_model"`
	contextFree func(ctx ptr)                           `c:"llama_free"`
	nCtx        func(ctx ptr) uint32                    `c:"llama_n_ctx"`
	pooling     func(ctx ptr) int32                     `c:"llama_pooling_type"`
	decode      func(ctx ptr, batch cBatch) int32       `c:"llama_decode"`
	logits      func(ctx ptr, i int32) unsafe.Pointer   `c:"llama_get_logits_ith"`
	embdSeq     func(ctx ptr, seq int32) unsafe.Pointer `c:"llama_get_embeddings_seq"`
	memory      func(ctx ptr) ptr                       `c:"llama_get_memory"`
	seqRm       func(mem ptr, seq, p0, p1 int32) bool   `c:"llama_memory_seq_rm"`
	seqCp       func(mem ptr, src, dst, p0, p1 int32)   `c:"llama_memory_seq_cp"`
	stateSize   func(ctx ptr, seq int32) uint64         `c:"llama_state_seq_get_size"`
	attachPool  func(ctx, pool, poolBatch ptr)          `c:"llama_attach_threadpool"`
	setThreads  func(ctx ptr, n, batch int32)           `c:"llama_set_n_threads"`
	detachPool  func(ctx ptr)                           `c:"llama_detach_threadpool"`

	stateGet func(ctx ptr, out unsafe.Pointer, n uint64, seq int32) uint64 `c:"llama_state_seq_get_data"`
	stateSet func(ctx ptr, in unsafe.Pointer, n uint64, seq int32) uint64  `c:"llama_state_seq_set_data"`

	chainInit    func(noPerf bool) ptr                  `c:"llama_sampler_chain_init"`
	chainAdd     func(chain, sampler ptr)               `c:"llama_sampler_chain_add"`
	samplerApply func(s ptr, c *candidates)             `c:"llama_sampler_apply"`
	samplerTake  func(s ptr, token int32)               `c:"llama_sampler_accept"`
	samplerFree  func(s ptr)                            `c:"llama_sampler_free"`
	initGreedy   func() ptr                             `c:"llama_sampler_init_greedy"`
	initDist     func(seed uint32) ptr                  `c:"llama_sampler_init_dist"`
	initTopK     func(k int32) ptr                      `c:"llama_sampler_init_top_k"`
	initTopP     func(p float32, keep uint64) ptr       `c:"llama_sampler_init_top_p"`
	initMinP     func(p float32, keep uint64) ptr       `c:"llama_sampler_init_min_p"`
	initTemp     func(t float32) ptr                    `c:"llama_sampler_init_temp"`
	initGrammar  func(vocab ptr, gbnf, root string) ptr `c:"llama_sampler_init_grammar"`

	loadBackends func(dir string)                `c:"ggml_backend_load_all_from_path"`
	deviceCount  func() uint64                   `c:"ggml_backend_dev_count"`
	deviceGet    func(i uint64) ptr              `c:"ggml_backend_dev_get"`
	deviceName   func(dev ptr) ptr               `c:"ggml_backend_dev_name"`
	deviceReg    func(dev ptr) ptr               `c:"ggml_backend_dev_backend_reg"`
	procAddress  func(reg ptr, name string) ptr  `c:"ggml_backend_reg_get_proc_address"`
	poolParams   func(p unsafe.Pointer, n int32) `c:"ggml_threadpool_params_init"`
}

// bind fills the function table from the loaded libraries.
func (f *funcs) bind(libs []uintptr) (err error) {
	v := reflect.ValueOf(f).Elem()
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("c")
		addr := symbol(libs, name)
		if addr == 0 {
			return fmt.Errorf("the library lacks %s", name)
		}
		target := reflect.NewAt(v.Field(i).Type(), v.Field(i).Addr().UnsafePointer()).Interface()
		if err := register(target, addr, name); err != nil {
			return err
		}
	}
	return nil
}

// register turns purego's panics (a signature that this platform's calling convention cannot take)
// into errors.
func register(target any, addr uintptr, name string) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("this platform cannot call %s: %v", name, r)
		}
	}()
	purego.RegisterFunc(target, addr)
	return nil
}

func symbol(libs []uintptr, name string) uintptr {
	for _, l := range libs {
		if a, err := findSymbol(l, name); err == nil && a != 0 {
			return a
		}
	}
	return 0
}

// goString copies a NUL-terminated C string.
func goString(p ptr) string {
	if p == 0 {
		return ""
	}
	base := *(*unsafe.Pointer)(unsafe.Pointer(&p))
	n := 0
	for *(*byte)(unsafe.Add(base, n)) != 0 {
		n++
	}
	return string(unsafe.Slice((*byte)(base), n))
}
