"""The official client of mid-2023 (openai 0.27), unmodified but for base URL and key: engines in the path,
edits, and all that completions could do."""

import json
import math
import os
import urllib.request

import openai
import pytest

openai.api_base = os.environ["PARLEY_URL"] + "/v1"
openai.api_key = os.environ["PARLEY_KEY"]

TEXT = "The capital of France is Paris."

# The small model is sure how these go on: answers to them are compared, and what lies in the cache changes
# last digits, and with them a choice between equals.
COUNT = ["1, 2, 3, 4, 5, 6,", "0, 1, 2, 3,", "10, 11, 12,"]


def served(name="text-davinci-003"):
    """The model that answers for a name: token ids are those of its vocabulary."""
    return openai.Model.retrieve(name)["served_by"]


def test_engines():
    engines = openai.Engine.list()
    assert engines["object"] == "list"
    by_id = {e["id"]: e for e in engines["data"]}
    assert {"davinci", "text-davinci-003", "text-embedding-ada-002"} <= set(by_id)
    one = openai.Engine.retrieve("davinci")
    assert one == by_id["davinci"]
    assert one["object"] == "engine" and one["ready"] is True and one["owner"] == "openai"
    with pytest.raises(openai.error.InvalidRequestError) as e:
        openai.Engine.retrieve("no-such-engine")
    assert e.value.http_status == 404


def test_engine_embeddings():
    with pytest.warns(DeprecationWarning):
        r = openai.Engine("text-similarity-ada-001").embeddings(input="a cat")
    again = openai.Embedding.create(engine="text-similarity-ada-001", input="a cat")
    assert r["data"][0]["embedding"] == pytest.approx(again["data"][0]["embedding"], abs=1e-6)
    assert len(again["data"]) == 1 and again["data"][0]["index"] == 0


def test_completion_by_engine_is_that_by_model():
    args = dict(prompt=COUNT[0], max_tokens=8, temperature=0)
    by_engine = openai.Completion.create(engine="text-davinci-003", **args)
    by_model = openai.Completion.create(model="text-davinci-003", **args)
    assert by_engine["choices"] == by_model["choices"]
    streamed = openai.Completion.create(engine="text-davinci-003", stream=True, **args)
    assert "".join(c["choices"][0]["text"] for c in streamed) == by_model["choices"][0]["text"]


def test_engine_and_model():
    with pytest.raises(openai.error.InvalidRequestError, match="Cannot specify both model and engine"):
        openai.Completion.create(engine="davinci", model="davinci", prompt=TEXT)


def test_timeout_of_old_programs():
    assert openai.Completion.create(engine="davinci", prompt=TEXT, max_tokens=1, timeout=60)["choices"]


def test_scoring_a_text():
    r = openai.Completion.create(engine="davinci", prompt=TEXT, max_tokens=0, echo=True, logprobs=5)
    choice = r["choices"][0]
    lp = choice["logprobs"]
    assert choice["text"] == TEXT
    assert "".join(lp["tokens"]) == TEXT
    assert lp["token_logprobs"][0] is None and lp["top_logprobs"][0] is None
    assert all(x <= 0 for x in lp["token_logprobs"][1:])
    for token, offset in zip(lp["tokens"], lp["text_offset"]):
        assert TEXT[offset : offset + len(token)] == token
    for token, own, top in list(zip(lp["tokens"], lp["token_logprobs"], lp["top_logprobs"]))[1:]:
        assert 5 <= len(top) <= 6
        assert top[token] == own
        assert max(top.values()) >= own
    assert r["usage"]["completion_tokens"] == 0
    assert r["usage"]["prompt_tokens"] >= len(lp["tokens"])


def test_what_was_written_scores_as_it_was_written():
    count = COUNT[0]  # goes on with digits, which are tokens of their own however the text is read
    written = openai.Completion.create(engine="davinci", prompt=count, max_tokens=8, temperature=0, logprobs=1)["choices"][0]
    scored = openai.Completion.create(
        engine="davinci", prompt=count + written["text"], max_tokens=0, echo=True, logprobs=1
    )["choices"][0]["logprobs"]
    n = len(written["logprobs"]["tokens"])
    assert scored["tokens"][-n:] == written["logprobs"]["tokens"]
    # Prompts and steps are computed in batches of other sizes, so the last digits differ.
    assert scored["token_logprobs"][-n:] == pytest.approx(written["logprobs"]["token_logprobs"], abs=2e-2)
    assert scored["text_offset"][-n:] == written["logprobs"]["text_offset"]
    assert written["logprobs"]["text_offset"][0] == len(count)


