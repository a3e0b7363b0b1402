package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	netmail "net/mail"
	"net/url"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"floe/internal/api"
	"floe/internal/clock"
	"floe/internal/db"
	"floe/internal/mail"
	"floe/internal/server"
)

// serveOptions are what can be said about a server; the config command shows
// them.
type serveOptions struct {
	dataOptions
	logOptions
	fleetOptions

	Listen               string `env:"FLOE_LISTEN" default:"127.0.0.1:8787" placeholder:"HOST:PORT" help:"Address to listen on (${default}). Use :8787 to be reached from other machines."`
	PublicURL            string `name:"public-url" env:"FLOE_PUBLIC_URL" placeholder:"URL" help:"Where people reach this server; links to the customer portal begin with it. By default the address it listens on."`
	MetricsListen        string `env:"FLOE_METRICS_LISTEN" placeholder:"HOST:PORT" help:"Serve /metrics for Prometheus on an address of its own, to anyone who reaches it."`
	MetricsToken         string `env:"FLOE_METRICS_TOKEN" placeholder:"TOKEN" secret:"" help:"Serve /metrics on the main address, to those who send this bearer token."`
	Realm                string `env:"FLOE_REALM" default:"polar" help:"Realm in WWW-Authenticate headers (${default})."`
	SessionTTL           span   `name:"session-ttl" env:"FLOE_SESSION_TTL" default:"1h" placeholder:"TIME" help:"How long a session of the customer portal lasts (${default})."`
	WebhookRetention     span   `env:"FLOE_WEBHOOK_RETENTION" default:"90d" placeholder:"TIME" help:"How long payloads of webhooks and what receivers answered are kept (${default})."`
	AllowPrivateWebhooks bool   `env:"FLOE_ALLOW_PRIVATE_WEBHOOKS" help:"Let webhooks go to http URLs and to addresses that are not on the public internet, such as this machine's."`
	SMTPURL              string `name:"smtp-url" env:"FLOE_SMTP_URL" placeholder:"URL" secret:"" help:"Mail server, as in smtp://user:password@mail.example.com:587 (or smtps://), for mail to the members of organizations, such as that a webhook endpoint was switched off. Without it no mail is sent."`
	MailFrom             string `env:"FLOE_MAIL_FROM" default:"floe@localhost" placeholder:"ADDRESS" help:"Where mail comes from (${default})."`
	KeyRate              int    `name:"license-key-rate" env:"FLOE_LICENSE_KEY_RATE" default:"0" placeholder:"N" help:"Calls a second that one address may make to the license key operations which need no token; who makes more is refused for a minute. 0 is no limit."`
	RateLimit            rate   `env:"FLOE_RATE_LIMIT" default:"auto" placeholder:"RATE" help:"Requests a second that one token may make, and after a colon how many at once, as in 100:500; off is no limit. auto is off where the server listens on the loopback address, and 1000:5000 elsewhere. Who makes more gets a 429 that says when to try again."`
	AddressRateLimit     rate   `env:"FLOE_ADDRESS_RATE_LIMIT" default:"auto" placeholder:"RATE" help:"The same for one address, for requests without a good token. auto is off where the server listens on the loopback address, and 100:500 elsewhere."`
	TrustedProxies       nets   `env:"FLOE_TRUSTED_PROXIES" placeholder:"NETS" help:"Addresses and networks of proxies, with commas between them, as in 127.0.0.1,10.0.0.0/8. What they say in X-Forwarded-For is then where a request comes from; without them, it is the other end of the connection."`
	AnswerMemory         int    `env:"FLOE_ANSWER_MEMORY" default:"64" placeholder:"MB" help:"Megabytes of answers (customers and their states) that are kept and given again until something of theirs changes; never beyond that. 0 keeps none. It has no effect on PostgreSQL (${default})."`
	Processor            string `env:"FLOE_PROCESSOR" default:"manual" placeholder:"NAME" help:"Who moves money (${default}: nobody does; what was paid is recorded by hand). Others are packages that a build can have."`
	LogoDevKey           string `env:"FLOE_LOGO_DEV_KEY" placeholder:"KEY" secret:"" help:"Publishable key of logo.dev; avatars of customers at a company then show its logo."`
}

// fleetOptions are for servers that are one of several, or have a replica.
type fleetOptions struct {
	DatabaseReadURL string `name:"database-read-url" env:"FLOE_DATABASE_READ_URL" placeholder:"URL" secret:"" help:"Streaming replica of the PostgreSQL database. It answers reads whose Floe-Consistency header allows it."`
	DrainDelay      pause  `env:"FLOE_DRAIN_DELAY" default:"0s" placeholder:"TIME" help:"How long to go on serving after SIGTERM, while /readyz answers 503. Behind a load balancer: longer than it takes to notice (${default})."`
}

type serveCommand struct {
	serveOptions

	Demo bool `help:"Fill the organization with 2,000 made-up customers and what they bought, if it has none."`

	// Of servers that are tortured: how their database differs, and their time.
	change func(*db.Config)
	clock  clock.Clock
}

