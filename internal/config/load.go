package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
)

const (
	envPrefix = "PARLEY_"
	// fileEnv names the file; it is no setting, as a file cannot name itself.
	fileEnv = "PARLEY_CONFIG"
	// testEnv begins the names that the tests of this project use.
	testEnv = "PARLEY_TEST_"
	// delim keeps koanf from splitting names of models such as gpt-3.5-turbo.
	delim = "\x1f"
)

// otherEnv are variables of this program that are no settings: the file's name, the key of `parley
// chat`, the Python of pulls.
var otherEnv = []string{fileEnv, "PARLEY_KEY", "PARLEY_PYTHON"}

// Options of Load.
type Options struct {
	File    string         // --config; empty is PARLEY_CONFIG, then config.yaml in the home directory
	Environ []string       // os.Environ()
	Flags   map[string]any // settings given on the command line, by key: "limits.max_body": "1MB"
}

// field is a setting's place in Config.
type field struct {
	path  []string // of keys
	index []int    // for reflect
	tag   reflect.StructTag
}

func (f field) key() string       { return strings.Join(f.path, ".") }
func (f field) koanfPath() string { return strings.Join(f.path, delim) }
func (f field) env() string {
	return envPrefix + strings.ToUpper(strings.Join(f.path, "_"))
}

// fields lists the settings of Config in its order.
var fields = walk(reflect.TypeFor[Config](), nil, nil)

func walk(t reflect.Type, path []string, index []int) (out []field) {
	for i := range t.NumField() {
		sf := t.Field(i)
		name := sf.Tag.Get("koanf")
		if name == "" || name == "-" {
			continue
		}
		p := append(append([]string{}, path...), name)
		ix := append(append([]int{}, index...), i)
		if sf.Type.Kind() == reflect.Struct {
			out = append(out, walk(sf.Type, p, ix)...)
			continue
		}
		out = append(out, field{path: p, index: ix, tag: sf.Tag})
	}
	return out
}

// layer is one origin of settings.
type layer struct {
	name string // "default", "file …", "env", "flag"
	k    *koanf.Koanf
}

func (l layer) source(f field) string {
	switch l.name {
	case "env":
		return "env " + f.env()
	case "flag":
		return "flag --" + strings.NewReplacer("_", "-", ".", "-").Replace(f.key())
	}
	return l.name
}

// Load reads all layers. Its error names every wrong setting, where it was set and what to do.
func Load(o Options) (*Config, error) {
	c := &Config{}
	environ, err := c.envLayer(o.Environ)
	if err != nil {
		return nil, err
	}
	flags, err := flagLayer(o.Flags)
	if err != nil {
		return nil, err
	}
	defaults := layer{"default", koanf.New(delim)}
	for _, f := range fields {
		if err := defaults.k.Set(f.koanfPath(), f.tag.Get("default")); err != nil {
			return nil, err
		}
	}
	layers := []layer{defaults, environ, flags}
	// The file may lie in the home directory, so that is found first, without the file.
	home, err := c.home(layers)
	if err != nil {
		return nil, err
	}
	fromFile, err := fileLayer(o, home)
	if err != nil {
		return nil, err
	}
	if fromFile.k != nil {
		layers = []layer{defaults, fromFile, environ, flags}
	}

	var errs []error
	for _, f := range fields {
		top := topmost(layers, f)
		if err := f.set(c, top.k.Get(f.koanfPath())); err != nil {
			errs = append(errs, fmt.Errorf("%s (%s): %w", f.key(), top.source(f), err))
		}
		c.settings = append(c.settings, Setting{Key: f.key(), Source: top.source(f), Env: f.env(), Doc: f.tag.Get("doc")})
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if err := c.resolve(); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	for i, f := range fields {
		c.settings[i].Value = f.print(c)
	}
	return c, nil
}

func topmost(layers []layer, f field) layer {
	for i := len(layers) - 1; i > 0; i-- {
		if layers[i].k.Exists(f.koanfPath()) {
			return layers[i]
		}
	}
	return layers[0]
}

// set decodes a value into the field. Texts are read as YAML where the field is no text.
func (f field) set(c *Config, value any) error {
	dst := reflect.ValueOf(c).Elem().FieldByIndex(f.index)
	if text, ok := value.(string); ok && (dst.Kind() == reflect.Slice || dst.Kind() == reflect.Map) {
		m, err := yaml.Parser().Unmarshal([]byte("v: " + text))
		if err != nil {
			return errors.New("it cannot be read as YAML or JSON")
		}
		value = m["v"]
	}
	fresh := reflect.New(dst.Type())
	dec, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		Result: fresh.Interface(), TagName: "koanf", WeaklyTypedInput: true, ErrorUnused: true,
		DecodeHook: mapstructure.ComposeDecodeHookFunc(numberToText, mapstructure.StringToTimeDurationHookFunc(), mapstructure.TextUnmarshallerHookFunc()),
	})
	if err != nil {
		return err
	}
	if err := dec.Decode(value); err != nil {
		return plain(err, dst.Type())
	}
	dst.Set(fresh.Elem())
	return nil
}

