package main

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"text/tabwriter"

	"github.com/alecthomas/kong"
)

type configCommand struct {
	serveOptions
	JSON bool `name:"json" help:"Print a JSON array."`
}

// Help shows an example.
func (configCommand) Help() string {
	return `It takes the options of serve, and shows what serve would use. Secrets are hidden.

Example:
  FLOE_LISTEN=:80 floe config --data-dir /var/lib/floe`
}

// setting is one option and its source.
type setting struct {
	Name     string `json:"name"`
	Variable string `json:"variable"`
	Value    string `json:"value"`
	Source   string `json:"source"`
}

// Run prints the options.
func (c *configCommand) Run(_ context.Context, io *streams, file *configFile, k *kong.Context) error {
	settings := []setting{}
	for _, flag := range k.Selected().Flags {
		if len(flag.Envs) == 0 {
			continue
		}
		settings = append(settings, setting{flag.Name, flag.Envs[0], shown(flag), source(k, file, flag)})
	}
	if c.JSON {
		return printJSON(io, settings)
	}
	w := tabwriter.NewWriter(io.out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "OPTION\tVALUE\tFROM")
	for _, s := range settings {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", s.Name, s.Value, s.Source)
	}
	return w.Flush()
}

const hidden = "(hidden)"

// shown is a value without its secrets.
func shown(flag *kong.Flag) string {
	value := fmt.Sprint(flag.Target.Interface())
	if s, ok := flag.Target.Interface().(span); ok {
		value = s.String()
	}
	if value == "" || !flag.Tag.Has("secret") {
		return value
	}
	if !strings.HasSuffix(flag.Name, "url") {
		return hidden
	}
	u, err := url.Parse(value)
	if err != nil {
		return hidden
	}
	if q := u.Query(); q.Has("password") || q.Has("sslpassword") {
		return hidden
	}
	return u.Redacted()
}

func source(k *kong.Context, file *configFile, flag *kong.Flag) string {
	for _, p := range k.Path {
		if p.Flag == flag && !p.Resolved {
			return "flag"
		}
	}
	if name := environment(flag); name != "" {
		return "environment (" + name + ")"
	}
	if line, ok := file.lines[flag.Name]; ok {
		return fmt.Sprintf("file (%s, line %d)", file.path, line)
	}
	return "default"
}
