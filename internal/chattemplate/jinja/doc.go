// Package jinja interprets the Jinja templates that models carry as their chat template, and gives byte for byte what Python's
// jinja2 3.1 gives in the environment that Hugging Face's transformers sets up for them: ImmutableSandboxedEnvironment with
// trim_blocks, lstrip_blocks, loop controls, the generation tag, raise_exception, strftime_now, and a tojson filter that is json.dumps.
//
// A template's meaning is Python's meaning: None is not undefined, "a" + none raises, dicts keep their order, generators are
// consumed once and are always true, message.items is a method while message['items'] is a key. Values are therefore Python's:
//
//	nil              None            *List            list
//	bool             bool            Tuple            tuple
//	int64, *big.Int  int             *Dict            dict
//	float64          float           *undefined       jinja2.Undefined
//	string           str             *generator       generator
//	markup           markupsafe.Markup
//
// together with functions, macros, namespaces, ranges, dict views and the loop variable. Templates cannot change what they are given
// (the sandbox forbids it in Python too), so one decoded conversation may be shared by concurrent renders.
//
// A template comes out of a model file that nobody has checked. It sees nothing but its variables (no files: include, import and
// extends are refused), and a render ends: steps, time, depth of calls, memory and output are limited.
//
// Left out, because no chat template needs them and they concern web pages or translations: template inheritance, autoescape, trans,
// and the filters filesizeformat, pprint, random, striptags, urlize, wordwrap and xmlattr.
package jinja