// numberToText lets a size be a plain number in YAML, and refuses a duration without a unit.
func numberToText(from, to reflect.Type, v any) (any, error) {
	switch {
	case to == reflect.TypeFor[Size]() && from.Kind() != reflect.String:
		return fmt.Sprint(v), nil
	case to.String() == "time.Duration" && from.Kind() != reflect.String && fmt.Sprint(v) != "0":
		return nil, fmt.Errorf("%v has no unit", v)
	}
	return v, nil
}

// plain replaces the decoder's text by one that says what to write.
func plain(err error, t reflect.Type) error {
	if t == reflect.TypeFor[Size]() {
		return errors.New("write a size such as 32MB, 512MiB or a number of bytes")
	}
	if t.String() == "time.Duration" {
		return errors.New("write a duration such as 500ms, 30s, 10m or 1h")
	}
	switch t.Kind() {
	case reflect.Int:
		return errors.New("write a whole number")
	case reflect.Bool:
		return errors.New("write true or false")
	}
	return fmt.Errorf("it has the wrong form: %w", err)
}

// envLayer takes PARLEY_* and notes those that are no setting.
func (c *Config) envLayer(environ []string) (layer, error) {
	byEnv := map[string]field{}
	for _, f := range fields {
		byEnv[f.env()] = f
	}
	k := koanf.New(delim)
	err := k.Load(env.Provider(delim, env.Opt{
		Prefix: envPrefix, EnvironFunc: func() []string { return environ },
		TransformFunc: func(name, value string) (string, any) {
			f, known := byEnv[name]
			if known {
				return f.koanfPath(), value
			}
			if !slices.Contains(otherEnv, name) && !strings.HasPrefix(name, testEnv) {
				c.Warnings = append(c.Warnings, fmt.Sprintf("the variable %s is no setting%s", name, suggest(name, byEnv)))
			}
			return "", nil
		},
	}), nil)
	return layer{"env", k}, err
}

func flagLayer(flags map[string]any) (layer, error) {
	k := koanf.New(delim)
	known := byKey()
	for key := range flags {
		if _, ok := known[key]; !ok {
			return layer{}, fmt.Errorf("%s (flag) is no setting%s", key, suggest(key, known))
		}
	}
	values := map[string]any{}
	for key, v := range flags {
		values[known[key].koanfPath()] = v
	}
	return layer{"flag", k}, k.Load(confmap.Provider(values, delim), nil)
}

// fileLayer reads the file; its Koanf is nil when there is none and none was asked for.
func fileLayer(o Options, home string) (layer, error) {
	path, wanted := o.File, o.File != ""
	for _, e := range o.Environ {
		if v, ok := strings.CutPrefix(e, fileEnv+"="); ok && !wanted && v != "" {
			path, wanted = v, true
		}
	}
	if !wanted {
		path = filepath.Join(home, "config.yaml")
	}
	path, err := expand(path)
	if err != nil {
		return layer{}, err
	}
	k := koanf.New(delim)
	if err := k.Load(file.Provider(path), yaml.Parser()); err != nil {
		// A home that is no directory is refused with the other settings.
		if !wanted && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)) {
			return layer{}, nil
		}
		return layer{}, fmt.Errorf("configuration file %s: %w", path, err)
	}
	if err := known(k.Raw(), nil, path); err != nil {
		return layer{}, err
	}
	if !wanted && k.Exists("home") {
		return layer{}, fmt.Errorf("home (file %s): the file in the home directory cannot choose the home directory: use --home or PARLEY_HOME", path)
	}
	return layer{"file " + path, k}, nil
}

// known refuses keys of a file that are no setting.
func known(m map[string]any, path []string, file string) error {
	keys := byKey()
	var errs []error
	for name, v := range m {
		p := append(append([]string{}, path...), name)
		key := strings.Join(p, ".")
		if _, leaf := keys[key]; leaf {
			continue
		}
		group := false
		for k := range keys {
			group = group || strings.HasPrefix(k, key+".")
		}
		sub, isMap := v.(map[string]any)
		switch {
		case group && isMap:
			errs = append(errs, known(sub, p, file))
		case group && v == nil:
			// A heading whose lines are all comments.
		case group:
			errs = append(errs, fmt.Errorf("%s (file %s) is a group: write its settings indented below it", key, file))
		default:
			errs = append(errs, fmt.Errorf("%s (file %s) is no setting%s", key, file, suggest(key, keys)))
		}
	}
	return errors.Join(errs...)
}

func byKey() map[string]field {
	m := map[string]field{}
	for _, f := range fields {
		m[f.key()] = f
	}
	return m
}

// home returns the home directory as the layers without the file have it.
func (c *Config) home(layers []layer) (string, error) {
	f := byKey()["home"]
	top := topmost(layers, f)
	dir, _ := top.k.Get(f.koanfPath()).(string)
	dir, err := expand(dir)
	if err != nil {
		return "", fmt.Errorf("home (%s): %w", top.source(f), err)
	}
	return dir, nil
}

// expand makes a path absolute; ~/ is the user's directory.
func expand(path string) (string, error) {
	if path == "~" || strings.HasPrefix(path, "~/") {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", errors.New("the user has no home directory: set --home or PARLEY_HOME")
		}
		path = filepath.Join(home, path[1:])
	}
	if path == "" {
		return "", errors.New("it is empty: write a directory")
	}
	return filepath.Abs(path)
}
