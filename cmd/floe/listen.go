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

	"floe/internal/token"
	"floe/internal/webhook"
)

type listenCommand struct {
	remoteOptions
	Forward string   `placeholder:"URL" help:"Send each event to this address, as webhooks are sent. Without it events are only shown."`
	Types   []string `name:"type" placeholder:"TYPE" help:"Only events of these types; customer.* stands for all that begin so. Commas between several, or repeat it."`
	Secret  string   `env:"FLOE_LISTEN_SECRET" secret:"" placeholder:"SECRET" help:"Sign with this secret in place of a new one."`
	After   string   `default:"now" placeholder:"SEQ" help:"Begin after this sequence number; by default with what happens from now on."`
	JSON    bool     `name:"json" help:"Print one JSON object a line."`
}

// Help shows examples.
func (listenCommand) Help() string {
	return `It follows the change feed of a server anywhere and sends what happens to a program
on this machine, signed as webhooks are, with a secret that it prints. The program
needs no address that the internet can reach. The token needs the scope webhooks:read,
and customers:read for customer.state_changed, whose state is that of the moment when
it is forwarded. Of a customer who is gone by then there is none, so unlike webhooks
it does not follow customer.deleted.

While it runs: r sends the last event again, a number and Enter sends that one again,
q ends it. Input that is no terminal works too, with Enter after each.

Examples:
  floe listen --forward http://localhost:3000/webhook
  floe listen --forward http://localhost:3000/webhook --type customer.*,member.created
  floe listen --url https://billing.example.com --token polar_oat_… --json
  floe listen --after 0 --type customer.created`
}

// Validate checks the types and the address while it is still a question of
// usage.
func (c *listenCommand) Validate() error {
	for _, t := range c.Types {
		if !slices.ContainsFunc(webhook.Types(), func(known string) bool { return wants([]string{t}, known) }) {
			return fmt.Errorf("--type: there is no event %q; known are %s", t, strings.Join(webhook.Types(), " "))
		}
	}
	if _, err := strconv.ParseUint(c.After, 10, 63); err != nil && c.After != "now" {
		return fmt.Errorf("--after: %q is not a sequence number; 0 is the beginning", c.After)
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

// Run listens until a signal comes.
func (c *listenCommand) Run(ctx context.Context, io *streams) error {
	server, err := c.remote()
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
	changes, failed := make(chan change), make(chan error, 1)
	feed := &follower{server: server, types: asked(c.Types), after: c.After}
	feed.opened = func() { c.greet(io, secret) }
	feed.lost = func(err error) {
		feed.opened = func() { _, _ = fmt.Fprintln(io.err, "Connected again.") }
		_, _ = fmt.Fprintf(io.err, "The connection was lost (%v); it is made again.\n", err)
	}
	go func() { failed <- feed.run(ctx, changes) }()
	keys := make(chan string)
	restore := immediate(os.Stdin)
	defer restore()
	go readKeys(ctx, os.Stdin, keys)
	for {
		select {
		case err := <-failed:
			return err
		case e := <-changes:
			c.pass(ctx, io, server, f, e)
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
