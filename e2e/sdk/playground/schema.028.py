import os
import openai

openai.api_base = "http://127.0.0.1:8080/v1"
openai.api_key = os.environ["OPENAI_API_KEY"]

response = openai.ChatCompletion.create(
    model="gpt-3.5-turbo",
    messages=[
        {
            "role": "user",
            "content": "What is the capital of France?",
        },
    ],
    temperature=0,
    max_tokens=32,
    top_p=1,
    frequency_penalty=0,
    presence_penalty=0,
    seed=7,
    response_format={
        "type": "json_schema",
        "json_schema": {
            "name": "answer",
            "schema": {
                "type": "object",
                "properties": {
                    "answer": {
                        "type": "string",
                    },
                },
                "required": [
                    "answer",
                ],
                "additionalProperties": False,
            },
        },
    },
)

print(response)
