"""Short templates, one feature of Jinja each, that gen.py renders with jinja2 for features.json: (name, source[, variables])."""

FEATURES = []


def feature(name, source, **variables):
    FEATURES.append((name, source, variables))


def expressions(name, *sources, **variables):
    """One feature per expression; its repr shows the type of the result as well."""
    for i, source in enumerate(sources):
        feature(f"{name} {i}: {source}", "{{ [" + source + "] }}", **variables)


# Whitespace
feature("trim_blocks", "a\n{% if true %}\nb\n{% endif %}\nc\n\n")
feature("lstrip_blocks", "a\n   {% if true %}b\n \t {% endif %}c")
feature("lstrip only at line start", "a   {% if true %}b{% endif %}")
feature("lstrip not for prints", "a\n   {{ 1 }}\n   {# comment #}\n b")
feature("minus both sides", "a \n {%- if true -%} \n b \n {%- endif -%} \n c")
feature("minus in print", "a \n {{- 1 -}} \n b")
feature("plus keeps", "a\n  {%+ if true +%}\nb{% endif %}")
feature("comments", "a {# x #}\nb {#- y -#} \n c {#+ z +#}\nd")
feature("comment at line start", "  {# x #}\n  {#- y #}\nb\n  {# z #} c")
feature("raw", "a {% raw %}{{ x }} {% if %}{% endraw %} b")
feature("raw with minus", "a {%- raw -%}  {{ x }}  {%- endraw -%}  b")
feature("raw newline", "{% raw %}\n x\n {% endraw %}\ny")
feature("trailing newline is dropped", "a\n")
feature("one trailing newline is dropped", "a\n\n")
feature("carriage returns", "a\r\nb\rc{% if true %}\r\nd{% endif %}")
feature("end tag in string", "{{ '%}' }}{{ \"}}\" }}{{ {'a': {'b': 1}} }}")
feature("line start after block", "{% if true %}\n  {% if true %}\n x\n  {% endif %}\n{% endif %}")
feature("lone braces", "{ a } {x {% if 1 %}{ {% endif %}")
feature("block end with string quote", "{% set x = \"it's\" %}{{ x }}")

# Literals and operators
expressions("literals", "1", "1_000", "0x1F", "0b101", "0o17", "1.5", "1e3", "1.5e-7", "1_0.5", "'a' 'b'", "true", "True", "none", "None", "()", "(1,)", "(1, 2)", "[1, [2]]",
            "{'a': 1, 2: none, true: 3}", "12345678901234567890", "'\\n\\t\\x41\\u00e9\\101\\q\\\\'", "'it\\'s'", "\"it's\"", "'\"'", "'\\x00\\x7f\\u200b'", "'é한😀'", "1e16", "1e15", "123456789.123",
            "0.0001", "0.00001", "1e22", "-0.0", "5e-324", "1e400", "9007199254740993", "1.0")
expressions("arithmetic", "1 + 2", "1 - 2.5", "3 * 4", "7 / 2", "6 / 2", "7 // 2", "-7 // 2", "7 // -2", "-7 % 3", "7 % -3", "7.5 % 2", "-7.5 // 2", "2 ** 10", "2 ** -1", "2 ** 0.5", "2 ** 70",
            "9223372036854775807 + 1", "-9223372036854775808 - 1", "9223372036854775807 * 2", "-9223372036854775808 // -1", "2 ** 64 // 3", "-(2 ** 64) % 7", "1 / 0", "1 // 0", "1.0 / 0", "1 % 0",
            "true + true", "-true", "+true", "-5 | abs", "(-5) | abs", "10 - 2 - 3", "2 ** 3 ** 2", "1 + 2 ~ 3", "1 ~ 2 + 3", "-2 ** 2", "0 ** -1", "1 + 'a'", "'a' + 1", "'a' + none", "none + 'a'", "[1] + (2,)", "[1] + [2]", "(1,) + (2,)",
            "'ab' * 3", "3 * 'ab'", "[1, 2] * 2", "(1,) * 2", "'a' * -1", "'a' * 'b'", "'a' * 1.5", "'a' - 'b'", "-'a'", "[] - 1", "none ~ 1 ~ true ~ 1.0", "9 // 0.0", "1e308 * 10", "7 // 0.3", "0.1 + 0.2", "1e200 ** 2")
