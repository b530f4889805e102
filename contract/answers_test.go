package contract

const (
	newResponse      = "POST /responses"
	oneResponse      = "GET /responses/{}"
	dropResponse     = "DELETE /responses/{}"
	cancelResponse   = "POST /responses/{}/cancel"
	responseInput    = "GET /responses/{}/input_items"
	countInput       = "POST /responses/input_tokens"
	newConversation  = "POST /conversations"
	oneConversation  = "GET /conversations/{}"
	setConversation  = "POST /conversations/{}"
	dropConversation = "DELETE /conversations/{}"
	newItems         = "POST /conversations/{}/items"
	allItems         = "GET /conversations/{}/items"
	oneItem          = "GET /conversations/{}/items/{}"
	dropItem         = "DELETE /conversations/{}/items/{}"
	flatFunction     = `{"type": "function", "name": "f", "description": "A function.", "parameters": {"type": "object", "properties": {"a": {"type": "string", "maxLength": 5}}, "required": ["a"]}}`
	calledBefore     = `{"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"}, {"type": "function_call_output", "call_id": "call_1", "output": "1"}`
)

// newest are responses and conversations.
var newest = []exchange{
	{"plain", newResponse, "", `{"model": "gpt-4", "input": "Hello", "instructions": "Be brief.", "metadata": {"a": "b"}, "user": "u"}`, 0},
	{"stream", newResponse, "", `{"model": "gpt-4", "input": "Hello", "stream": true}`, 0},
	{"cut", newResponse, "", `{"model": "gpt-4", "input": "Tell me of twenty and more tokens, if you can, for as long as you can, please, and do not stop.", "max_output_tokens": 16}`, 0},
	{"json_schema", newResponse, "", `{"model": "gpt-4", "input": "x", "text": {"format": {"type": "json_schema", "name": "b", "strict": true, "schema": {"type": "object", "properties": {"b": {"type": "boolean"}}, "required": ["b"], "additionalProperties": false}}}}`, 0},
	{"a call", newResponse, "", `{"model": "gpt-4", "input": "Hello", "tools": [` + flatFunction + `], "tool_choice": {"type": "function", "name": "f"}}`, 0},
	{"a call, streamed", newResponse, "", `{"model": "gpt-4", "input": "Hello", "tools": [` + flatFunction + `], "tool_choice": "required", "stream": true}`, 0},
	{"results", newResponse, "", `{"model": "gpt-4", "input": [{"role": "user", "content": "Hi"}, ` + calledBefore + `]}`, 0},
	{"file search", newResponse, "", `{"model": "gpt-4", "input": "Hello", "tools": [{"type": "file_search", "vector_store_ids": ["{full_store}"]}], "tool_choice": {"type": "file_search"}, "include": ["file_search_call.results"]}`, 0},
	{"file search, streamed", newResponse, "", `{"model": "gpt-4", "input": "Hello", "tools": [{"type": "file_search", "vector_store_ids": ["{full_store}"]}], "tool_choice": {"type": "file_search"}, "stream": true}`, 0},
	{"stored", newResponse, "", `{"model": "gpt-4", "input": [{"role": "developer", "content": "x"}, {"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}, {"role": "assistant", "content": "Ho"}, {"role": "user", "content": "Hu"}, ` + calledBefore + `]}`, 0},
	{"continued", newResponse, "", `{"model": "gpt-4", "input": "And?", "previous_response_id": "{response}"}`, 0},
	{"in the background", newResponse, "", `{"model": "gpt-4", "input": "Hello", "background": true}`, 0},
	{"nothing said", newResponse, "", `{"model": "gpt-4"}`, 400},
	{"unknown model", newResponse, "", `{"model": "nothing", "input": "x"}`, 404},
	{"one", oneResponse, "/responses/{response}", "", 0},
	{"another's", oneResponse, "/responses/resp_other", "", 404},
	{"all", responseInput, "/responses/{response}/input_items?order=asc", "", 0},
	{"of the wrong kind", cancelResponse, "/responses/{response}/cancel", "", 400},
	{"in the background", cancelResponse, "/responses/{background response}/cancel", "", 0},
	{"plain", countInput, "", `{"model": "gpt-4", "input": "Hello", "instructions": "x"}`, 0},
	{"gone", dropResponse, "/responses/{response}", "", 0},

	{"made", newConversation, "", `{"metadata": {"a": "b"}, "items": [{"type": "message", "role": "user", "content": "Hi"}, ` + calledBefore + `]}`, 0},
	{"one", oneConversation, "/conversations/{conversation}", "", 0},
	{"another's", oneConversation, "/conversations/conv_other", "", 404},
	{"changed", setConversation, "/conversations/{conversation}", `{"metadata": {"c": "d"}}`, 0},
	{"in it", newResponse, "", `{"model": "gpt-4", "input": "Hello", "conversation": "{conversation}"}`, 0},
	{"added", newItems, "/conversations/{conversation}/items", `{"items": [{"role": "user", "content": [{"type": "input_text", "text": "More."}]}]}`, 0},
	{"none", newItems, "/conversations/{conversation}/items", `{}`, 400},
	{"all", allItems, "/conversations/{conversation}/items", "", 0},
	{"one", oneItem, "/conversations/{conversation}/items/{item}", "", 0},
	{"gone", dropItem, "/conversations/{conversation}/items/{item}", "", 0},
	{"gone", oneItem, "/conversations/{conversation}/items/{item}", "", 404},
	{"gone", dropConversation, "/conversations/{conversation}", "", 0},
}

func init() {
	for key, name := range map[string]string{
		newResponse + " stored": "response", newResponse + " in the background": "background response", newConversation + " made": "conversation", newItems + " added": "item",
	} {
		makes[key] = name
	}
}

// lastEvents are those that end a stream of a response, which has no [DONE].
var lastEvents = map[string]bool{"response.completed": true, "response.incomplete": true, "response.failed": true}
