package contract

// Runs are made here for the shapes of their answers; how they go is package runs' own test. The model is the echo engine.

const (
	newRun         = "POST /threads/{}/runs"
	newThreadRun   = "POST /threads/runs"
	cancelledRun   = "POST /threads/{}/runs/{}/cancel"
	outputsOfRun   = "POST /threads/{}/runs/{}/submit_tool_outputs"
	runOfAssistant = `"assistant_id": "{runner}"`
)

// runsOfBoth are requests that make or change runs, in both generations.
var runsOfBoth = []exchange{
	{"v2 that runs", newAssistant, "", `{"model": "gpt-4", "tools": [` + functionTool + `]}`, 0},
	{"v2 to run", newThread, "", `{"messages": [{"role": "user", "content": "Hi"}]}`, 0},
	{"v1 to run", newThread, "", `{"messages": [{"role": "user", "content": "Hi"}]}`, 0},
	{"v1 plain", newRun, "/threads/{thread of v1}/runs", `{` + runOfAssistant + `, "instructions": "a", "additional_instructions": "b", "metadata": {"a": "b"}}`, 0},
	{"v2 with all", newRun, "/threads/{thread of v2}/runs", `{` + runOfAssistant + `, "model": "gpt-4", "temperature": 0, "top_p": 0.5, "max_prompt_tokens": 5000, "max_completion_tokens": 300,
		"truncation_strategy": {"type": "last_messages", "last_messages": 3}, "tool_choice": {"type": "function", "function": {"name": "f"}}, "parallel_tool_calls": false, "response_format": {"type": "text"},
		"additional_messages": [{"role": "user", "content": "Ho"}]}`, 0},
	{"v1 plain", newThreadRun, "", `{` + runOfAssistant + `, "thread": {"messages": [{"role": "user", "content": "Hi"}]}}`, 0},
	{"v2 plain", newThreadRun, "", `{` + runOfAssistant + `, "thread": {"messages": [{"role": "user", "content": "Hi"}]}}`, 0},
	{"v2 of no assistant", newThreadRun, "", `{"assistant_id": "asst_nothing"}`, 404},
	{"v2 of no thread", newRun, "/threads/thread_nothing/runs", `{` + runOfAssistant + `}`, 404},
	{"v2 too few tokens", newRun, "/threads/{thread of v2}/runs", `{` + runOfAssistant + `, "max_prompt_tokens": 1}`, 400},
	{"v2 unknown", cancelledRun, "/threads/{thread of v2}/runs/run_nothing/cancel", `{}`, 404},
	{"v1 unknown", outputsOfRun, "/threads/{thread of v2}/runs/run_nothing/submit_tool_outputs", `{"tool_outputs": []}`, 404},
}

const functionTool = `{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {}}}}`

func init() {
	for key, name := range map[string]string{
		newAssistant + " v2 that runs": "runner", newThread + " v2 to run": "thread of v2", newThread + " v1 to run": "thread of v1",
	} {
		makes[key] = name
	}
}
