"""Functions, tools and agents of LangChain of January 2024. The model is too small to decide well when to call:
calls are forced where one has to come."""

import os
from typing import List, Literal

import pytest
from langchain.agents import AgentExecutor, create_openai_functions_agent, create_openai_tools_agent
from langchain.chains import create_extraction_chain, create_tagging_chain
from langchain.chains.openai_functions import create_openai_fn_runnable, create_structured_output_runnable
from langchain.output_parsers.openai_functions import JsonOutputFunctionsParser
from langchain.output_parsers.openai_tools import JsonOutputToolsParser, PydanticToolsParser
from langchain.tools import tool
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessageChunk
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.pydantic_v1 import BaseModel, Field
from langchain_core.runnables import RunnableLambda
from langchain_openai import ChatOpenAI

chat = ChatOpenAI(
    openai_api_base=os.environ["PARLEY_URL"] + "/v1", openai_api_key=os.environ["PARLEY_KEY"], temperature=0, max_tokens=120, max_retries=0
)


class Person(BaseModel):
    """Facts about a person."""

    name: str = Field(description="The person's name", max_length=20)
    age: int = Field(description="The person's age", ge=0, le=120)


class Dog(BaseModel):
    """Facts about a dog."""

    color: Literal["brown", "black", "white"]


PROMPT = ChatPromptTemplate.from_messages([("system", "Record what you are told."), ("human", "{input}")])


def test_forced_functions():
    one = create_openai_fn_runnable([Person], chat, PROMPT)
    assert isinstance(one.invoke({"input": "Ann is 30."}), Person)
    assert isinstance(create_structured_output_runnable(Person, chat, PROMPT).invoke({"input": "Ann is 30."}), Person)
    bound = chat.bind_functions([Dog], function_call="Dog")
    message = bound.invoke("A brown dog.")
    assert message.content == "" and message.additional_kwargs["function_call"]["name"] == "Dog"
    pieces = list((bound | JsonOutputFunctionsParser()).stream("A brown dog."))
    assert pieces[-1]["color"] in ("brown", "black", "white")


def test_forced_tools():
    bound = chat.bind_tools([Person], tool_choice="Person")
    (person,) = (bound | PydanticToolsParser(tools=[Person])).invoke("Ann is 30.")
    assert isinstance(person, Person)
    whole = AIMessageChunk(content="")
    for chunk in bound.stream("Ann is 30."):
        whole += chunk
    (call,) = JsonOutputToolsParser().invoke(whole)
    assert call["type"] == "Person" and Person(**call["args"])
    (batched,) = (bound | PydanticToolsParser(tools=[Person])).batch(["Ann is 30."])
    assert isinstance(batched[0], Person)


class End(BaseCallbackHandler):
    """Why the last answer ended."""

    def on_llm_end(self, response, **_):
        self.reason = response.generations[0][0].generation_info["finish_reason"]


def test_extraction_and_tagging():
    """Extraction asks for a list of any length, of which a small model may not find the end."""
    schema = {"properties": {"name": {"type": "string", "maxLength": 12}, "dog": {"type": "boolean"}}, "required": ["name", "dog"]}
    tags = {"properties": {"mood": {"type": "string", "enum": ["good", "bad"]}, "stars": {"type": "integer", "enum": [1, 2, 3, 4, 5]}}, "required": ["mood", "stars"]}
    with pytest.warns(Warning):
        found = create_tagging_chain(tags, chat).run("A wonderful hotel!")
    assert found["mood"] in ("good", "bad") and found["stars"] in range(1, 6)
    end = End()
    try:
        found = create_extraction_chain(schema, chat).invoke({"input": "Ann is a person."}, {"callbacks": [end]})["text"]
        assert isinstance(found, list) and all(isinstance(f["name"], str) and isinstance(f["dog"], bool) for f in found)
        assert end.reason == "stop"
    except OutputParserException:
        assert end.reason == "length"


@tool
def count_letters(word: Literal["apple", "fig"]) -> int:
    """Count the letters of a word."""
    return len(word)


AGENT_PROMPT = ChatPromptTemplate.from_messages(
    [("system", "You are a helpful assistant."), ("human", "{input}"), MessagesPlaceholder("agent_scratchpad")]
)
FORCED = {
    create_openai_functions_agent: {"function_call": {"name": "count_letters"}},
    create_openai_tools_agent: {"tool_choice": {"type": "function", "function": {"name": "count_letters"}}},
}


@pytest.mark.parametrize("create", FORCED)
def test_agent(create):
    """Agents stream. The first step is forced, after it the model does as it likes: that it gets the result, and
    that the loop ends, is the same with a model that decides well."""
    forced, free = (create(chat.bind(**bind) if bind else chat, [count_letters], AGENT_PROMPT) for bind in (FORCED[create], None))
    agent = RunnableLambda(lambda x: free if x["intermediate_steps"] else forced)
    executor = AgentExecutor(agent=agent, tools=[count_letters], max_iterations=3, return_intermediate_steps=True)
    done = executor.invoke({"input": "How many letters has apple?"})
    action, result = done["intermediate_steps"][0]
    assert action.tool == "count_letters"
    assert result == len(action.tool_input["word"]) in (3, 5)
    assert done["output"].strip()
