package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/mattn/go-isatty"

	"floe/internal/id"
	"floe/internal/token"
	"floe/internal/webhook"
)

type listenCommand struct {
	remoteOptions
	Forward string   `placeholder:"URL" help:"Send each event to this address, as webhooks are sent. Without it events are only shown."`
	Types   []string `name:"type" narrows:"" placeholder:"TYPE" help:"Only events of these types; customer.* stands for all that begin so. Commas between several, or repeat it."`
	Secret  string   `env:"FLOE_LISTEN_SECRET" secret:"" placeholder:"SECRET" help:"Sign with this secret in place of a new one."`
	JSON    bool     `name:"json" help:"Print one JSON object a line."`
}

// Help shows examples.
func (listenCommand) Help() string {
	return `It sends what happens on a server anywhere from now on to a program on this machine:
the same bodies as an endpoint gets, signed with a secret that it prints. The program
needs no address that the internet can reach. The token needs the scope webhooks:read.

While it runs: r sends the last event again, a number and Enter sends that one again,
q ends it. Input that is no terminal works too, with Enter after each.

Examples:
  floe listen --forward http://localhost:3000/webhook
  floe listen --forward http://localhost:3000/webhook --type customer.*,member.created
  floe listen --url https://billing.example.com --token polar_oat_… --json`
}

// Validate checks the types and the address while it is still a question of
// usage.
func (c *listenCommand) Validate() error {
	for _, t := range c.Types {
		if len(matching([]string{t})) == 0 {
			return fmt.Errorf("--type: there is no event %q; known are %s", t, strings.Join(webhook.Types(), " "))
		}
	}
	if c.Forward == "" {
		return nil
	}
	u, err := url.Parse(c.Forward)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("--forward %q is not a URL like http://localhost:3000/webhook", c.Forward)
	}
	return nil
}

// matching are the types that were asked for; none stands for all.
func matching(asked []string) (out []string) {
	for _, known := range webhook.Types() {
		if slices.ContainsFunc(asked, func(t string) bool {
			stem, all := strings.CutSuffix(t, "*")
			return t == known || all && strings.HasSuffix(stem, ".") && strings.HasPrefix(known, stem)
		}) {
			out = append(out, known)
		}
	}
	return out
}

// Run listens until a signal comes.
func (c *listenCommand) Run(ctx context.Context, io *streams) error {
	server, err := c.remote(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	secret := c.Secret
	if secret == "" {
		secret = token.Mint("whsec_")
	}
	f := newForwarder(c.Forward, secret, c.printer(io))
	events, failed := make(chan heard), make(chan error, 1)
	stream := &follower{server: server, session: id.New(), types: matching(c.Types)}
	stream.opened = func() { c.greet(io, secret) }
	stream.lost = func(err error) {
		stream.opened = func() { _, _ = fmt.Fprintln(io.err, "Connected again.") }
		_, _ = fmt.Fprintf(io.err, "The connection was lost (%v); it is made again.\n", err)
	}
	go func() { failed <- stream.run(ctx, events) }()
	keys := make(chan string)
	restore := immediate(os.Stdin)
	defer restore()
	go readKeys(ctx, os.Stdin, keys)
	for {
		select {
		case err := <-failed:
			return err
		case e := <-events:
			f.deliver(ctx, e)
		case key := <-keys:
			if key == "q" {
				return nil
			}
			if err := f.again(ctx, key); err != nil {
				_, _ = fmt.Fprintln(io.err, err)
			}
		}
	}
}

// greet says what is needed to take part.
func (c *listenCommand) greet(io *streams, secret string) {
	if c.JSON {
		_ = printLine(io.out, map[string]any{"listening": c.URL, "forward": c.Forward, "secret": secret})
		return
	}
	_, _ = fmt.Fprintf(io.out, "Listening to %s\n", c.URL)
	if c.Forward != "" {
		_, _ = fmt.Fprintf(io.out, "Forwarding to %s\nSecret of this session: %s\n", c.Forward, secret)
	}
	if io.terminal {
		_, _ = fmt.Fprintln(io.out, "r sends the last event again, a number and Enter another, q ends.")
	}
}

// readKeys passes on r and q as they come, and numbers with the end of their
// line.
func readKeys(ctx context.Context, from io.Reader, to chan<- string) {
	pass := func(key string) {
		select {
		case to <- key:
		case <-ctx.Done():
		}
	}
	in, number := bufio.NewReader(from), ""
	for ctx.Err() == nil {
		b, err := in.ReadByte()
		if err != nil {
			return // there is no more input; events go on
		}
		switch {
		case b == 'r' || b == 'q':
			pass(string(b))
			number = ""
		case b >= '0' && b <= '9':
			number += string(b)
		case b == '\n' && number != "":
			pass(number)
			number = ""
		}
	}
}

// immediate makes a terminal pass keys on without Enter, where there is a
// program for it, and answers how to undo that.
func immediate(terminal *os.File) (restore func()) {
	if !isatty.IsTerminal(terminal.Fd()) {
		return func() {}
	}
	stty := func(args ...string) (string, error) {
		c := exec.Command("stty", args...) //nolint:noctx // it ends at once, and must run when everything else has ended
		c.Stdin = terminal
		out, err := c.Output()
		return strings.TrimSpace(string(out)), err
	}
	was, err := stty("-g")
	if err != nil {
		return func() {}
	}
	if _, err := stty("cbreak"); err != nil {
		return func() {}
	}
	return func() { _, _ = stty(was) }
}

// deliveryNumber reads what was typed.
func deliveryNumber(key string, last int) (int, error) {
	if key == "r" {
		return last, nil
	}
	n, err := strconv.Atoi(key)
	if err != nil {
		return 0, fmt.Errorf("%q is no number of an event", key)
	}
	return n, nil
}