expressions("comparison", "1 < 2 < 3", "1 < 2 > 3", "1 == 1.0", "1 == true", "'a' == 'a'", "'a' < 'b'", "'B' < 'a'", "[1, 2] < [1, 3]", "[1] < [1, 2]", "(1, 2) == [1, 2]", "[1, 2] == [1, 2]", "{'a': 1} == {'a': 1.0}", "1 < 'a'", "none < 1", "none == none", "none == false",
            "1 in [1, 2]", "1 not in [1, 2]", "'a' in 'abc'", "'' in 'abc'", "1 in 'abc'", "'a' in {'a': 1}", "1 in {true: 1}", "none in [none]", "'a' in none", "[1] in {'a': 1}", "(1, 2) in {(1, 2): 1}", "9007199254740993 == 9007199254740992.0", "2 ** 70 > 1.5", "1 != 2", "'é' > 'z'", "not 1 == 2", "not not 1")
expressions("logic", "1 and 2", "0 and 2", "'' or 'x'", "none or false", "1 or 1 / 0", "not ''", "'a' if 1", "'a' if 0", "'a' if 0 else 'b' if 0 else 'c'", "1 if true else 1 / 0", "[] or {} or ()", "not undefined", "undefined or 1")
expressions("subscripts", "x[0]", "x[-1]", "x[5]", "x[1:]", "x[:-1]", "x[::-1]", "x[::2]", "x[5:1:-2]", "x[-3:-1]", "x[10:]", "x[:]", "x[none:2]", "x['a']", "x.a", "x[1.5]", "x[true]", "x.0", "x[1:2, 3]", "x[::0]", "x['a':]", x=[1, 2, 3, 4])
expressions("strings subscripts", "s[0]", "s[-1]", "s[9]", "s[1:3]", "s[::-1]", "s[::2]", "s[-2:]", "s[:0]", "s.upper()", "s['upper']()", "s.nothing", s="a한😀é")
expressions("dicts", "d.a", "d['a']", "d['items']", "d.items is defined", "d.items()", "d.keys()", "d.values()", "d.get('a')", "d.get('z')", "d.get('z', 1)", "d.z", "d.z.y", "d['z']['y']", "d[1]", "d | length", "d.keys() | list", "d.items() | list", "d.copy()", "d.pop('a')", "d.update", "d.update()", "d.get(default=1)", "d.b.c[0].e", "dict(a=1, b=2)", "dict([('a', 1)], b=2)", "dict(d, a=5)", "d.__class__", "d.__class__ is defined", "d._a", "d[[1]]", "d.keys()[0]", "d[1:]",
            d={"b": {"c": [{"e": 1}]}, "a": 2, "items": 3, "keys": 4, "update": 5})

# Undefined
expressions("undefined", "x", "x is defined", "x is undefined", "x.y", "x + 1", "1 + x", "x ~ 'a'", "x == y", "x == 1", "x < 1", "x[0]", "x()", "x | length", "x | list", "x | default('d')", "x | string", "x | tojson", "x in [1]", "1 in x", "x is string", "x is iterable", "x is sequence", "x is mapping", "x is callable", "x is number",
            "x | int", "x | join", "x | first", "x | upper", "x | trim", "x | items | list", "-x", "not x", "x is none", "x | default", "none | default('d')", "none | default('d', true)", "'' | default('d', boolean=true)", "x | map('upper') | list", "x | selectattr('a') | list", "x | reverse | list", "'a'.startswith(x)", "'a'.split(x)", "'a'.replace(x, 'b')", "[x, x]", "x if x else 'n'", "x is eq(y)", "x.y is defined", "x * 2", "'%s' % x", "'{}'.format(x)", "x | abs", "x | round", "x | sort", "x is in([x])", "x | tojson(indent=2)", "x|last", "x|sum", "x|max", "x|unique|list", "x|indent", "x|replace('a','b')", "x|dictsort", "{x: 1}", "range(x)", "'a'[x]", "[1][x]")

# Tests
for value in ("none", "true", "1", "0", "1.5", "'a'", "''", "[]", "()", "{}", "range(2)", "{}.items()", "[]|map('upper')", "namespace()", "dict", "'a'|safe", "undefined"):
    for test in ("defined", "none", "boolean", "true", "false", "integer", "float", "number", "string", "mapping", "iterable", "sequence", "callable", "escaped"):
        feature(f"test {value} is {test}", "{{ " + value + " is " + test + " }}")
