// Package chattemplate renders conversations with the chat template that a model brings: a Jinja program, in GGUF files the
// metadata tokenizer.chat_template, that turns messages and tools into the prompt the model was trained on.
package chattemplate
