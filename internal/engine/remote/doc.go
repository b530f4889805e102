// Package remote is the backend for models that another server runs: vLLM, llama-server, Ollama, LM
// Studio, OpenAI itself, or anything else that speaks OpenAI's API.
//
// It takes messages and text as they are (engine.InputMessages) and leaves templates, tokens and
// batching to the other server. What that server cannot do through this API the backend cannot do
// either: it neither tokenizes nor scores prompts, and knows no grammars and no bias sequences; it says
// so in an error instead of leaving it out. logit_bias passes through, with the other server's token
// ids. Adapter names are sent as the model's name, as vLLM wants it.
//
// Where servers differ, and what the backend makes of it:
//
//	                       OpenAI            vLLM                 llama-server          Ollama, LM Studio
//	prompt too long        400 with a code   400, text only       400, a type           cut silently
//	unknown model          404               404                  answers anyway        404
//	error body             error object      object or flat       error object          object or string
//	token ids in logprobs  no                no                   yes                   no
//	legacy logprobs        parallel lists    parallel lists       list of tokens        no
//	cached tokens          in usage          if switched on       in usage              no
//	window                 not told          max_model_len        meta.n_ctx            not told
//
// Calls of functions pass through: the messages' own, the request's tools, and those that the answer
// brings, whole or in pieces, with numbers that some servers leave out, and as the function_call of 2023.
//
// Events: Started comes with the first answer, and with PromptTokens only when the answer was not
// streamed, as servers tell usage at the end; Done has all counts. Delta.Tokens is set only when
// logprobs were asked for, with Token -1 where the server tells no ids.
//
// Errors: what the other server says about the request is passed on (400, 404, 413, 422); what it says
// about us (401, 403) and its own failures are Unavailable, with the details in the log only; 429 is
// Overloaded. A connection that is refused is tried again twice within half a second; nothing else is
// repeated, because the request may have run.
package remote
