"""/v1/answers and /v1/classifications, which the clients of until 2022 had classes for: those posted their
arguments as they were, which is what happens here."""

import os

import openai
from openai import api_requestor

openai.api_base = os.environ["PARLEY_URL"] + "/v1"
openai.api_key = os.environ["PARLEY_KEY"]


def create(path, **params):
    response, _, _ = api_requestor.APIRequestor().request("post", path, params)
    return response.data


def test_answers():
    """The example of December 2022's reference, with one document more than may be taken."""
    got = create(
        "/answers",
        search_model="ada",
        model="curie",
        question="which puppy is happy?",
        documents=["Stones are heavy.", "Puppy A is happy.", "Puppy B is sad."],
        examples_context="In 2017, U.S. life expectancy was 78.6 years.",
        examples=[["What is human life expectancy in the United States?", "78 years."]],
        max_rerank=2,
        max_tokens=5,
        stop=["\n", "<|endoftext|>"],
        return_prompt=True,
        logprobs=1,
    )
    assert got["object"] == "answer" and got["search_model"] == "ada"
    # The embeddings rank what is about puppies before stones; the nearest is the last.
    assert [d["document"] for d in got["selected_documents"]] == [2, 1]
    assert got["prompt"].endswith("===\nContext: Puppy B is sad. Puppy A is happy.\n===\nQ: which puppy is happy?\nA:")
    assert len(got["answers"]) == 1 and got["answers"][0] == got["completion"]["choices"][0]["text"].strip()
    assert got["completion"]["choices"][0]["logprobs"]["token_logprobs"]


def test_classifications():
    got = create(
        "/classifications",
        search_model="ada",
        model="curie",
        query="It is a raining day :(",
        examples=[
            ["A happy moment", "Positive"],
            ["I am sad.", "Negative"],
            ["I am feeling awesome", "Positive"],
        ],
        labels=["Positive", "Negative", "Neutral"],
    )
    assert got["object"] == "classification" and got["completion"].startswith("cmpl-")
    assert got["label"] in ["Positive", "Negative", "Neutral"]
    assert sorted(e["document"] for e in got["selected_examples"]) == [0, 1, 2]
