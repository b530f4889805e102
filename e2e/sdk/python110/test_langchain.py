"""LangChain of January 2024 on openai 1.10, unmodified but for base URL and key."""

import asyncio
import os

import pytest
import tiktoken
from langchain.chains import ConversationalRetrievalChain, ConversationChain, LLMChain, RetrievalQA
from langchain.memory import ConversationBufferMemory
from langchain.prompts import PromptTemplate
from langchain_community.callbacks import get_openai_callback
from langchain_community.vectorstores import FAISS
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.output_parsers import JsonOutputParser, StrOutputParser
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables import RunnablePassthrough
from langchain_openai import ChatOpenAI, OpenAI, OpenAIEmbeddings

BASE = dict(openai_api_base=os.environ["PARLEY_URL"] + "/v1", openai_api_key=os.environ["PARLEY_KEY"], max_retries=0)

chat = ChatOpenAI(temperature=0, max_tokens=12, **BASE)
llm = OpenAI(temperature=0, max_tokens=8, **BASE)
embeddings = OpenAIEmbeddings(**BASE)

TEXTS = ["Cats sleep most of the day.", "The bank raised its interest rate.", "Bread is baked from flour and water."]


def test_chat_model():
    messages = [HumanMessage(content="What is the capital of Italy?"), AIMessage(content="The capital of Italy is Rome."), HumanMessage(content="What is the capital of France?")]
    answer = chat.invoke(messages)
    assert isinstance(answer, AIMessage) and answer.content.strip()
    assert "".join(c.content for c in chat.stream(messages)) == answer.content
    whole = chat.generate([messages])
    assert whole.generations[0][0].generation_info["finish_reason"] in ("stop", "length")
    assert whole.llm_output["token_usage"]["prompt_tokens"] > 0 and whole.llm_output["system_fingerprint"]
    assert chat.invoke([SystemMessage(content="You are brief."), HumanMessage(content="Say hello.")]).content.strip()


def test_batch_and_async():
    questions = ["Say hello.", "Count to three.", "Name a color."]
    one_by_one = [chat.invoke(q).content for q in questions]
    assert all(text.strip() for text in one_by_one)
    assert len(chat.batch(questions)) == 3

    async def go():
        chunks = [c.content async for c in chat.astream("Say hello.")]
        return "".join(chunks), await chat.ainvoke("Say hello."), await chat.abatch(questions), await llm.ainvoke("1, 2, 3,")

    streamed, invoked, batch, completed = asyncio.run(go())
    assert streamed.strip() and invoked.content.strip() and completed.strip()
    assert len(batch) == 3 and all(m.content.strip() for m in batch)


def test_completions():
    assert llm.model_name == "gpt-3.5-turbo-instruct"
    text = llm.invoke("1, 2, 3,")
    assert text.strip() and "".join(llm.stream("1, 2, 3,")) == text
    several = OpenAI(temperature=1, max_tokens=4, n=2, best_of=3, **BASE).generate(["Once upon a time", "The sea"])
    assert [len(g) for g in several.generations] == [2, 2]
    assert several.llm_output["token_usage"]["completion_tokens"] > 16
    # max_tokens=-1 asks for all that tiktoken says is left of the window.
    assert OpenAI(temperature=0, max_tokens=-1, **BASE).invoke("1, 2, 3,", stop=["5"]) == " 4, "


def test_embeddings_are_sent_as_tiktokens_ids():
    query = embeddings.embed_query("a cat")
    assert len(query) == 1536 and sum(x * x for x in query) == pytest.approx(1, abs=1e-3)
    both = embeddings.embed_documents(["a cat", "the stock market"])
    assert both[0] == pytest.approx(query, abs=1e-5)
    assert asyncio.run(embeddings.aembed_query("a cat")) == pytest.approx(query, abs=1e-5)


