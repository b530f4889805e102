"""LiteLLM reads the texts of errors to choose its classes."""

import os

import litellm
import pytest

HELLO = [{"role": "user", "content": "Say hello."}]


def chat(**change):
    return litellm.completion(
        **{
            "model": "openai/gpt-4",
            "messages": HELLO,
            "api_base": os.environ["PARLEY_URL"] + "/v1",
            "api_key": os.environ["PARLEY_KEY"],
            "max_retries": 0,
            **change,
        }
    )


@pytest.mark.parametrize(
    "cls, change",
    [
        (litellm.BadRequestError, {"temperature": 3}),
        (litellm.ContextWindowExceededError, {"messages": [{"role": "user", "content": "word " * 2000}]}),
        (litellm.NotFoundError, {"model": "openai/no-such"}),
        (litellm.AuthenticationError, {"api_key": "sk-wrong"}),
        (litellm.RateLimitError, {"seed": 91}),
        (litellm.RateLimitError, {"seed": 92}),
        (litellm.ServiceUnavailableError, {"seed": 90}),
        (litellm.InternalServerError, {"seed": 94}),
        (litellm.Timeout, {"seed": 96, "timeout": 0.5}),
    ],
)
def test_classes(cls, change):
    with pytest.raises(cls) as e:
        chat(**change)
    assert type(e.value) is cls
