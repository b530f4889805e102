"""Conversations that gen.py renders with every template."""

import json


def user(text, **more):
    return {"role": "user", "content": text, **more}


def assistant(text, **more):
    return {"role": "assistant", "content": text, **more}


def system(text):
    return {"role": "system", "content": text}


def call(name, arguments, id=None, **more):
    out = {"type": "function", "function": {"name": name, "arguments": arguments}, **more}
    return {"id": id, **out} if id is not None else out


def tool(content, **more):
    return {"role": "tool", "content": content, **more}


def function(name, description, parameters):
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


WEATHER = function(
    "get_weather",
    "Current weather of a place",
    {
        "type": "object",
        "properties": {
            "location": {"type": "string", "description": "City and country, e.g. \"Paris, France\""},
            "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
        },
        "required": ["location"],
    },
)

SEARCH = function(
    "search",
    "Search the web for <pages> & \"quotes\" it's fine",
    {
        "type": "object",
        "properties": {
            "query": {"type": "string", "description": "검색어 🔍"},
            "limit": {"type": "integer", "description": "How many", "default": 10, "minimum": 1, "maximum": 1e2},
            "ratio": {"type": "number", "default": 0.5},
            "tags": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 5},
            "deep": {"type": "boolean", "default": False},
            "when": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}], "default": None},
            "kind": {"type": ["string", "null"], "enum": ["a", "b", None]},
            "filter": {
                "type": "object",
                "description": "Nested",
                "properties": {
                    "site": {"type": "string"},
                    "range": {"type": "object", "properties": {"from": {"type": "integer"}, "to": {"type": "integer"}}, "required": ["from"]},
                },
                "required": ["site"],
                "additionalProperties": False,
            },
            "rows": {"type": "array", "items": {"type": "object", "properties": {"id": {"type": "integer"}}}},
            "one": {"oneOf": [{"type": "integer"}, {"type": "string"}], "nullable": True},
        },
        "required": ["query", "filter"],
        "additionalProperties": False,
    },
)
SEARCH["function"]["strict"] = True

NOTHING = {"type": "function", "function": {"name": "ping", "description": "No parameters"}}
EMPTY = function("now", "", {"type": "object", "properties": {}})
BARE = WEATHER["function"]
RETURNS = json.loads(json.dumps(WEATHER))
RETURNS["function"]["return"] = {"type": "string", "description": "The weather as text"}

SYS = system("You are a helpful assistant.")
HELLO = user("Hello, how are you?")
FINE = assistant("I am fine, thank you!")
ASK = user("What is the weather in Paris?")
PARIS = {"location": "Paris, France", "unit": "celsius"}

ONE_CALL = assistant(None, tool_calls=[call("get_weather", PARIS, "call12345")])
ONE_RESULT = tool('{"temperature": 21.5, "sky": "clear"}', tool_call_id="call12345", name="get_weather")

KOREAN = "안녕하세요! \"따옴표\"와 '작은 따옴표', \\백슬래시\\ & <태그>\n둘째 줄\t탭 😀👩‍👩‍👧 \u2028 끝"

CASES = []


def case(name, messages, gen=(True,), **more):
    for g in gen:
        suffix = "" if len(gen) == 1 else ("_gen" if g else "_nogen")
        CASES.append({"name": name + suffix, "messages": messages, "add_generation_prompt": g, **more})


both = (True, False)

