package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// model is the command line as the parser sees it.
func model(t *testing.T) *kong.Node {
	t.Helper()
	parser, err := kong.New(&cli{}, kong.Name("floe"), kong.Vars{"triggered": strings.Join(triggered(), ",")})
	if err != nil {
		t.Fatal(err)
	}
	return parser.Model.Node
}

// leaves are the commands that do something, by what is typed for them.
func leaves(n *kong.Node, typed string) map[string]*kong.Node {
	out := map[string]*kong.Node{}
	for _, child := range n.Children {
		name := typed + " " + child.Name
		if child.Hidden {
			continue
		}
		if len(child.Children) == 0 {
			out[name] = child
		}
		for name, leaf := range leaves(child, name) {
			out[name] = leaf
		}
	}
	return out
}

// flagsOf are the flags of a command, with those of all commands.
func flagsOf(n *kong.Node) map[string]*kong.Flag {
	out := map[string]*kong.Flag{}
	for _, group := range n.AllFlags(true) {
		for _, flag := range group {
			out[flag.Name] = flag
			if flag.Tag.Negatable != "" {
				out["no-"+flag.Name] = flag
			}
		}
	}
	return out
}

// TestDocsHaveEverything: each command stands in docs/cli.md, each option of a
// server in docs/install.md with its variable and default.
func TestDocsHaveEverything(t *testing.T) {
	t.Parallel()
	pages := texts(t)
	all := leaves(model(t), "floe")
	for name := range all {
		if !strings.Contains(pages["cli.md"], name) {
			t.Errorf("docs/cli.md does not name %s", name)
		}
	}
	for name, flag := range flagsOf(all["floe serve"]) {
		if len(flag.Envs) == 0 || name == "config" {
			continue
		}
		row := regexp.MustCompile("(?m)^\\| .*`--" + name + "`.*$").FindString(pages["install.md"])
		if !strings.Contains(row, "`"+flag.Envs[0]+"`") || flag.Default != "0" && !strings.Contains(row, flag.Default) {
			t.Errorf("docs/install.md does not say --%s, %s and %q in a row, but %q", name, flag.Envs[0], flag.Default, row)
		}
	}
}

// texts are the pages of docs, README.md and the examples that the commands
// show, without what tells of other programs.
func texts(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, path := range append(files, "../../README.md") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(path)] = string(text)
	}
	delete(out, "performance.md") // which is about the options of bench/
	for name, leaf := range leaves(model(t), "floe") {
		out[name+" --help"] = leaf.Help + "\n" + leaf.Detail
	}
	return out
}

var (
	typed   = regexp.MustCompile("(?m)(?:^ *|[`(\"]|\\./|[A-Z]=\\S+ )floe ((?:[^`#\"\n\\\\]|\\\\\n)+)")
	options = regexp.MustCompile(`(?:^|\s)--([a-z-]+)`)
	spoken  = regexp.MustCompile("`--([a-z-]+)[^`]*`")
)

// TestDocsAreTrue: the commands that pages show are there and take the flags
// that they are shown with.
func TestDocsAreTrue(t *testing.T) {
	t.Parallel()
	root := model(t)
	anywhere := flagsOf(root)
	for _, leaf := range leaves(root, "floe") {
		for name, flag := range flagsOf(leaf) {
			anywhere[name] = flag
		}
	}
	seen := 0
	for page, text := range texts(t) {
		for _, command := range typed.FindAllStringSubmatch(text, -1) {
			at, words := root, strings.Fields(command[1])
			for len(words) > 0 && child(at, words[0]) != nil {
				at, words = child(at, words[0]), words[1:]
			}
			if len(at.Children) > 0 && len(words) > 0 && regexp.MustCompile(`^[a-z]{4,}$`).MatchString(words[0]) {
				t.Errorf("%s: there is no command %s %s", page, at.FullPath(), words[0])
			}
			if at == root {
				continue
			}
			seen++
			flags := flagsOf(at)
			for _, o := range options.FindAllStringSubmatch(command[1], -1) {
				if flags[o[1]] == nil {
					t.Errorf("%s: %s has no flag --%s", page, at.FullPath(), o[1])
				}
			}
		}
		for _, o := range spoken.FindAllStringSubmatch(text, -1) {
			if anywhere[o[1]] == nil {
				t.Errorf("%s: no command has a flag --%s", page, o[1])
			}
		}
	}
	if seen < 100 {
		t.Errorf("only %d commands were found", seen)
	}
}

// child is the command of a name; nil if there is none.
func child(n *kong.Node, name string) *kong.Node {
	for _, c := range n.Children {
		if c.Name == name && !c.Hidden {
			return c
		}
	}
	return nil
}
