// Package convert turns models from the form in which they are published into what Parley's engines
// read. Today that is one road: sentence encoders of the BERT family (safetensors, config.json and a
// WordPiece vocabulary) into GGUF for llama.cpp. Tensors are streamed one by one, so a conversion
// needs a few megabytes of memory whatever the model's size, and the same input always gives the same
// bytes. Input files come from strangers and are checked before they are used.
package convert

// Version names this converter in what is remembered of a conversion. It changes when the output does.
const Version = "parley-convert 1"