expressions("tests", "3 is odd", "3 is even", "4 is divisibleby 2", "4 is divisibleby(3)", "'a' is eq 'a'", "1 is equalto 2", "1 is ne 2", "1 is lt 2", "1 is lessthan 2", "1 is gt 2", "1 is ge 1", "1 is le 0", "'abc' is lower", "'ABC' is upper", "'Abc' is lower", "'' is lower", "1 is in [1, 2]", "1 is not in [1, 2]", "none is sameas none", "true is sameas 1", "'upper' is filter", "'nope' is filter", "'odd' is test", "1 is not none", "1 is string or 2", "1 is nope if false else 2", "'1' is odd", "2.5 is odd", "[] is sameas []", "1 is none is true", "1 is ==(1)")
feature("unknown test", "{{ 1 is nope }}")
feature("unknown test in if", "{% if 1 is nope %}{% endif %}")
feature("unknown filter", "{{ 1 | nope }}")
feature("unknown filter in condition", "{% if false %}{{ 1 | nope }}{% endif %}ok")
feature("unknown filter in loop in condition", "{% if false %}{% for x in [] %}{{ 1 | nope }}{% endfor %}{% endif %}ok")
feature("unknown filter in inline condition", "{{ 'a' | nope if false else 'b' }}")
feature("unknown filter in inline condition used", "{{ 'a' | nope if true else 'b' }}")
feature("unknown filter after inline condition", "{{ ('a' if false else 'b') | nope }}")