def test_long_documents_are_cut_by_tiktoken():
    """Chunks of embedding_ctx_length ids, averaged by the client itself."""
    text = "Cats sleep most of the day. " * 30
    small = OpenAIEmbeddings(embedding_ctx_length=50, **BASE)
    assert len(tiktoken.get_encoding("cl100k_base").encode(text)) > 100
    vector = small.embed_query(text)
    assert len(vector) == 1536 and sum(x * x for x in vector) == pytest.approx(1, abs=1e-3)


def test_prompt_model_parser():
    ask = "What is the capital of {country}?"
    prompt = ChatPromptTemplate.from_messages([("human", ask.format(country="Italy")), ("ai", "The capital of Italy is Rome."), ("human", ask)])
    chain = prompt | chat | StrOutputParser()
    text = chain.invoke({"country": "France"})
    assert text == "The capital of France is Paris."
    assert "".join(chain.stream({"country": "France"})) == text


def test_json_parser():
    model = ChatOpenAI(temperature=0, max_tokens=80, **BASE).bind(response_format={"type": "json_object"})
    prompt = PromptTemplate.from_template("Answer with a JSON object that has only one short member, \"color\". The color of {thing}?")
    pieces = list((prompt | model | JsonOutputParser()).stream({"thing": "snow"}))
    assert isinstance(pieces[-1], dict)


def test_chains_of_2023():
    with pytest.warns(Warning):
        text = LLMChain(llm=chat, prompt=PromptTemplate.from_template("Say hello to {name}.")).run(name="Ann")
    assert text.strip()
    talk = ConversationChain(llm=chat, memory=ConversationBufferMemory())
    talk.invoke("My name is Ann.")
    talk.invoke("Say hello.")
    seen = talk.memory.load_memory_variables({})["history"]
    assert seen.startswith("Human: My name is Ann.\nAI: ") and seen.count("Human:") == 2


def test_retrieval():
    store = FAISS.from_texts(TEXTS, embeddings)
    retriever = store.as_retriever(search_kwargs={"k": 1})
    assert [d.page_content for d in retriever.get_relevant_documents("When do cats sleep?")] == TEXTS[:1]
    assert [d.page_content for d in retriever.get_relevant_documents("What does the bank do?")] == TEXTS[1:2]
    prompt = ChatPromptTemplate.from_template("{context}\n\nQuestion: {question}")
    chain = {"context": retriever | (lambda docs: docs[0].page_content), "question": RunnablePassthrough()} | prompt | chat | StrOutputParser()
    assert chain.invoke("When do cats sleep?").strip()
    found = RetrievalQA.from_chain_type(llm, retriever=retriever, return_source_documents=True).invoke("When do cats sleep?")
    assert found["result"].strip() and found["source_documents"][0].page_content == TEXTS[0]
    talk = ConversationalRetrievalChain.from_llm(chat, retriever=retriever, memory=ConversationBufferMemory(memory_key="chat_history", return_messages=True))
    assert talk.invoke({"question": "When do cats sleep?"})["answer"].strip()
    assert talk.invoke({"question": "Why?"})["answer"].strip()  # asks for a question that stands alone first


def test_memory_in_messages():
    memory = ConversationBufferMemory(return_messages=True)
    memory.save_context({"input": "My name is Ann."}, {"output": "Hello, Ann."})
    prompt = ChatPromptTemplate.from_messages([MessagesPlaceholder("history"), ("human", "{input}")])
    chain = RunnablePassthrough.assign(history=lambda _: memory.load_memory_variables({})["history"]) | prompt | chat
    assert chain.invoke({"input": "Who am I?"}).content.strip()


def test_usage_by_callback():
    with get_openai_callback() as used:
        first = chat.generate([[HumanMessage(content="Say hello.")]]).llm_output["token_usage"]
        chat.invoke("Count to three.")
        llm.invoke("1, 2, 3,")
    assert used.successful_requests == 3
    assert used.prompt_tokens > first["prompt_tokens"] and used.completion_tokens > first["completion_tokens"]
    assert used.total_tokens == used.prompt_tokens + used.completion_tokens
    # Its own table of prices knows the names that the requests had.
    assert used.total_cost > 0