case("plain", [HELLO], both)
case("system", [SYS, HELLO], both)
case("multi_turn", [SYS, HELLO, FINE, user("Tell me a joke.")], both)
case("multi_turn_answered", [HELLO, FINE, user("Bye"), assistant("Goodbye.")], both)
case("no_system", [HELLO, FINE, user("And now?")])
case("no_bos", [SYS, HELLO, FINE, user("And now?")], bos_token=None, eos_token=None)
case("empty_messages", [])
case("system_only", [SYS], both)
case("assistant_first", [FINE, HELLO])
case("two_users", [HELLO, user("Anybody there?")])
case("two_systems", [SYS, HELLO, system("Be brief."), user("Go on")])
case("system_late", [HELLO, SYS, user("Go on")])
case("developer", [{"role": "developer", "content": "Answer in French."}, HELLO])
case("unknown_role", [HELLO, {"role": "critic", "content": "Hm."}])
case("no_role", [{"content": "Who am I?"}])
case("no_content", [HELLO, {"role": "assistant"}, user("?")])
case("null_content", [HELLO, assistant(None), user("?")])
case("empty_content", [system(""), user(""), assistant(""), user("   \n ")])
case("spaces", [system("  padded system \n"), user("\n\n  padded user  \n"), assistant("  padded answer\n\n"), user("x ")])
case("korean", [system("한국어로 답하세요."), user(KOREAN), assistant("네! ‘좋습니다’ 🎉"), user("더 말해 줘…")])
case("name", [user("I am Kim", name="kim"), assistant("Hi Kim", name="bot"), user("Hi", name="lee")])
case("parts", [{"role": "user", "content": [{"type": "text", "text": "First."}, {"type": "text", "text": " Second."}]}])
case("parts_all", [
    {"role": "system", "content": [{"type": "text", "text": "System part."}]},
    {"role": "user", "content": [{"type": "text", "text": "User part."}]},
    {"role": "assistant", "content": [{"type": "text", "text": "Assistant part."}]},
    {"role": "user", "content": [{"type": "text", "text": "Last."}]},
])
case("image", [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What is this?"}]}])
case("image_url", [{"role": "user", "content": [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]}])
case("reasoning", [HELLO, assistant("Fine.", reasoning_content="They greet me.\nI answer."), user("Why?"), assistant("Because.", reasoning_content="Deep thought")], both)
case("reasoning_alias", [HELLO, assistant("Fine.", thinking="Older name"), user("Why?")])
case("think_tags", [HELLO, assistant("<think>\nThey greet me.\n</think>\n\nFine."), user("Why?"), assistant("<think>\n\n</think>\n\nBecause.")], both)
case("thinking_off", [SYS, HELLO], extra={"enable_thinking": False})
case("thinking_on", [SYS, HELLO], extra={"enable_thinking": True, "thinking": True})
case("thinking_budget", [SYS, HELLO], extra={"thinking_budget": 512, "thinking_mode": "thinking", "clear_thinking": False})
for effort in ("none", "minimal", "low", "medium", "high"):
    case("effort_" + effort, [SYS, HELLO], extra={"reasoning_effort": effort})
case("keep_thinking", [HELLO, assistant("Fine.", reasoning_content="A"), user("Why?"), assistant("B.", reasoning_content="B"), user("?")],
     extra={"preserve_thinking": True, "preserved_thinking": True, "drop_thinking": False, "truncate_history_thinking": False, "clear_thinking": False})
case("identity", [HELLO], extra={"model_identity": "You are Parley.", "date_string": "1 Jan 2030", "current_date": "2030-01-01", "knowledge_cutoff": "2029-01", "default_system_prompt": "Default."})
case("documents", [user("What do they say?")], documents=[{"title": "One", "text": "First text", "doc_id": 1}, {"title": "둘", "text": "Second \"text\"", "doc_id": 2}], extra={"citation_mode": "accurate", "available_tools": None})
case("response_format", [HELLO], extra={"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object", "properties": {"a": {"type": "integer"}}}}}, "response_schema": {"type": "object"}})
case("builtin_tools", [SYS, ASK], tools=[WEATHER], extra={"builtin_tools": ["browser", "python", "wolfram_alpha"], "tools_in_user_message": False, "tool_choice": "auto"})
case("long", [SYS] + [m for i in range(10) for m in (user(f"Question {i}: what is {i} + {i}?"), assistant(f"It is {i + i}."))] + [user("And now?")])

