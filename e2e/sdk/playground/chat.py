import os
from openai import OpenAI

client = OpenAI(
    base_url="http://127.0.0.1:8080/v1",
    api_key=os.environ["OPENAI_API_KEY"],
)

response = client.chat.completions.create(
    model="gpt-3.5-turbo",
    messages=[
        {
            "role": "system",
            "content": "It's \"odd\": \\n is no line's end, $HOME no `path`, ${x} nothing;\n바람 🌊 \t\u007f  {x} %s",
        },
        {
            "role": "user",
            "content": "Hi",
        },
        {
            "role": "assistant",
            "content": "It's \"odd\": \\n is no line's end, $HOME no `path`, ${x} nothing;\n바람 🌊 \t\u007f  {x} %s",
        },
        {
            "role": "user",
            "content": "And?",
            "name": "ann",
        },
    ],
    temperature=0,
    max_tokens=8,
    top_p=0.5,
    frequency_penalty=-0.25,
    presence_penalty=1.5,
    stop=[
        "\n\n",
        "'\"\\",
    ],
    n=2,
    seed=7,
    logit_bias={
        "7": 1,
        "50256": -100,
    },
    user="ünal",
    logprobs=True,
    top_logprobs=5,
)

print(response)