# Statements
feature("if chain", "{% for x in [0, 1, 2] %}{% if x == 0 %}a{% elif x == 1 %}b{% else %}c{% endif %}{% endfor %}")
feature("for else", "{% for x in [] %}a{% else %}b{% endfor %}{% for x in [1] %}a{% else %}b{% endfor %}")
feature("for else after break", "{% for x in [1] %}{% break %}{% else %}b{% endfor %}")
feature("for filter else", "{% for x in [1, 2] if x > 2 %}a{% else %}b{% endfor %}")
feature("for unpacking", "{% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}{% for k, v in {'x': 1}.items() %}{{ k }}{{ v }}{% endfor %}")
feature("for unpacking too few", "{% for a, b in [[1]] %}{% endfor %}")
feature("for unpacking too many", "{% for a, b in [[1, 2, 3]] %}{% endfor %}")
feature("for unpacking number", "{% for a, b in [1] %}{% endfor %}")
feature("for over dict", "{% for k in {'b': 1, 'a': 2} %}{{ k }}{% endfor %}")
feature("for over string", "{% for c in 'a한😀' %}{{ c }},{% endfor %}")
feature("for over none", "{% for c in none %}{% endfor %}")
feature("for over number", "{% for c in 1 %}{% endfor %}")
feature("for over tuple", "{% for c in 1, 2 %}{{ c }}{% endfor %}")
feature("loop variables", "{% for x in 'abc' %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.depth }}{{ loop.depth0 }}{{ loop.previtem }}{{ loop.nextitem }}|{% endfor %}")
feature("loop over generator", "{% for x in [1, 2, 3]|select('odd') %}{{ loop.index }}{{ loop.last }}{{ loop.length }}{{ loop.revindex }}{{ x }}|{% endfor %}")
feature("loop length with filter", "{% for x in [1, 2, 3] if x != 2 %}{{ loop.length }}{{ loop.nextitem }}{{ loop.previtem }}{{ x }}|{% endfor %}")
feature("loop undefined items", "{% for x in [1] %}{{ loop.previtem is defined }}{{ loop.nextitem is defined }}{{ loop.previtem.x }}{% endfor %}")
feature("loop cycle changed", "{% for x in [1, 1, 2] %}{{ loop.cycle('a', 'b') }}{{ loop.changed(x) }}{% endfor %}")
feature("loop printed", "{% for x in [1, 2] %}{{ loop }}{{ loop.nothing is defined }}{% endfor %}")
feature("loop of the outer", "{% for x in [1, 2] %}{% set outer = loop %}{% for y in [1, 2] %}{{ outer.index }}{{ loop.index }} {% endfor %}{% endfor %}")
feature("loop outside", "{{ loop is defined }}{% for x in [1] %}{% endfor %}{{ loop is defined }}")
feature("loop in macro", "{% macro m() %}{{ loop is defined }}{% endmacro %}{% for x in [1] %}{{ m() }}{% endfor %}")
feature("recursive loop", "{% for n in tree recursive %}{{ loop.depth }}{{ n.v }}{% if n.c %}({{ loop(n.c) }}){% endif %}{% endfor %}", tree=[{"v": 1, "c": [{"v": 2, "c": [{"v": 3}]}, {"v": 4}]}])
feature("loop called without recursive", "{% for n in [1] %}{{ loop([1]) }}{% endfor %}")
feature("break continue", "{% for x in range(9) %}{% if x == 2 %}{% continue %}{% endif %}{% if x == 5 %}{% break %}{% endif %}{{ x }}{% endfor %}")
feature("break in if in nested loop", "{% for x in [1, 2] %}{% for y in [1, 2] %}{% if y == 2 %}{% break %}{% endif %}{{ x }}{{ y }} {% endfor %}{% endfor %}")
feature("lazy loop filter", "{% set ns = namespace(stop=false) %}{% for x in [1, 2, 3] if not ns.stop %}{{ x }}{% if x == 2 %}{% set ns.stop = true %}{% endif %}{% endfor %}")
feature("lazy loop filter with lookahead", "{% set ns = namespace(stop=false) %}{% for x in [1, 2, 3] if not ns.stop %}{{ x }}{{ loop.last }}{% if x == 1 %}{% set ns.stop = true %}{% endif %}{% endfor %}")
feature("scope of loops", "{% set x = 1 %}{% for i in [1, 2] %}{{ x }}{% set x = x + i %}{{ x }}{% endfor %}{{ x }}")
feature("scope of iterations", "{% for i in [1, 2] %}{{ y is defined }}{% set y = 1 %}{% endfor %}")
feature("scope of if", "{% if true %}{% set x = 1 %}{% endif %}{{ x }}")
feature("loop variable does not leak", "{% for i in [1] %}{% endfor %}{{ i is defined }}")
feature("loop variable hides", "{% set i = 5 %}{% for i in [1] %}{{ i }}{% endfor %}{{ i }}")
feature("set tuple", "{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set c = 1, 2 %}{{ c }}")
feature("set block", "{% set x %}a{{ 1 }}{% set y = 2 %}{% endset %}{{ x }}{{ y is defined }}")
feature("set block filter", "{% set x | upper | trim %} a {% endset %}[{{ x }}]")
feature("set variable of caller", "{{ x }}{% set x = 2 %}{{ x }}", x=1)
feature("set conditionally", "{% if false %}{% set x = 2 %}{% endif %}{{ x }}", x=1)
feature("namespace", "{% set ns = namespace(a=1, b=[]) %}{% for i in [1, 2] %}{% set ns.a = ns.a + i %}{% set ns.b = ns.b + [i] %}{% endfor %}{{ ns.a }}{{ ns.b }}{{ ns.c is defined }}{{ ns['a'] }}{{ ns }}")
feature("namespace of dict", "{% set ns = namespace({'a': 1}, b=2) %}{{ ns.a }}{{ ns.b }}")
feature("namespace missing", "{% set ns = namespace() %}{{ ns.a.b }}")
feature("namespace underscore", "{% set ns = namespace() %}{% set ns._a = 1 %}")
feature("set attribute of dict", "{% set d = {} %}{% set d.a = 1 %}")
feature("set attribute of undefined", "{% set d.a = 1 %}")
feature("with", "{% set a = 1 %}{% with a = 2, b = a %}{{ a }}{{ b }}{% set c = 1 %}{% endwith %}{{ a }}{{ b is defined }}{{ c is defined }}{% with %}x{% endwith %}")
feature("filter block", "{% filter upper | replace('A', 'b') %}a{{ 'c' }}{% endfilter %}")
feature("generation", "a{% generation %}b{{ 1 }}{% set x = 1 %}{% endgeneration %}{{ x is defined }}")
feature("generation whitespace", "a\n  {%- generation -%}\n b\n  {% endgeneration %}\nc")
feature("print", "{% print 1, 'a' %}")
feature("do", "{% do 1 %}")
feature("include", "{% include 'x' %}")
feature("unclosed", "{% if true %}a")
feature("unclosed print", "{{ 1")
feature("unclosed comment", "{# 1")
feature("unclosed raw", "{% raw %} a")
feature("wrong end", "{% if true %}{% endfor %}")
feature("end alone", "{% endif %}")
feature("unbalanced", "{{ (1 }}")
feature("empty print", "{{ }}")
feature("bad operator", "{{ 1 ! 2 }}")
feature("bad assignment", "{% set 1 = 2 %}")
feature("break outside", "{% break %}")
feature("assign loop", "{% for loop in [] %}{% endfor %}")
feature("identifier with digit", "{{ 1a }}")
feature("unicode names", "{% set 한글 = 1 %}{{ 한글 }}")