def test_logprobs_of_n_prompts_streamed():
    args = dict(engine="davinci", prompt=COUNT, max_tokens=4, temperature=0, echo=True, logprobs=2)
    whole = openai.Completion.create(**args)["choices"]
    assert [c["index"] for c in whole] == [0, 1, 2]
    text, tokens = [""] * 3, [[] for _ in COUNT]
    for piece in openai.Completion.create(stream=True, **args):
        for c in piece["choices"]:
            text[c["index"]] += c["text"]
            if c["logprobs"]:
                tokens[c["index"]] += c["logprobs"]["tokens"]
    for i, c in enumerate(whole):
        assert c["text"].startswith(COUNT[i])
        assert text[i].startswith(COUNT[i])
        assert "".join(tokens[i]).startswith(text[i])
        assert tokens[i] == c["logprobs"]["tokens"]


def test_best_of():
    args = dict(engine="davinci", prompt="Once upon a time there was", max_tokens=6, temperature=1.2, seed=3, logprobs=0)
    r = openai.Completion.create(best_of=4, n=2, **args)
    assert len(r["choices"]) == 2

    def mean(choice):
        lp = choice["logprobs"]["token_logprobs"]
        return sum(lp) / len(lp) if lp else -math.inf

    assert mean(r["choices"][0]) >= mean(r["choices"][1])
    assert r["usage"]["completion_tokens"] > sum(len(c["logprobs"]["tokens"]) for c in r["choices"])
    with pytest.raises(openai.error.InvalidRequestError, match="HINT: you must set 'n'"):
        openai.Completion.create(best_of=1, n=2, **args)
    with pytest.raises(openai.error.InvalidRequestError) as e:
        openai.Completion.create(best_of=2, n=1, stream=True, **args)
    assert e.value.param == "best_of"


def test_token_ids():
    model = served()
    args = dict(model=model, max_tokens=4, temperature=0, echo=True)
    r = openai.Completion.create(prompt=[[40, 41, 42], [43, 44]], logprobs=0, **args)
    assert [c["index"] for c in r["choices"]] == [0, 1]
    for c, n in zip(r["choices"], (3, 2)):
        lp = c["logprobs"]
        assert lp["token_logprobs"][0] is None and all(x is not None for x in lp["token_logprobs"][1:])
        assert lp["text_offset"][0] == 0
        assert len(lp["tokens"]) >= n
    plain = openai.Completion.create(prompt=[40, 41, 42], **args)["choices"][0]
    assert plain["text"] == r["choices"][0]["text"]
    assert plain["logprobs"] is None


def test_token_ids_of_the_original():
    """Programs took them from tiktoken: "Hello world" in davinci's vocabulary."""
    r = openai.Completion.create(model="davinci", prompt=[15496, 995], max_tokens=2, temperature=0, echo=True)
    text = openai.Completion.create(model="davinci", prompt="Hello world", max_tokens=2, temperature=0, echo=True)
    assert r["choices"][0]["text"].startswith("Hello world")
    assert r["choices"] == text["choices"]
    assert r["usage"]["prompt_tokens"] == text["usage"]["prompt_tokens"]


def test_suffix():
    r = openai.Completion.create(engine="davinci", prompt="Once upon", suffix=" there was a king.", max_tokens=8, temperature=0)
    assert r["choices"][0]["text"]
    assert r["choices"][0]["finish_reason"] in ("stop", "length")


def test_classification_as_the_guide_does_it():
    r = openai.Completion.create(engine="davinci", prompt="Great film! ->", max_tokens=1, temperature=0, logprobs=5)
    top = r["choices"][0]["logprobs"]["top_logprobs"][0]
    assert len(top) == 5
    assert 0 < sum(math.exp(x) for x in top.values()) <= 1.0001


