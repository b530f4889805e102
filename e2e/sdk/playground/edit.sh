curl http://127.0.0.1:8080/v1/edits \
  -H "Content-Type: application/json" \
  -H "Authorization: Bearer $OPENAI_API_KEY" \
  -d '{
  "model": "text-davinci-edit-001",
  "input": "What day of the wek is it?",
  "instruction": "Fix the spelling mistakes.",
  "temperature": 0,
  "top_p": 0.9,
  "n": 2
}'
