package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help shows how to load the scripts.
func (completionCommand) Help() string {
	return `Examples:
  floe completion bash > /etc/bash_completion.d/floe
  floe completion zsh > "${fpath[1]}/_floe"
  floe completion fish > ~/.config/fish/completions/floe.fish`
}

// Run prints a script. It is made from the model of the command line, so it
// knows every command and flag; it does not call floe to complete.
func (c *completionCommand) Run(out *streams, k *kong.Context) error {
	words := wordsOf("", k.Model.Node)
	write := map[string]func(io.Writer, []place) error{"bash": bash, "zsh": zsh, "fish": fish}[c.Shell]
	return write(out.out, words)
}

// place is one command and what may follow it.
type place struct {
	path     string // the commands before the cursor, as in "token create"
	commands []word
	flags    []flagWord
	args     []string
}

type word struct{ name, help string }

type flagWord struct {
	word
	values []string // of an enumeration
	files  bool     // completes names of files
	plain  bool     // takes no value
}

func wordsOf(path string, n *kong.Node) []place {
	p := place{path: path}
	var below []place
	for _, child := range n.Children {
		if child.Hidden {
			continue
		}
		p.commands = append(p.commands, word{child.Name, short(child.Help)})
		below = append(below, wordsOf(strings.TrimSpace(path+" "+child.Name), child)...)
	}
	for _, group := range n.AllFlags(true) {
		for _, f := range group {
			w := flagWord{word: word{f.Name, short(f.Help)}, plain: f.IsBool(), files: f.Tag.Type == "existingfile" || f.Name == "data-dir"}
			if f.Enum != "" {
				w.values = strings.Split(f.Enum, ",")
			}
			p.flags = append(p.flags, w)
		}
	}
	for _, a := range n.Positional {
		if a.Enum != "" {
			p.args = append(p.args, strings.Split(a.Enum, ",")...)
		}
	}
	slices.SortFunc(p.flags, func(a, b flagWord) int { return strings.Compare(a.name, b.name) })
	return append([]place{p}, below...)
}

// short is the first sentence of a help text, without what shells read.
func short(help string) string {
	help, _, _ = strings.Cut(help, ". ")
	help, _, _ = strings.Cut(help, " (")
	return strings.NewReplacer("'", "", `"`, "", "`", "", ":", " ", "$", "", "[", "", "]", "", `\`, "").Replace(strings.TrimSuffix(help, "."))
}

// follows are the words that can stand next.
func (p place) follows() string {
	words := slices.Clone(p.args)
	for _, c := range p.commands {
		words = append(words, c.name)
	}
	for _, f := range p.flags {
		words = append(words, "--"+f.name)
	}
	return strings.Join(words, " ")
}

// bashHead finds out which command is being typed: the words so far that are
// commands.
const bashHead = `# bash completion for floe
_floe() {
  local cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD-1]}" at="" word
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case " $_floe_paths " in *" ${at:+$at/}$word "*) at="${at:+$at/}$word" ;; esac
  done
  COMPREPLY=()
  case "$prev" in