# Macros
feature("macro", "{% macro m(a, b=2, c=a) %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m(1) }}|{{ m(1, 3) }}|{{ m(b=5, a=4) }}|{{ m() }}")
feature("macro too many", "{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}")
feature("macro unknown keyword", "{% macro m(a) %}{% endmacro %}{{ m(z=2) }}")
feature("macro varargs kwargs", "{% macro m(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, 3, z=4) }}{{ m(*[5, 6], **{'k': 7}) }}")
feature("macro twice", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, a=2) }}")
feature("macro missing argument", "{% macro m(a) %}{{ a is defined }}{{ a.b }}{% endmacro %}{{ m() }}")
feature("macro sees later variables", "{% macro m() %}{{ x }}{% endmacro %}{% set x = 1 %}{{ m() }}{% set x = 2 %}{{ m() }}")
feature("macro does not see loop", "{% macro m() %}{{ i is defined }}{% endmacro %}{% for i in [1] %}{{ m() }}{% endfor %}")
feature("macro in loop", "{% for i in [1, 2] %}{% macro m() %}{{ i }}{% endmacro %}{{ m() }}{% endfor %}{{ m is defined }}")
feature("macro recursion", "{% macro m(n) %}{{ n }}{% if n %}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(5) }}")
feature("macro endless recursion", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}")
feature("macro result is a string", "{% macro m() %} 1 {% endmacro %}{{ m() | trim | int + 1 }}{{ m() is string }}{{ m }}{{ m.name }}")
feature("macro set is local", "{% set x = 1 %}{% macro m() %}{% set x = 2 %}{{ x }}{% endmacro %}{{ m() }}{{ x }}")
feature("macro namespace", "{% set ns = namespace(n=0) %}{% macro m() %}{% set ns.n = ns.n + 1 %}{% endmacro %}{{ m() }}{{ m() }}{{ ns.n }}")
feature("macro default sees variable", "{% set d = 7 %}{% macro m(a=d) %}{{ a }}{% endmacro %}{{ m() }}{% set d = 8 %}{{ m() }}")
feature("macro none argument", "{% macro m(a=1) %}{{ a }}{% endmacro %}{{ m(none) }}{{ m(undefined) }}")
feature("call block", "{% macro m(x) %}<{{ caller(x) }}>{% endmacro %}{% call(y) m(1) %}{{ y }}!{% endcall %}")
feature("call block without arguments", "{% macro m() %}<{{ caller() }}>{% endmacro %}{% call m() %}a{% endcall %}")
feature("call of macro without caller", "{% macro m() %}{% endmacro %}{% call m() %}a{% endcall %}")
feature("caller missing", "{% macro m() %}{{ caller is defined }}{{ caller() }}{% endmacro %}{{ m() }}")
feature("calling a string", "{{ 'a'() }}")
feature("star arguments", "{{ range(*[1, 4]) | list }}{{ dict(**{'a': 1}) }}")
feature("raise_exception", "{{ raise_exception('no ' ~ 1) }}")
feature("raise_exception with none", "{{ raise_exception(none) }}")
feature("strftime_now", "{{ strftime_now('%Y-%m-%d %d %b %B %y %H:%M:%S %I %p %j %a %A %% %-d %-m') }}{{ strftime_now is defined }}")
expressions("range", "range(3) | list", "range(1, 3) | list", "range(5, 0, -2) | list", "range(3)", "range(0, 3, 2)", "range(3)[1]", "range(3)[-1]", "range(5)[1:3]", "range(3) | length", "2 in range(3)", "range(1.5)", "range()", "range(1, 2, 0)", "range(100001)", "range(3) == range(0, 3)", "range(2) | reverse | list", "range('a')")

