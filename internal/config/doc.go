// Package config holds every setting of Parley, where it came from, and what it means.
//
// Later layers win: the defaults in the tags of Config, the YAML file, PARLEY_* variables, flags.
// The file is --config, PARLEY_CONFIG, or config.yaml in the home directory if there is one.
// A setting `limits.max_body` is PARLEY_LIMITS_MAX_BODY in the environment; lists and maps are
// written there as YAML or JSON. A list or map is replaced as a whole by a later layer, never merged.
//
// Unknown keys of the file and of flags are errors with a suggestion. Unknown PARLEY_* variables are only
// Warnings, as others set such: Kubernetes does for every service that is called parley.
//
// To add a setting, add a field with its three tags: `koanf` (its key), `default` and `doc` (one line,
// with unit and what 0 or empty means); a rule for it goes into check. `parley config` prints them
// with their sources; what is secret in them is masked there.
package config
