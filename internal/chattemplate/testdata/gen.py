#!/usr/bin/env python3
"""Writes the goldens that chattemplate's tests compare with: what Python's jinja2 renders.

    python3 -m venv venv && venv/bin/pip install jinja2==3.1.6
    venv/bin/python gen.py

Needs Python 3.11 or later. cases.json gets the conversations in the key order of the sources, golden.json.gz the result of each
template with each of them, and features.json the results of the short templates in features.py.
The environment repeats what transformers 5.23.0 builds in utils/chat_template_utils.py; with --transformers, and that package
installed, the same cases are rendered by its own code too and must agree.
"""

import gzip
import json
import pathlib
import sys
from datetime import datetime

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from cases import CASES
from features import FEATURES

HERE = pathlib.Path(__file__).parent
NOW = datetime(2024, 7, 6, 9, 5, 3)
REASONING = ("reasoning_content", "thinking", "reasoning")


class Generation(jinja2.ext.Extension):
    """{% generation %} marks what the assistant says; for rendering, it is its body."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_body"), [], [], body).set_lineno(line)

    def _body(self, caller):
        return caller()


class Dict:
    def __call__(self, *args, **kwargs):
        return dict(*args, **kwargs)

    def fromkeys(self, *args, **kwargs):
        return dict.fromkeys(*args, **kwargs)


class Namespace(jinja2.utils.Namespace):
    def __init__(*args, **kwargs):
        self, args = args[0], args[1:]
        attrs = dict(*args, **kwargs)
        for name in attrs:
            Namespace._check(name)
        jinja2.utils.Namespace.__init__(self, attrs)

    def __setitem__(self, name, value):
        Namespace._check(name)
        jinja2.utils.Namespace.__setitem__(self, name, value)

    @staticmethod
    def _check(name):
        if isinstance(name, str) and name.startswith("_"):
            raise jinja2.exceptions.SecurityError(name)


class Raised(jinja2.exceptions.TemplateError):
    """What raise_exception raises; its message is part of the golden."""


def raise_exception(message):
    raise Raised(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def environment():
    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = NOW.strftime
    env.globals["dict"] = Dict()
    env.globals["namespace"] = Namespace
    return env


def alias_reasoning(messages):
    out = []
    for message in messages:
        reasoning = next((message[k] for k in REASONING if message.get(k) is not None), None)
        if reasoning is not None:
            message = {"thinking": reasoning, **message, "reasoning_content": reasoning}
        out.append(message)
    return out


def variables(case):
    case = json.loads(json.dumps(case))
    tokens = {"bos_token": "<s>", "eos_token": "</s>"}
    tokens |= {k: case[k] for k in tokens if k in case}
    return {
        "messages": case["messages"],
        "tools": case.get("tools"),
        "documents": case.get("documents"),
        "add_generation_prompt": case["add_generation_prompt"],
        **{k: v for k, v in tokens.items() if v is not None},
        **case.get("extra", {}),
    }


def result(render):
    try:
        return {"out": render()}
    except Exception as e:  # whatever a template may raise is a result
        if isinstance(e, Raised):
            return {"raised": str(e.message)}
        return {"error": type(e).__name__ + ": " + str(e)}


def render(template, case):
    v = variables(case)
    v["messages"] = alias_reasoning(v["messages"])
    return template.render(**v)


def golden():
    out = {}
    env = environment()
    for path in sorted((HERE / "templates").glob("*.jinja")):
        source = path.read_text("utf-8")
        try:
            template = env.from_string(source)
        except jinja2.TemplateError as e:
            out[path.name] = {"parse": type(e).__name__ + ": " + str(e)}
            continue
        out[path.name] = {case["name"]: result(lambda: render(template, case)) for case in CASES}
    return out


def features():
    out = []
    for name, source, *context in FEATURES:
        context = context[0] if context else {}
        entry = {"name": name, "source": source, "context": context}
        out.append(entry | result(lambda: environment().from_string(source).render(**json.loads(json.dumps(context)))))
    return out


def compare_with_transformers(goldens):
    from transformers.utils import chat_template_utils as ctu

    ctu.datetime = type("Clock", (), {"now": staticmethod(lambda: NOW)})
    wrong = total = 0
    for path in sorted((HERE / "templates").glob("*.jinja")):
        for case in CASES:
            v = variables(case)
            got = result(lambda: ctu.render_jinja_template([v.pop("messages")], chat_template=path.read_text("utf-8"), **v)[0][0])
            if isinstance(goldens[path.name].get("parse"), str):
                continue
            want = goldens[path.name][case["name"]]
            total += 1
            if got.get("out") != want.get("out"):
                wrong += 1
                print("transformers differs:", path.name, case["name"], got, want, sep="\n", file=sys.stderr)
    print(f"{total} cases compared with transformers, {wrong} differ")
    return wrong


def main():
    goldens = golden()
    dump = lambda v: json.dumps(v, ensure_ascii=False, indent=1) + "\n"
    (HERE / "cases.json").write_text(dump(CASES), "utf-8")
    (HERE / "features.json").write_text(dump(features()), "utf-8")
    with open(HERE / "golden.json.gz", "wb") as f, gzip.GzipFile(fileobj=f, mode="wb", compresslevel=9, mtime=0, filename="") as z:
        z.write(dump(goldens).encode("utf-8"))
    count = [r for t in goldens.values() for r in t.values() if isinstance(r, dict)]
    print(f"{len(goldens)} templates, {len(CASES)} cases: {sum('out' in r for r in count)} rendered, "
          f"{sum('raised' in r for r in count)} raised by the template, {sum('error' in r for r in count)} failed in jinja2, "
          f"{sum('parse' in t for t in goldens.values())} templates refused")
    if "--transformers" in sys.argv:
        sys.exit(compare_with_transformers(goldens) != 0)


if __name__ == "__main__":
    main()
