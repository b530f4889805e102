import os
import openai

openai.api_base = "http://127.0.0.1:8080/v1"
openai.api_key = os.environ["OPENAI_API_KEY"]

response = openai.Completion.create(
    model="gpt-3.5-turbo-instruct",
    prompt="Once upon a time.\nIt's \"odd\": \\n is no line's end, $HOME no `path`, ${x} nothing;\n바람 🌊 \t\u007f  {x} %s",
    temperature=0,
    max_tokens=8,
    top_p=1,
    frequency_penalty=0,
    presence_penalty=0,
    stop=[
        "\n",
    ],
    seed=7,
    best_of=2,
    echo=True,
    logprobs=3,
)

print(response)