# String methods
expressions("str", "' a '.strip()", "'xxaxx'.strip('x')", "'xyaxy'.lstrip('yx')", "'abc'.rstrip('cb')", "'\\u3000a\\x1c\\n'.strip()", "'a,b,c'.split(',')", "'a,b,c'.split(',', 1)", "'a,b,c'.rsplit(',', 1)", "'  a  b c '.split()", "' a  b c '.split(none, 1)", "' a  b c '.rsplit(none, 1)", "''.split()", "''.split(',')", "'abc'.split('')", "'a\\nb\\r\\nc\\x0bd\\u2028e\\n'.splitlines()", "'a\\nb'.splitlines(true)",
            "'aBc dE'.title()", "\"it's\".title()", "'aBc'.capitalize()", "'ß'.upper()", "'ÀÉ'.lower()", "'ΑΣ'.lower()", "'ß'.capitalize()", "'aB'.swapcase()", "'abc'.startswith('ab')", "'abc'.startswith(('x', 'a'))", "'abc'.startswith('b', 1)", "'abc'.endswith('c')", "'abc'.endswith('b', 0, 2)", "'abc'.startswith(1)", "'abcabc'.find('c')", "'abcabc'.rfind('c')", "'abcabc'.find('c', 3)", "'abc'.find('z')", "'abc'.index('z')", "'한글a'.find('a')", "'aXbX'.replace('X', 'y')", "'aXbX'.replace('X', 'y', 1)", "'ab'.replace('', '-')", "'a'.replace('a')",
            "'-'.join(['a', 'b'])", "'-'.join('abc')", "'-'.join([1])", "'-'.join({'x': 1})", "'abca'.count('a')", "'aaa'.count('aa')", "'abc'.count('')", "'a'.center(4)", "'a'.center(5, '*')", "'ab'.center(5, '*')", "'a'.ljust(3, '.')", "'a'.rjust(3)", "'5'.zfill(3)", "'-5'.zfill(4)", "'a-b-c'.partition('-')", "'a-b-c'.rpartition('-')", "'abc'.partition('-')", "'abc'.rpartition('-')", "'abc'.removeprefix('a')", "'abc'.removesuffix('c')", "'a\\tb'.expandtabs(4)",
            "'123'.isdigit()", "'12a'.isdigit()", "''.isdigit()", "'abc'.isalpha()", "'한1'.isalnum()", "' '.isspace()", "'abc'.islower()", "'ABC1'.isupper()", "'aB'.islower()", "'1'.islower()", "'½'.isnumeric()", "'a1_'.isidentifier()", "'1a'.isidentifier()", "'a\\n'.isprintable()", "'é'.isascii()", "'abc'.nothing()", "'a'.upper(1)", "'a'.append", "'a'.__len__()", "'x'.casefold()", "'abc'.strip(none)", "'abc'.strip(1)", "'a b'.split(sep=' ')", "'a b c'.split(maxsplit=1)", "'a' 'b'.upper()")
expressions("list methods", "[1, 2, 1].count(1)", "[1, 2].index(2)", "[1].index(3)", "[1].append(2)", "[1].append", "[1].append is defined", "[1].pop()", "[1].copy()", "(1, 2).index(2)", "(1,).append", "[].nothing", "[1].sort()", "(1).bit_length()", "(1.5).is_integer()", "(2.0).is_integer()")
expressions("str.format", "'{} {}'.format(1, 'a')", "'{1}{0}'.format('a', 'b')", "'{x}'.format(x=1)", "'{{}}'.format()", "'{0.a}{0[b]}'.format({'a': 1, 'b': 2})", "'{:5}|{:<5}|{:>5}|{:^5}'.format('a', 'b', 'c', 'd')", "'{:*^7}'.format('한')", "'{:05d}'.format(42)", "'{:+d} {: d}'.format(1, 2)", "'{:,}'.format(1234567)", "'{:_}'.format(1234567)", "'{:x} {:X} {:#x} {:b} {:o} {:c}'.format(255, 255, 255, 5, 8, 65)", "'{:.2f}'.format(3.14159)", "'{:8.3f}|'.format(3.14159)", "'{:e}'.format(12345.678)", "'{:g} {:g} {:g}'.format(0.00001, 123456789, 1.5)", "'{:.3}'.format('abcdef')", "'{:.3}'.format(1234.5)", "'{:%}'.format(0.5)", "'{:,.2f}'.format(1234567.891)", "'{!r}'.format('a')", "'{!s:>4}'.format(1)", "'{:{}}'.format('a', 5)", "'{:{w}}'.format('a', w=3)", "'{}'.format()", "'{x}'.format()", "'{'.format()", "'}'.format()", "'{} {0}'.format(1)", "'{:d}'.format('a')", "'{:5}'.format(true)", "'{}'.format(true)", "'{}'.format(none)", "'{:5}'.format(none)", "'{}'.format([1, 'a'])", "'{:010,}'.format(1234)", "'{:f}'.format(1)", "'{:.0f}'.format(2.5)", "'{a.b}'.format(a={'b': {'c': 1}})", "'{0.__class__}'.format(1)", "'{x}'.format_map({'x': 1})", "'{:>3}'.format(1)", "'{:<3}|'.format(1)", "'{:=5}'.format(-1)", "'{:s}'.format(1)", "'{:.2}'.format(1)", "'{:n}'.format(12)", "'{:G}'.format(1e-10)")
expressions("printf", "'%s %s' % (1, 'a')", "'%s' % 1", "'%d' % 1.9", "'%5d|%-5d|%05d' % (1, 2, 3)", "'%x %X %o %#x' % (255, 255, 8, 255)", "'%.2f' % 1.005", "'%e' % 1", "'%g' % 0.5", "'%%' % ()", "'%(a)s' % {'a': 1}", "'%r' % 'a'", "'%s'", "'%s %s' % 1", "'%s' % (1, 2)", "'%d' % 'a'", "'%c' % 65", "'%c' % 'x'", "'%+d' % 1", "'%5s|%-5s|' % ('a', 'b')", "'%.2s' % 'abc'", "'%*d' % (5, 1)", "'%z' % 1", "'%' % 1", "'a' % 1", "'a' % {}", "'%s' % [1]", "'%s' % none", "'%(a)s' % 1", "'%i' % true", "'%s|%s'|format(1, 2)", "'%(a)s'|format(a=1)", "'%05s' % 'a'", "'%+.1f' % 2.25")