case("tools", [SYS, ASK], both, tools=[WEATHER])
case("tools_no_system", [ASK], tools=[WEATHER, SEARCH])
case("tools_many", [SYS, ASK], tools=[SEARCH, NOTHING, EMPTY, RETURNS])
case("tools_empty_list", [SYS, ASK], tools=[])
case("tools_bare", [SYS, ASK], tools=[BARE])
case("tools_answered", [SYS, ASK, assistant("It is sunny."), user("Sure?")], tools=[WEATHER])
case("call", [ASK, ONE_CALL], both, tools=[WEATHER])
case("call_no_tools", [ASK, ONE_CALL, ONE_RESULT])
case("call_text_arguments", [ASK, assistant(None, tool_calls=[call("get_weather", json.dumps(PARIS), "call12345")]), ONE_RESULT], tools=[WEATHER])
case("call_bad_text_arguments", [ASK, assistant(None, tool_calls=[call("get_weather", "{not json", "call12345")]), ONE_RESULT], tools=[WEATHER])
case("call_empty_content", [ASK, assistant("", tool_calls=[call("get_weather", PARIS, "call12345")]), ONE_RESULT], tools=[WEATHER])
case("call_no_content", [ASK, {"role": "assistant", "tool_calls": [call("get_weather", PARIS, "call12345")]}, ONE_RESULT], tools=[WEATHER])
case("call_content", [ASK, assistant("I will look.", tool_calls=[call("get_weather", PARIS, "call12345")]), ONE_RESULT], both, tools=[WEATHER])
case("call_reasoning", [ASK, assistant("", reasoning_content="I need the tool.", tool_calls=[call("get_weather", PARIS, "call12345")]), ONE_RESULT], both, tools=[WEATHER])
case("call_content_reasoning", [ASK, assistant("Looking.", reasoning_content="I need the tool.", tool_calls=[call("get_weather", PARIS, "call12345")]), ONE_RESULT], tools=[WEATHER])
case("call_no_id", [ASK, assistant(None, tool_calls=[call("get_weather", PARIS)]), tool("21 degrees")], tools=[WEATHER])
case("call_long_id", [ASK, assistant(None, tool_calls=[call("get_weather", PARIS, "functions.get_weather:0")]), tool("21", tool_call_id="functions.get_weather:0")], tools=[WEATHER])
case("call_values", [user("Everything"), assistant(None, tool_calls=[call("search", {
    "query": KOREAN, "limit": 3, "ratio": 0.1, "big": 12345678901234567890, "huge": 1e22, "tiny": 1e-7, "whole": 2.0, "neg": -1.5,
    "tags": ["a", "b'c", "d\"e"], "deep": True, "shallow": False, "when": None, "filter": {"site": "x", "range": {"from": 1, "to": [1, 2, [3]]}}, "rows": [{"id": 1}, {}], "empty": {}, "none": [], "code": "if a < b && c:\n\tprint('\\n')\r\n",
}, "call12345")]), tool("done", tool_call_id="call12345")], tools=[SEARCH])
case("call_no_arguments", [user("Ping"), assistant(None, tool_calls=[call("ping", {}, "call12345")]), tool("pong", tool_call_id="call12345")], tools=[NOTHING])
case("result", [SYS, ASK, ONE_CALL, ONE_RESULT], both, tools=[WEATHER])
case("result_answered", [SYS, ASK, ONE_CALL, ONE_RESULT, assistant("It is 21.5 degrees."), user("Thanks")], both, tools=[WEATHER])
case("result_final", [ASK, ONE_CALL, ONE_RESULT, assistant("It is 21.5 degrees.")], both, tools=[WEATHER])
case("parallel", [ASK, assistant(None, tool_calls=[call("get_weather", PARIS, "call11111"), call("search", {"query": "서울", "filter": {"site": "a"}}, "call22222")]),
                  tool("21", tool_call_id="call11111", name="get_weather"), tool("결과", tool_call_id="call22222", name="search")], both, tools=[WEATHER, SEARCH])
case("sequence", [SYS, ASK, ONE_CALL, ONE_RESULT, assistant(None, tool_calls=[call("search", {"query": "more", "filter": {"site": "a"}}, "call22222")]),
                  tool("found", tool_call_id="call22222", name="search"), assistant("All done."), user("Again"), ONE_CALL, ONE_RESULT], both, tools=[WEATHER, SEARCH])
case("result_object", [ASK, ONE_CALL, tool({"temperature": 21.5, "list": [1, None, True]}, tool_call_id="call12345", name="get_weather")], tools=[WEATHER])
case("result_parts", [ASK, ONE_CALL, tool([{"type": "text", "text": "21 degrees"}, {"type": "text", "text": "clear"}], tool_call_id="call12345", name="get_weather")], tools=[WEATHER])
case("result_korean", [ASK, ONE_CALL, tool(KOREAN, tool_call_id="call12345", name="get_weather")], tools=[WEATHER])
case("result_orphan", [ASK, ONE_RESULT], tools=[WEATHER])
case("calls_empty", [ASK, assistant("No call.", tool_calls=[]), user("Sure?")], tools=[WEATHER])
case("calls_null", [ASK, assistant("No call.", tool_calls=None), user("Sure?")])
case("tools_thinking_off", [SYS, ASK, ONE_CALL, ONE_RESULT], tools=[WEATHER], extra={"enable_thinking": False, "reasoning_effort": "low"})
case("functions", [SYS, ASK, ONE_CALL, ONE_RESULT], both, tools=[WEATHER], extra={"functions": json.dumps([WEATHER["function"]]), "datetime": "2024-07-06 09:05"})


def changed(messages, content, arguments):
    """The messages with content for null, and with the arguments of calls as JSON text if arguments is set."""
    out = json.loads(json.dumps(messages))
    for m in out:
        if "content" in m and m["content"] is None:
            m["content"] = content
        for c in m.get("tool_calls") or []:
            if arguments and not isinstance(c["function"]["arguments"], str):
                c["function"]["arguments"] = json.dumps(c["function"]["arguments"], ensure_ascii=False)
    return out


# Many templates fail on the null that OpenAI's clients send beside tool calls, or expect arguments the other way: the same
# conversations as these templates want them.
for c in list(CASES):
    text = changed(c["messages"], "", False)
    if text != c["messages"]:
        CASES.append({**c, "name": c["name"] + "_text", "messages": text})
    encoded = changed(c["messages"], "", True)
    if encoded != text:
        CASES.append({**c, "name": c["name"] + "_json", "messages": encoded})
