package main

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"os"
	"slices"
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
	return `It takes the options of serve, and shows what serve would use; what serve would
refuse is an error, after that. Secrets are hidden.

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
	for _, name := range misspelt(k, c.Processor) {
		_, _ = fmt.Fprintf(io.err, "%s is set and has no effect: no option has that name\n", name)
	}
	if c.JSON {
		return cmp.Or(printJSON(io, settings), c.check())
	}
	w := tabwriter.NewWriter(io.out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "OPTION\tVALUE\tFROM")
	for _, s := range settings {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", s.Name, s.Value, s.Source)
	}
	return cmp.Or(w.Flush(), c.check())
}

// misspelt are the variables that are named as options are and set none. What
// begins with the processor's name is for the processor.
func misspelt(k *kong.Context, processor string) (names []string) {
	known := variables(k.Model.Node)
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		settings := "FLOE_" + strings.ToUpper(processor) + "_"
		if strings.HasPrefix(name, "FLOE_") && !strings.HasPrefix(name, settings) && !slices.Contains(known, name) {
			names = append(names, name)
		}
	}
	return names
}

// variables are those that set an option, of any command.
func variables(n *kong.Node) (names []string) {
	for _, f := range n.Flags {
		names = append(names, f.Envs...)
	}
	for _, child := range n.Children {
		names = append(names, variables(child)...)
	}
	return names
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
	return withoutSecrets(value)
}

// withoutSecrets is a URL without its password.
func withoutSecrets(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return hidden
	}
	if q := u.Query(); q.Has("password") || q.Has("sslpassword") {
		return hidden
	}
	return u.Redacted()
}

// blamed says of a wrong value where it stands when that is not the command
// line, where one looks for it first.
func blamed(err error, k *kong.Context, file *configFile, args []string) error {
	text := err.Error()
	for _, flag := range k.Flags() {
		option := "--" + flag.Name
		given := slices.ContainsFunc(args, func(a string) bool { return a == option || strings.HasPrefix(a, option+"=") })
		about := strings.HasPrefix(text, option+":") || strings.HasPrefix(text, option+" ")
		if from := source(k, file, flag); about && !given && from != "default" && !strings.Contains(text, "(from envar ") {
			return fmt.Errorf("%w; it comes from the %s", err, from)
		}
	}
	return err
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