# Filters
expressions("filters", "'a' | upper", "1 | string", "[1, 'a', none] | join(', ')", "[1, 2] | join", "[{'a': 1}, {'a': 2}] | join('-', attribute='a')", "'abc' | join(',')", "'abc' | length", "{'a': 1} | count", "1 | length", "none | length", "'a b' | title", "\"it's (a) b-c\" | title", "'aB' | capitalize", "' a ' | trim", "'xax' | trim('x')", "none | trim", "1 | trim", "'a' | center(5)", "'abc' | replace('b', 'x')", "'aaa' | replace('a', 'b', 2)", "1 | replace(1, 2)", "'abc' | first", "'abc' | last", "[] | first", "[] | last", "[] | first | default('x')", "'abc' | list", "{'a': 1} | list", "[1, 2] | reverse | list", "'abc' | reverse", "[3, 1, 2] | sort", "['b', 'A', 'a'] | sort", "['b', 'A', 'a'] | sort(case_sensitive=true)", "[1, 2] | sort(reverse=true)", "[{'a': 2}, {'a': 1}] | sort(attribute='a')", "[{'a': 2, 'b': 1}, {'a': 1, 'b': 1}] | sort(attribute='b,a')", "[1, 'a'] | sort",
            "[1, 1, 2, 'a', 'A'] | unique | list", "[{'a': 1}, {'a': 1}] | unique(attribute='a') | list", "[[1]] | unique | list", "[1, 5, 3] | max", "[1, 5, 3] | min", "[] | max", "['b', 'A'] | max", "[{'a': 1}, {'a': 3}] | max(attribute='a')", "[1, 2, 3] | sum", "[{'a': 1}, {'a': 2}] | sum(attribute='a')", "[1.5] | sum(start=1)", "['a'] | sum", "[[1], [2]] | sum(start=[])", "[1, 2, 3] | select('odd') | list", "[1, 2, 3] | reject('odd') | list", "[0, 1, '', 'a'] | select | list", "[1, 2, 3] | select('gt', 1) | list", "[1, 2] | select('nope') | list", "[{'a': 1}, {'b': 2}] | selectattr('a', 'defined') | list", "[{'a': 1}, {'a': 2}] | selectattr('a', 'equalto', 2) | list", "[{'a': 1}, {'a': 0}] | selectattr('a') | list", "[{'a': 1}, {'a': 0}] | rejectattr('a') | list", "[{'a': {'b': 1}}] | selectattr('a.b', '==', 1) | list", "[{'role': 'system'}] | selectattr('role', 'in', ['system']) | list",
            "['a', 'b'] | map('upper') | list", "[{'a': 1}, {'b': 2}] | map(attribute='a') | list", "[{'a': 1}, {'b': 2}] | map(attribute='a', default='d') | list", "[[1, 2]] | map('first') | list", "[{'a': {'b': 1}}] | map(attribute='a.b') | list", "['a'] | map('replace', 'a', 'b') | list", "[[1, 2]] | map(attribute=0) | list", "['1'] | map('int') | sum", "[1] | map | list", "[1] | map('nope') | list", "{'b': 1, 'a': 2} | dictsort", "{'b': 1, 'a': 2} | dictsort(by='value')", "{'b': 1, 'A': 2} | dictsort(true)", "{'b': 1, 'a': 2} | dictsort(reverse=true)", "{'a': 1} | items | list", "[1] | items | list", "[1] | items is iterable", "none | items | list",
            "'12' | int", "'0x1f' | int(base=16)", "'a' | int", "'a' | int(5)", "'1.9' | int", "1.9 | int", "-1.9 | int", "none | int", "true | int", "[] | int(3)", "'1e3' | int", "'12345678901234567890' | int", "' 12 ' | int", "'1_0' | int", "'1.5' | float", "'a' | float", "1 | float", "'nan' | float", "'inf' | float", "none | float(2.5)", "-3 | abs", "-1.5 | abs", "'a' | abs", "2.5 | round", "3.5 | round", "2.567 | round(2)", "2.1 | round(method='ceil')", "2.9 | round(0, 'floor')", "1234 | round(-2)", "1250 | round(-2)", "2 | round", "2.675 | round(2)", "'a' | round", "1.5 | round | int",
            "'a\\nb\\n\\nc' | indent", "'a\\nb' | indent(2, true)", "'a\\n\\nb' | indent(2, blank=true)", "'a\\nb' | indent('> ')", "'a\\nb\\n' | indent", "'' | indent(first=true)", "'foo bar baz qux' | truncate(9)", "'foo bar baz qux' | truncate(9, true)", "'foo bar baz qux' | truncate(11)", "'foo bar baz qux' | truncate(11, false, '...', 0)", "'foo bar' | wordcount", "[1, 2, 3, 4, 5] | batch(2) | list", "[1, 2, 3] | batch(2, 0) | list", "[1, 2, 3, 4, 5] | slice(2) | list", "[1, 2, 3] | slice(2, 0) | list", "[{'a': 1, 'b': 2}, {'a': 1, 'b': 3}] | groupby('a')", "'a b/é?' | urlencode", "{'a': 'b c'} | urlencode", "'a' | attr('upper')()", "{'a': 1} | attr('a') is defined", "'<a>' | escape", "'<a>' | e | e", "'<a>' | forceescape", "1 | default(2)", "[1, 2] | last", "{'a': 1} | last", "'a' | d('b')", "['a', 'b'] | map('upper') | first", "[3, 1] | sort | join(',')", "'ab' | map('upper') | join", "'A' | lower | upper")
