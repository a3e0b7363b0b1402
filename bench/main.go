// Command bench measures Floe beside others: it loads the same customers into
// Floe on SQLite, Floe on PostgreSQL and PocketBase, and takes turns between
// them and the least that could do the same: a net/http handler that writes
// the same bytes, a loop of group-committed inserts into one table, a driver
// that writes CSV. It is a module of its own, so that what it is compared with
// stays out of the product.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"github.com/mattn/go-isatty"

	"floe/bench/report"
)

// options are those of every command that measures.
type options struct {
	Floe  string        `type:"existingfile" placeholder:"FILE" help:"A floe that is built already."`
	Keep  string        `type:"path" placeholder:"DIR" help:"Folder to keep loaded data in, for the next time. Use a disk with room: a million customers take some 3 GB in all, ten million 40 GB."`
	Dir   string        `type:"path" placeholder:"DIR" help:"Folder for temporary files; without --keep, choose the disk that is to be measured."`
	Turn  time.Duration `default:"500ms" placeholder:"TIME" help:"How long each turn of each server takes (${default})."`
	Turns int           `default:"4" placeholder:"N" help:"How many turns each has, after one to warm up (${default})."`
	Only  []string      `placeholder:"TEXT" help:"Measure only what has one of these in its name."`
	Out   string        `default:"results.json" placeholder:"FILE" help:"Where results go, as JSON (${default}). What another run has written there is kept, unless it is measured anew."`
	Docs  string        `type:"path" placeholder:"DIR" help:"Write tables and charts into the folder of documentation, as in ../docs."`
}

type cli struct {
	Compare compareCommand `cmd:"" default:"withargs" help:"Compare Floe with PocketBase and with bare programs (the default)."`
	Grow    growCommand    `cmd:"" help:"Compare Floe with itself at growing numbers of customers."`
	Verify  verifyCommand  `cmd:"" help:"Compare what Floe answers with what was loaded, and measure nothing."`
	Report  reportCommand  `cmd:"" help:"Write tables and charts from results."`
}

const description = `Measure Floe beside others, in turns.

Examples:
  go run . --docs ../docs                              one million customers, everything
  go run . --customers 10000 --turns 1 --turn 100ms    a quick look
  go run . --only search --keep /var/tmp/bench         search alone, keeping what is loaded
  go run . grow --engine sqlite --organizations 1,10000
  go run . verify --customers 100000
  go run . report --docs ../docs

PostgreSQL is started from the installed programs, with its default durability; where there is none, it is left out.
Exit codes: 0 done; 1 it failed, and the last line on stderr says why; 2 the command line is wrong.`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	var c cli
	parser := kong.Must(&c, kong.Name("bench"), kong.Description(description), kong.BindTo(ctx, (*context.Context)(nil)), kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	command, err := parser.Parse(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2) //nolint:gocritic // what stop would do the end does
	}
	err = command.Run()
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func (o *options) wants(name string) bool {
	for _, part := range o.Only {
		if strings.Contains(name, part) {
			return true
		}
	}
	return len(o.Only) == 0
}

// finish adds results to those of the file and writes them down. What Floe could
// not do is a failure of the whole run; what others could not is a result.
func (o *options) finish(ctx context.Context, found report.Result) error {
	found.Machine = machine(ctx)
	r, err := report.Load(o.Out)
	if err != nil {
		return err
	}
	r.Merge(found)
	if err := r.Save(o.Out); err != nil {
		return err
	}
	if o.Docs != "" {
		if err := r.Write(o.Docs); err != nil {
			return err
		}
	}
	return found.Failed()
}

type reportCommand struct {
	Out  string `default:"results.json" placeholder:"FILE" help:"Where the results are (${default})."`
	Docs string `type:"path" default:"../docs" placeholder:"DIR" help:"The folder of documentation (${default})."`
}

// Run writes the report.
func (c *reportCommand) Run() error {
	r, err := report.Load(c.Out)
	if err != nil {
		return err
	}
	if len(r.Compared)+len(r.Grown) == 0 {
		return errors.New(c.Out + " holds no results; measure first")
	}
	return r.Write(c.Docs)
}

// say overwrites the last line on a terminal and is silent elsewhere.
func say(format string, args ...any) {
	if isatty.IsTerminal(os.Stderr.Fd()) {
		fmt.Fprintf(os.Stderr, "\r\x1b[K"+format, args...)
	}
}

// progressOf shows how far a load is: on a terminal as a bar, elsewhere as a
// line now and then.
func progressOf(what string) func(step string, done, total int) {
	start, last, before := time.Now(), time.Now(), ""
	return func(step string, done, total int) {
		const width = 30
		full := width * done / max(total, 1)
		say("%s: %s [%s%s] %d of %d", what, step, strings.Repeat("#", full), strings.Repeat(".", width-full), done, total)
		if time.Since(last) > 20*time.Second || done == total && step != before {
			say("")
			fmt.Fprintf(os.Stderr, "%s: %s %d of %d (%s)\n", what, step, done, total, time.Since(start).Round(time.Second))
			last = time.Now()
		}
		if done == total {
			before = step
		}
	}
}

// commandLine is how this was called, without the paths of this machine.
func commandLine() string {
	line := []string{"go run ."}
	for i := 1; i < len(os.Args); i++ {
		name, _, joined := strings.Cut(os.Args[i], "=")
		switch name {
		case "--floe", "--keep", "--dir", "--out", "--docs":
			if !joined {
				i++
			}
		default:
			line = append(line, quoted(os.Args[i]))
		}
	}
	return strings.Join(line, " ")
}

// quoted is an argument as a shell takes it.
func quoted(arg string) string {
	if strings.ContainsRune(arg, ' ') {
		return "'" + arg + "'"
	}
	return arg
}

func output(ctx context.Context, name string, args ...string) string {
	text, err := exec.CommandContext(ctx, name, args...).Output() //nolint:gosec // our own arguments
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}
