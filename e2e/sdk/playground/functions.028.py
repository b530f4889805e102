import os
import openai

openai.api_base = "http://127.0.0.1:8080/v1"
openai.api_key = os.environ["OPENAI_API_KEY"]

response = openai.ChatCompletion.create(
    model="gpt-3.5-turbo",
    messages=[
        {
            "role": "user",
            "content": "The weather in Seoul?",
        },
    ],
    temperature=0,
    max_tokens=32,
    top_p=1,
    frequency_penalty=0,
    presence_penalty=0,
    seed=7,
    functions=[
        {
            "name": "get_weather",
            "description": "The weather of a city now",
            "parameters": {
                "type": "object",
                "properties": {
                    "city": {
                        "type": "string",
                    },
                    "unit": {
                        "type": "string",
                        "enum": [
                            "celsius",
                            "fahrenheit",
                        ],
                    },
                },
                "required": [
                    "city",
                ],
            },
        },
    ],
    function_call="none",
)

print(response)