// Help shows examples.
func (serveCommand) Help() string {
	return `It makes or migrates the database, then serves the API under /v1, the documentation
at /docs and /openapi.json, and the probes /healthz and /readyz. Where there is no
organization yet it creates one, and prints a token for it once.

SIGTERM or Ctrl-C stops it: requests in flight are finished, for ten seconds at most,
after it went on serving for --drain-delay. A second Ctrl-C ends it at once.

Examples:
  floe serve
  floe serve --demo
  floe serve --listen :8787 --data-dir /var/lib/floe
  floe serve --database-url postgres://floe:secret@db.internal/floe
  FLOE_LISTEN=:80 floe serve --config /etc/floe.env`
}

// stopTime is when a process that was told to stop ends, whatever it is doing.
const stopTime = 9500 * time.Millisecond

// maxDrainDelay is longer than any load balancer should need.
const maxDrainDelay = pause(10 * time.Minute)

// Run serves until a signal comes.
func (c *serveCommand) Run(ctx context.Context, io *streams) error {
	boundHeap()
	log := c.logger(io.err)
	if err := c.check(); err != nil { // before anything is made
		return err
	}
	if err := c.free(ctx); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() {
		time.AfterFunc(stopTime+time.Duration(c.DrainDelay), func() {
			log.Warn("stopped before everything was finished")
			os.Exit(0)
		})
	})
	defer stop()
	change := []func(*db.Config){func(config *db.Config) { config.Alone = true }}
	if c.change != nil {
		change = append(change, c.change)
	}
	d, err := c.openWith(ctx, log, c.DatabaseReadURL, change...)
	if err == nil {
		err = errors.Join(c.serve(ctx, io, log, d), d.Close())
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil // stopped while it was starting
	}
	return err
}

func (c *serveCommand) serve(ctx context.Context, io *streams, log *slog.Logger, d *db.DB) error {
	main, metrics, err := c.listeners(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = main.Close() }()
	if metrics != nil {
		defer func() { _ = metrics.Close() }()
	}
	address := "http://" + reachable(main.Addr().String())
	config := server.Config{
		DB: d, Logger: log, Clock: c.clock, PublicURL: c.PublicURL, LogoDevKey: c.LogoDevKey, Realm: c.Realm,
		AllowPrivateWebhooks: c.AllowPrivateWebhooks, WebhookRetention: time.Duration(c.WebhookRetention),
		AnswerMemory: c.AnswerMemory << 20,
		SessionTTL:   time.Duration(c.SessionTTL), MetricsToken: c.MetricsToken, Version: version(),
		DrainDelay: time.Duration(c.DrainDelay), MetricsListener: metrics,
	}
	config.Rates = c.rates(main.Addr())
	config.Proxies = c.TrustedProxies
	if config.Processor, err = processor(c.Processor); err != nil {
		return err
	}
	if c.SMTPURL != "" {
		if config.Mail, err = mail.NewSMTP(c.SMTPURL, c.MailFrom); err != nil {
			return err
		}
	}
	if c.KeyRate > 0 {
		config.KeyLimit = api.Limit{Calls: c.KeyRate, Per: time.Second, Block: time.Minute}
	}
	if config.PublicURL == "" {
		config.PublicURL = address
	}
	config.PublicURL = strings.TrimRight(config.PublicURL, "/") // paths follow it
	s, err := server.New(ctx, config)
	if err != nil {
		return err
	}
	if err := c.prepare(ctx, io, s, d, address); err != nil {
		return err
	}
	// What starting has left behind would stay until the heap has grown to
	// several times what is in use: give it back.
	time.AfterFunc(time.Second, debug.FreeOSMemory)
	log.Info("serving", "address", address, "database", d.Engine(), "version", version())
	err = s.Run(ctx, main)
	log.Info("stopped")
	return errors.Join(err, s.Close())
}

// prepare sees to it that there is something to serve, and says so at a first
// start.
func (c *serveCommand) prepare(ctx context.Context, io *streams, s *server.Server, d *db.DB, address string) error {
	clear, err := begin(ctx, io, s, d, c.place())
	if err != nil {
		return err
	}
	if c.Demo {
		if err := fillDemo(ctx, io, s, d); err != nil {
			return err
		}
	}
	if clear == "" {
		return nil
	}
	return greet(io, address, clear)
}

// free says whether the addresses can be listened on, before a database is made
// or migrated for a server that cannot be reached. Nobody is heard meanwhile:
// who connects while that takes minutes is to be told that nobody is there.
func (c *serveOptions) free(ctx context.Context) error {
	main, metrics, err := c.listeners(ctx)
	if err != nil {
		return err
	}
	if metrics != nil {
		_ = metrics.Close()
	}
	return main.Close()
}

// listeners are the main one and that of metrics, which may be nil.
func (c *serveOptions) listeners(ctx context.Context) (main, metrics net.Listener, err error) {
	if main, err = listen(ctx, c.Listen, "--listen (FLOE_LISTEN)"); err != nil || c.MetricsListen == "" {
		return main, nil, err
	}
	if metrics, err = listen(ctx, c.MetricsListen, "--metrics-listen (FLOE_METRICS_LISTEN)"); err != nil {
		_ = main.Close()
		return nil, nil, err
	}
	return main, metrics, nil
}