feature("generators are walked once", "{% set g = [1, 2] | map('string') %}{{ g | join }}|{{ g | join }}|")
feature("generators are true", "{{ 'yes' if [] | select else 'no' }}{{ 'yes' if ([] | select | list) else 'no' }}")
feature("generators have no length", "{{ [1] | select | length }}")
feature("generators in json", "{{ [1] | select | tojson }}")
feature("generator errors come late", "{% set g = [1] | map('nope') %}{{ 1 }}")
feature("markup adds", "{{ ('<b>' | safe) + '<i>' }}{{ '<i>' + ('<b>' | safe) }}{{ ('<b>' | safe) ~ '<i>' }}{{ ('%s' | safe) % '<i>' }}{{ ('{}' | safe).format('<i>') }}")
feature("markup methods", "{{ [('<b> ' | safe).strip()] }}{{ ('a' | safe).join(['<', '>']) }}{{ [('a' | safe) * 2] }}{{ [('a,b' | safe).split(',')] }}{{ [('ab' | safe)[0]] }}{{ [('a' | safe) | upper] }}{{ ['a' | safe | string] }}")
feature("markup compares", "{{ ('a' | safe) == 'a' }}{{ {'a': 1}['a' | safe] }}{{ ('a' | safe) in 'abc' }}{{ ('a' | safe) | tojson }}{{ ('a' | safe).replace('a', '<') }}{{ ('<a' | safe) | replace('a', '<') }}")

# JSON
expressions("tojson", "x | tojson", "x | tojson(indent=2)", "x | tojson(indent=0)", "x | tojson(indent='\t')", "x | tojson(ensure_ascii=true)", "x | tojson(sort_keys=true)", "x | tojson(separators=(',', ':'))", "x | tojson(indent=4, separators=(', ', ' = '))", "[] | tojson(indent=2)", "{} | tojson(indent=2)", "(1, 2) | tojson", "{1: 2, none: 3, true: 4, 1.5: 5} | tojson", "{(1, 2): 3} | tojson", "'a' | tojson", "none | tojson", "namespace() | tojson", "range(2) | tojson", "{}.items() | tojson", "1e400 | tojson", "12345678901234567890 | tojson", "dict | tojson", "{'b': 1, 1: 2} | tojson(sort_keys=true)", "'\\x00\\x1f\\x7f\\u2028/<>&\\'' | tojson",
            x={"z": 1, "a": [1.0, 1e100, 1e-7, True, None], "한": "글😀\u2028\"\\\n\t\u0001\u007f</b>", "o": {"y": {}, "x": []}, "n": 12345678901234567890})
feature("values print", "{{ x }}{{ x.a }}", x={"a": [1, 1.5, "s", "it's", None, True, {"k": "\n"}], "b": "한\u200b"})

# Limits of Python that templates may meet
feature("deep nesting", "{{ " + "(" * 60 + "1" + ")" * 60 + " }}")
feature("self containing namespace", "{% set ns = namespace() %}{% set ns.a = [ns] %}{{ ns.a | length }}")
