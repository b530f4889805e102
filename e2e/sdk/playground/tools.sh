curl http://127.0.0.1:8080/v1/chat/completions \
  -H "Content-Type: application/json" \
  -H "Authorization: Bearer $OPENAI_API_KEY" \
  -d '{
  "model": "gpt-3.5-turbo",
  "messages": [
    {
      "role": "user",
      "content": "The weather in Seoul?"
    },
    {
      "role": "assistant",
      "content": null,
      "tool_calls": [
        {
          "id": "call_1",
          "type": "function",
          "function": {
            "name": "get_weather",
            "arguments": "{\"city\":\"Seoul\"}"
          }
        }
      ]
    },
    {
      "role": "tool",
      "content": "{\"sky\":\"clear\"}",
      "tool_call_id": "call_1"
    },
    {
      "role": "user",
      "content": "And in Busan?"
    }
  ],
  "temperature": 0,
  "max_tokens": 32,
  "top_p": 1,
  "frequency_penalty": 0,
  "presence_penalty": 0,
  "seed": 7,
  "tools": [
    {
      "type": "function",
      "function": {
        "name": "get_weather",
        "description": "The weather of a city now",
        "parameters": {
          "type": "object",
          "properties": {
            "city": {
              "type": "string"
            },
            "unit": {
              "type": "string",
              "enum": [
                "celsius",
                "fahrenheit"
              ]
            }
          },
          "required": [
            "city"
          ]
        }
      }
    }
  ],
  "tool_choice": {
    "type": "function",
    "function": {
      "name": "get_weather"
    }
  },
  "parallel_tool_calls": false
}'
