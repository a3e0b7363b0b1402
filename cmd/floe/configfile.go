package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// configFile is a file of options in the form that systemd and container
// tools read as an environment: one NAME=value a line.
type configFile struct {
	path   string
	values map[string]string // by the name of the flag
	lines  map[string]int
}

// configPath finds --config before anything is parsed, because what it names
// takes part in parsing.
func configPath(args []string) string {
	for i, a := range args {
		switch {
		case a == "--":
			return os.Getenv("FLOE_CONFIG")
		case a == "--config" && i+1 < len(args):
			return args[i+1]
		case strings.HasPrefix(a, "--config="):
			return strings.TrimPrefix(a, "--config=")
		}
	}
	return os.Getenv("FLOE_CONFIG")
}

func readConfigFile(path string) (*configFile, error) {
	f := &configFile{path: path, values: map[string]string{}, lines: map[string]int{}}
	if path == "" {
		return f, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the configuration file: %w", err)
	}
	number := 0
	for line := range strings.Lines(strings.TrimPrefix(string(text), "\ufeff")) { // with which some editors begin a file
		number++
		line = strings.TrimPrefix(strings.TrimSpace(line), "export ")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			return nil, fmt.Errorf("%s, line %d: expected NAME=value", path, number)
		}
		name = flagName(name)
		if f.lines[name] > 0 {
			return nil, fmt.Errorf("%s, line %d: %s is set already in line %d", path, number, name, f.lines[name])
		}
		f.values[name], f.lines[name] = unquote(strings.TrimSpace(value)), number
	}
	return f, nil
}

// flagName is listen for FLOE_LISTEN, and for listen.
func flagName(name string) string {
	name = strings.ToLower(strings.TrimSpace(name))
	return strings.ReplaceAll(strings.TrimPrefix(name, "floe_"), "_", "-")
}

func unquote(s string) string {
	if len(s) >= 2 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}

// Validate refuses names that no command knows: a mistyped option that is
// silently ignored is found too late.
func (f *configFile) Validate(app *kong.Application) error {
	for name, line := range f.lines {
		if !slices.Contains(fileOptions(app.Node), name) {
			return fmt.Errorf("%s, line %d: there is no option %s", f.path, line, name)
		}
	}
	return nil
}

// fileOptions are the names that may stand in a file: flags that also have a
// variable, of any command.
func fileOptions(n *kong.Node) []string {
	var names []string
	for _, f := range n.Flags {
		if len(f.Envs) > 0 && f.Name != "config" {
			names = append(names, f.Name)
		}
	}
	for _, child := range n.Children {
		names = append(names, fileOptions(child)...)
	}
	return names
}

// Resolve gives a flag its value from the file, unless the environment has one.
func (f *configFile) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if environment(flag) != "" {
		return nil, nil
	}
	if v, ok := f.values[flag.Name]; ok && len(flag.Envs) > 0 {
		return v, nil
	}
	return nil, nil
}

// environment is the variable that sets a flag, "" when none does.
func environment(flag *kong.Flag) string {
	for _, name := range flag.Envs {
		if _, ok := os.LookupEnv(name); ok {
			return name
		}
	}
	return ""
}