// listen opens a listener, or says what to do about it.
func listen(ctx context.Context, address, option string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("cannot listen on %s: the port is in use; stop what uses it or choose another with %s", address, option)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("cannot listen on %s: not permitted; ports below 1024 need rights, choose another with %s", address, option)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("cannot listen on %s: this machine does not have that address; choose another with %s", address, option)
	}
	return nil, fmt.Errorf("cannot listen on %s: %w; choose another with %s", address, cause(err), option)
}

// cause is the innermost reason why a network operation failed.
func cause(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err
	}
	return err
}

// reachable is an address that a browser on this machine can open, for one
// that means all interfaces.
func reachable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// maxAnswerMemory is how many megabytes of answers can be asked for.
const maxAnswerMemory = 1 << 20

// check says what is wrong with options, as far as they say it by themselves.
func (c *serveOptions) check() error {
	wrong := func(format string, args ...any) error { return exit{exitUsage, fmt.Errorf(format, args...)} }
	if err := c.dataOptions.check(); err != nil {
		return err
	}
	if err := checkURL("--database-read-url (FLOE_DATABASE_READ_URL)", c.DatabaseReadURL); err != nil {
		return err
	}
	if !hostAndPort(c.Listen) {
		return wrong("cannot listen on %q; set --listen (FLOE_LISTEN) to host:port, as in 127.0.0.1:8787", c.Listen)
	}
	if c.MetricsListen != "" && !hostAndPort(c.MetricsListen) {
		return wrong("cannot listen on %q; set --metrics-listen (FLOE_METRICS_LISTEN) to host:port, as in 127.0.0.1:8787", c.MetricsListen)
	}
	if c.PublicURL != "" && !isBase(c.PublicURL) {
		return wrong("--public-url (FLOE_PUBLIC_URL) %q is not a URL like https://billing.example.com", c.PublicURL)
	}
	if _, err := netmail.ParseAddress(c.MailFrom); err != nil {
		return wrong("--mail-from (FLOE_MAIL_FROM) %q is not an address that mail can come from", c.MailFrom)
	}
	if c.SMTPURL != "" {
		if _, err := mail.NewSMTP(c.SMTPURL, c.MailFrom); err != nil {
			return wrong("--smtp-url (FLOE_SMTP_URL) is not right: %w", err)
		}
	}
	if _, ok := processors[c.Processor]; !ok {
		return wrong("--processor (FLOE_PROCESSOR) is %q; this build has %s", c.Processor, strings.Join(slices.Sorted(maps.Keys(processors)), ", "))
	}
	switch {
	case c.DatabaseReadURL != "" && c.DatabaseURL == "":
		return wrong("--database-read-url (FLOE_DATABASE_READ_URL) names a replica; set --database-url (FLOE_DATABASE_URL) to its primary")
	case c.DrainDelay > maxDrainDelay:
		return wrong("--drain-delay (FLOE_DRAIN_DELAY) is %s; %s is the most", c.DrainDelay, maxDrainDelay)
	case c.KeyRate < 0:
		return wrong("--license-key-rate (FLOE_LICENSE_KEY_RATE) is %d; 0 is no limit", c.KeyRate)
	case c.AnswerMemory < 0 || c.AnswerMemory > maxAnswerMemory:
		return wrong("--answer-memory (FLOE_ANSWER_MEMORY) is %d; it goes from 0 to %d", c.AnswerMemory, maxAnswerMemory)
	case strings.ContainsFunc(c.Realm, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }):
		return wrong("--realm (FLOE_REALM) %q cannot stand in a header: letters, digits and signs of ASCII can, without quotes", c.Realm)
	}
	return nil
}

// hostAndPort says whether an address can be listened on; "" would be a port of
// chance, on all addresses.
func hostAndPort(address string) bool {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	n, err := net.LookupPort("tcp", port) // services have names, too
	return err == nil && n >= 0
}

// isBase says whether paths can follow a URL.
func isBase(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https") && !strings.ContainsAny(text, "?#")
}

type migrateCommand struct {
	dataOptions
}

// Help shows an example.
func (migrateCommand) Help() string {
	return `serve does this by itself. Use it to migrate at a time of your choice.

Example:
  floe migrate --database-url postgres://floe:secret@db.internal/floe`
}

// Run migrates.
func (c *migrateCommand) Run(ctx context.Context, io *streams) error {
	d, err := c.open(ctx, slog.New(slog.NewTextHandler(io.err, nil))) // which says what it does to one that is older
	if err != nil {
		return err
	}
	has, wants, err := d.Schema(ctx)
	if err := errors.Join(err, d.Close()); err != nil {
		return err
	}
	if has > wants {
		_, _ = fmt.Fprintf(io.err, "The database was left as it is: it has schema %d, of a newer version; this one knows schema %d.\n", has, wants)
		return nil
	}
	_, _ = fmt.Fprintln(io.err, "The database is up to date.")
	return nil
}
