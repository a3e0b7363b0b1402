// Command floe is the server and the tools to set it up: it serves the API,
// and makes the organizations, users and tokens that use it. It is the only
// code that reads flags, the environment and configuration files.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"unicode/utf8"

	"github.com/alecthomas/kong"
	"github.com/mattn/go-isatty"
)

// Exit codes.
const (
	exitFailed = 1
	exitUsage  = 2
)

// cli is the whole command line.
type cli struct {
	Config string `env:"FLOE_CONFIG" type:"existingfile" placeholder:"FILE" help:"File with options, one a line as in FLOE_LISTEN=127.0.0.1:8787. Flags and the environment win over it."`

	Serve        serveCommand        `cmd:"" help:"Start the server."`
	Organization organizationCommand `cmd:"" help:"Create, list and set up organizations."`
	User         userCommand         `cmd:"" help:"Create and list users, and say where they belong."`
	Token        tokenCommand        `cmd:"" help:"Create, list and revoke access tokens."`
	Order        orderCommand        `cmd:"" help:"Give up orders that nobody will pay, and take them up again."`
	Clock        clockCommand        `cmd:"" help:"Create, advance and release test clocks."`
	Listen       listenCommand       `cmd:"" help:"Send what happens on a server to a program on this machine."`
	Trigger      triggerCommand      `cmd:"" help:"Make an event happen, to see what comes of it."`
	Webhook      webhookCommand      `cmd:"" help:"List webhook endpoints, and send events again."`
	Doctor       doctorCommand       `cmd:"" help:"Look at the database and say whether it is well; changes nothing."`
	Torture      tortureCommand      `cmd:"" help:"Break servers of its own on purpose, and see whether they keep what they promised."`
	TortureChild tortureChildCommand `cmd:"" hidden:""`
	Migrate      migrateCommand      `cmd:"" help:"Bring the database up to date without serving."`
	ConfigShow   configCommand       `cmd:"" name:"config" help:"Print the options that are in force, and where each comes from."`
	Version      versionCommand      `cmd:"" help:"Print the version."`
	Completion   completionCommand   `cmd:"" help:"Print a script for completion in a shell."`
}

const description = `A server that speaks the API of Polar, in one file.

Start with:  floe serve

Exit codes: 0 done; 1 it failed, and the last line on stderr says why; 2 the command line is wrong.
Commands whose codes mean more say so in their --help.
Options that show a $FLOE_… variable can also be set by it, or in the file that --config names.`

// output remembers whether something could not be written, such as to a file on
// a full disk: what was printed by halves is no success.
type output struct {
	to     io.Writer
	mu     sync.Mutex
	failed error
}

// Write writes, in the order in which it is called.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, err := o.to.Write(b)
	o.failed = cmp.Or(o.failed, err)
	return n, err
}

// streams are where a command writes: results to out, all else to err.
type streams struct {
	out, err io.Writer
	terminal bool // out is a terminal
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string) int {
	var c cli
	dropEmpty()
	out := &output{to: os.Stdout}
	io := &streams{out, os.Stderr, isatty.IsTerminal(os.Stdout.Fd())}
	file, err := readConfigFile(configPath(args))
	if err != nil {
		return complain(io.err, err, exitUsage)
	}
	parser, err := kong.New(&c,
		kong.Name("floe"),
		kong.Description(description),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true, FlagsLast: true}),
		kong.Vars{"triggered": strings.Join(triggered(), ",")},
		kong.Resolvers(file),
		kong.Bind(io, file),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
	if err != nil {
		return complain(io.err, err, exitFailed)
	}
	if err := readable(args); err != nil {
		return complain(io.err, err, exitUsage)
	}
	command, err := parser.Parse(meant(args))
	if err != nil {
		e, ok := errors.AsType[*kong.ParseError](err)
		if ok && e.Context != nil {
			err = blamed(err, e.Context, file, args)
		}
		code := complain(io.err, err, exitUsage)
		if ok && e.Context != nil {
			_, _ = fmt.Fprintf(io.err, "Run \"%s --help\" to see what it takes.\n", commandName(e.Context))
		}
		return code
	}
	if err := given(command); err != nil {
		return complain(io.err, err, exitUsage)
	}
	if err := command.Run(); err != nil {
		return failed(ctx, io.err, err)
	}
	if out.failed != nil {
		return complain(io.err, fmt.Errorf("not all could be printed: %w", out.failed), exitFailed)
	}
	return 0
}

// meant is the command line in our own words: other programs say "help serve"
// for "serve --help", and "--version".
func meant(args []string) []string {
	switch {
	case len(args) == 0:
		return []string{"--help"}
	case args[0] == "help":
		return append(slices.Clone(args[1:]), "--help")
	case args[0] == "--version":
		return []string{"version"}
	}
	return args
}

// readable refuses what is not UTF-8, as of a terminal that is not: the parser
// would put other letters in its place, in names and paths.
func readable(args []string) error {
	for _, a := range args {
		if !utf8.ValidString(a) {
			return fmt.Errorf("%q is not UTF-8", a)
		}
	}
	return nil
}

// given refuses an option that narrows and is empty, as of a variable of a shell
// that is not set: it would not narrow, and a token would have all scopes.
func given(k *kong.Context) error {
	for _, p := range k.Path {
		if p.Flag != nil && !p.Resolved && p.Flag.Tag.Has("narrows") && p.Flag.Target.Len() == 0 {
			return fmt.Errorf("--%s is empty; leave it out where it is not wanted", p.Flag.Name)
		}
	}
	return nil
}

// failed says why a command failed and answers its exit code. What it was doing
// when somebody pressed Ctrl-C says nothing to them.
func failed(ctx context.Context, w io.Writer, err error) int {
	code := exitFailed
	if e, ok := errors.AsType[exit](err); ok {
		code = e.code
		if e.error == nil {
			return code // all has been said
		}
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = errors.New("interrupted")
	}
	return complain(w, err, code)
}

// exit is an error for which a command has an exit code of its own.
type exit struct {
	code int
	error
}

func (e exit) Unwrap() error { return e.error }

// dropEmpty makes a variable that is set to nothing count as not set, which is
// what the tools that start containers mean by it.
func dropEmpty() {
	for _, pair := range os.Environ() {
		if name, value, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "FLOE_") && value == "" {
			_ = os.Unsetenv(name)
		}
	}
}

func complain(w io.Writer, err error, code int) int {
	_, _ = fmt.Fprintln(w, "floe:", err)
	return code
}

// commandName is the command as far as it was understood.
func commandName(c *kong.Context) string {
	name := "floe"
	for _, p := range c.Path {
		if p.Command != nil {
			name += " " + p.Command.Name
		}
	}
	return name
}