`

func bash(w io.Writer, places []place) error {
	var b strings.Builder
	b.WriteString(bashHead)
	for _, f := range valued(places) {
		switch {
		case f.files:
			fmt.Fprintf(&b, "    --%s) compopt -o default 2>/dev/null; return ;;\n", f.name)
		case len(f.values) > 0:
			fmt.Fprintf(&b, "    --%s) COMPREPLY=($(compgen -W '%s' -- \"$cur\")); return ;;\n", f.name, strings.Join(f.values, " "))
		default:
			fmt.Fprintf(&b, "    --%s) return ;;\n", f.name)
		}
	}
	b.WriteString("  esac\n  case \"$at\" in\n")
	for _, p := range places {
		fmt.Fprintf(&b, "    '%s') COMPREPLY=($(compgen -W '%s' -- \"$cur\")) ;;\n", strings.ReplaceAll(p.path, " ", "/"), p.follows())
	}
	fmt.Fprintf(&b, "  esac\n}\n_floe_paths='%s'\ncomplete -F _floe floe\n", paths(places))
	_, err := io.WriteString(w, b.String())
	return err
}

// paths are the commands with slashes between their words.
func paths(places []place) string {
	var out []string
	for _, p := range places {
		if p.path != "" {
			out = append(out, strings.ReplaceAll(p.path, " ", "/"))
		}
	}
	return strings.Join(out, " ")
}

// valued are the flags that take a value, each once. A flag means the same in
// every command.
func valued(places []place) []flagWord {
	var out []flagWord
	for _, p := range places {
		for _, f := range p.flags {
			if !f.plain && !slices.ContainsFunc(out, func(o flagWord) bool { return o.name == f.name }) {
				out = append(out, f)
			}
		}
	}
	return out
}

const zshHead = `#compdef floe
_floe() {
  local at="" word
  local -a known items
  known=(%s)
  for word in "${(@)words[2,CURRENT-1]}"; do
    if (( ${known[(Ie)${at:+$at/}$word]} )); then at="${at:+$at/}$word"; fi
  done
  case "${words[CURRENT-1]}" in
`

func zsh(w io.Writer, places []place) error {
	var b strings.Builder
	fmt.Fprintf(&b, zshHead, paths(places))
	for _, f := range valued(places) {
		switch {
		case f.files:
			fmt.Fprintf(&b, "    --%s) _files; return ;;\n", f.name)
		case len(f.values) > 0:
			fmt.Fprintf(&b, "    --%s) compadd -- %s; return ;;\n", f.name, strings.Join(f.values, " "))
		default:
			fmt.Fprintf(&b, "    --%s) return ;;\n", f.name)
		}
	}
	b.WriteString("  esac\n  case \"$at\" in\n")
	for _, p := range places {
		fmt.Fprintf(&b, "    '%s') items=(", strings.ReplaceAll(p.path, " ", "/"))
		for _, c := range p.commands {
			fmt.Fprintf(&b, "'%s:%s' ", c.name, c.help)
		}
		for _, a := range p.args {
			fmt.Fprintf(&b, "'%s' ", a)
		}
		for _, f := range p.flags {
			fmt.Fprintf(&b, "'--%s:%s' ", f.name, f.help)
		}
		b.WriteString(") ;;\n")
	}
	b.WriteString("  esac\n  _describe -o floe items\n}\nif [ \"$funcstack[1]\" = _floe ]; then _floe \"$@\"; else compdef _floe floe; fi\n")
	_, err := io.WriteString(w, b.String())
	return err
}

const fishHead = `# fish completion for floe
function __floe_at
    set -l at
    for word in (commandline -opc)[2..-1]
        set -l next (string join / $at $word)
        contains -- $next %s; and set at $next
    end
    test "$at" = "$argv[1]"
end
complete -c floe -f
`

func fish(w io.Writer, places []place) error {
	var b strings.Builder
	fmt.Fprintf(&b, fishHead, paths(places))
	for _, p := range places {
		at := fmt.Sprintf("complete -c floe -n '__floe_at \"%s\"'", strings.ReplaceAll(p.path, " ", "/"))
		for _, c := range p.commands {
			fmt.Fprintf(&b, "%s -a %s -d '%s'\n", at, c.name, c.help)
		}
		if len(p.args) > 0 {
			fmt.Fprintf(&b, "%s -a '%s'\n", at, strings.Join(p.args, " "))
		}
		for _, f := range p.flags {
			option := ""
			switch {
			case f.files:
				option = " -r -F"
			case len(f.values) > 0:
				option = " -x -a '" + strings.Join(f.values, " ") + "'"
			case !f.plain:
				option = " -x"
			}
			fmt.Fprintf(&b, "%s -l %s%s -d '%s'\n", at, f.name, option, f.help)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
