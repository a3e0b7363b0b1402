// Command floebench measures whole servers side by side: it builds and starts
// floe on SQLite and on PostgreSQL, loads made-up customers, and compares each
// kind of request with the least that could do it: a bare net/http handler
// that writes the same bytes, or a bare loop of inserts into one table. The
// two are measured in turns and reported as ratios. With --verify it checks
// instead that what was loaded is what every endpoint answers.
//
// It lives here and not under cmd/ because it is a tool of those who work on
// floe; nobody should get it with the product.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"github.com/mattn/go-isatty"
)

type options struct {
	Rows        []int    `default:"10000" help:"Numbers of customers, as in 10000,1000000."`
	Engine      []string `default:"sqlite,postgres" enum:"sqlite,postgres" help:"Engines to measure."`
	Seconds     int      `default:"5" help:"How long each side of each comparison runs."`
	Only        string   `help:"Measure only operations whose name contains this."`
	Runs        int      `default:"1" help:"How often everything is measured; the median is printed."`
	Floe        string   `type:"existingfile" placeholder:"FILE" help:"A floe that is built already."`
	DatabaseURL string   `name:"database-url" env:"FLOE_BENCH_POSTGRES" placeholder:"URL" help:"PostgreSQL server to use, as a user who may create databases. By default a private one is started from the installed programs."`
	Keep        string   `type:"path" placeholder:"DIR" help:"Folder to keep loaded databases in, for the next time; those of PostgreSQL stay on the server that --database-url names."`
	Dir         string   `type:"path" placeholder:"DIR" help:"Folder for temporary files; choose the disk that is to be measured."`
	JSON        bool     `name:"json" help:"Print the results as JSON."`
	Verify      bool     `help:"Compare what is served with what was loaded, row by row, and measure nothing."`
	Bare        bool     `hidden:""`
}

func main() {
	var o options
	kong.Parse(&o, kong.Name("floebench"), kong.Description("Measure floe against bare programs that do the same."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if o.Bare {
		err = serveBare(ctx)
	} else {
		err = o.run(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "floebench:", err)
		os.Exit(1) //nolint:gocritic // what stop would do the end does
	}
}

func (o *options) run(ctx context.Context) error {
	work, err := newWorkshop(ctx, o)
	if err != nil {
		return err
	}
	var results []result
	for _, engine := range o.Engine {
		for _, rows := range o.Rows {
			list, err := work.measure(ctx, engine, rows)
			if errors.Is(err, errNoPostgres) {
				fmt.Fprintln(os.Stderr, err)
				break
			}
			if err != nil {
				return errors.Join(fmt.Errorf("%s, %d customers: %w", engine, rows, err), work.close())
			}
			results = append(results, list...)
		}
	}
	if err := work.close(); err != nil {
		return err
	}
	if o.Verify {
		return nil
	}
	if o.JSON {
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "  ")
		return e.Encode(results)
	}
	return printTable(os.Stdout, results)
}

// say overwrites the last line on a terminal and is silent elsewhere.
func say(format string, args ...any) {
	if isatty.IsTerminal(os.Stderr.Fd()) {
		fmt.Fprintf(os.Stderr, "\r\x1b[K"+format, args...)
	}
}

// bar shows how far a load is.
func bar(what string) func(done, total int) {
	start := time.Now()
	return func(done, total int) {
		const width = 30
		full := width * done / total
		rate := float64(done) / time.Since(start).Seconds()
		say("%s [%s%s] %d of %d, %.0f/s", what, repeat("#", full), repeat(".", width-full), done, total, rate)
		if done == total {
			say("")
			fmt.Fprintf(os.Stderr, "%s: %s in %s, %.0f/s\n", what, strconv.Itoa(total), time.Since(start).Round(100*time.Millisecond), rate)
		}
	}
}

func repeat(s string, n int) (out string) {
	for range n {
		out += s
	}
	return out
}