def ids_of(model, *texts):
    """The served model's own ids, by Parley's tokenizer."""
    ids = []
    for text in texts:
        request = urllib.request.Request(
            openai.api_base + "/tokenize",
            json.dumps({"model": model, "text": text}).encode(),
            {"Authorization": "Bearer " + openai.api_key, "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            (one,) = json.load(answer)["tokens"]
        ids.append(one)
    return ids


def test_classification_by_biased_labels():
    """By tiktoken's ids where a name of OpenAI's is asked, by its own where the served model is: the same answer."""
    labels = [" positive", " negative"]
    args = dict(prompt="A film full of joy. I loved it.\n\n###\n\n", max_tokens=1, temperature=0, logprobs=5)
    answers = {}
    for model, ids in ("text-davinci-003", [3967, 4633]), (served(), ids_of(served(), *labels)):
        biased = openai.Completion.create(model=model, logit_bias={str(i): 100 for i in ids}, **args)["choices"][0]
        assert biased["text"] in labels
        banned = {str(i): -100 if labels[k] == biased["text"] else 100 for k, i in enumerate(ids)}
        other = openai.Completion.create(model=model, logit_bias=banned, **args)["choices"][0]
        assert other["text"] in labels and other["text"] != biased["text"]
        # As if there were no bias: the model's own opinion of each label.
        assert other["logprobs"]["token_logprobs"][0] <= biased["logprobs"]["token_logprobs"][0] + 0.1
        answers[model] = biased["text"]
    assert len(answers) == 2 and len(set(answers.values())) == 1


@pytest.mark.parametrize("by", [{"model": "text-davinci-edit-001"}, {"engine": "text-davinci-edit-001"}])
def test_edit(by):
    r = openai.Edit.create(
        input="What day of the wek is it?", instruction="Fix the spelling mistakes", temperature=0, top_p=1, n=2, **by
    )
    assert r["object"] == "edit"
    assert [c["index"] for c in r["choices"]] == [0, 1]
    assert "week" in r["choices"][0]["text"]
    assert r["choices"][0]["text"] == r["choices"][1]["text"]
    assert r["usage"]["total_tokens"] == r["usage"]["prompt_tokens"] + r["usage"]["completion_tokens"]


def test_edit_needs_an_instruction():
    with pytest.raises(openai.error.InvalidRequestError) as e:
        openai.Edit.create(model="text-davinci-edit-001", input="a")
    assert e.value.param == "instruction"


def test_search():
    """The client lost its method for this in 0.26; programs sent it themselves."""
    body = {"documents": ["White House", "hospital", "school"], "query": "the president"}
    request = urllib.request.Request(
        openai.api_base + "/engines/davinci/search",
        json.dumps(body).encode(),
        {"Authorization": "Bearer " + openai.api_key, "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        r = json.load(answer)
    assert r["object"] == "list"
    assert [d["document"] for d in r["data"]] == [0, 1, 2]
    scores = [d["score"] for d in r["data"]]
    assert scores[0] == max(scores) > 0


FUNCTIONS = [
    {
        "name": "get_current_weather",
        "description": "Get the current weather in a given location",
        "parameters": {
            "type": "object",
            "properties": {
                "location": {"type": "string", "maxLength": 30},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
            },
            "required": ["location", "unit"],
        },
    }
]


def test_functions_of_june_2023():
    """The example of the announcement: a call, its result, an answer."""
    ask = [{"role": "user", "content": "What is the weather like in Boston?"}]
    args = dict(model="gpt-3.5-turbo-0613", functions=FUNCTIONS, temperature=0)
    first = openai.ChatCompletion.create(messages=ask, function_call={"name": "get_current_weather"}, max_tokens=60, **args)["choices"][0]
    assert first["finish_reason"] == "stop" and first["message"]["content"] is None
    call = first["message"]["function_call"]
    arguments = json.loads(call["arguments"])
    assert call["name"] == "get_current_weather"
    assert isinstance(arguments["location"], str) and arguments["unit"] in ("celsius", "fahrenheit")
    pieces = list(
        openai.ChatCompletion.create(messages=ask, function_call={"name": "get_current_weather"}, max_tokens=60, stream=True, **args)
    )
    deltas = [p["choices"][0]["delta"].get("function_call") for p in pieces]
    assert [d["name"] for d in deltas if d and "name" in d] == ["get_current_weather"]
    assert set(json.loads("".join(d["arguments"] for d in deltas if d))) == {"location", "unit"}
    assert pieces[-1]["choices"][0]["finish_reason"] == "stop"
    told = ask + [first["message"], {"role": "function", "name": "get_current_weather", "content": '{"temperature": "22", "unit": "celsius"}'}]
    last = openai.ChatCompletion.create(messages=told, function_call="none", max_tokens=12, **args)["choices"][0]["message"]
    assert last["content"].strip() and "function_call" not in last
    free = openai.ChatCompletion.create(messages=told, max_tokens=40, **args)["choices"][0]
    assert ("function_call" in free["message"]) == (free["finish_reason"] == "function_call")
