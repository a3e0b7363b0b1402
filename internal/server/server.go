// Package server puts the parts together: it builds every service, lists all
// operations, serves them over HTTP beside the pages and probes that a running
// server needs, and starts and stops what runs in the background. Rules of the
// domain do not belong here.
package server

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"floe/internal/api"
	"floe/internal/benefit"
	"floe/internal/charge"
	"floe/internal/clock"
	"floe/internal/customer"
	"floe/internal/db"
	"floe/internal/discount"
	"floe/internal/document"
	"floe/internal/feed"
	"floe/internal/grant"
	"floe/internal/job"
	"floe/internal/mail"
	"floe/internal/order"
	"floe/internal/organization"
	"floe/internal/payment"
	"floe/internal/paymentevent"
	"floe/internal/product"
	"floe/internal/refund"
	"floe/internal/state"
	"floe/internal/subscription"
	"floe/internal/testclock"
	"floe/internal/token"
	"floe/internal/webhook"
)

// Config is what a Server is made of. DB and Logger are needed; the rest has
// defaults.
type Config struct {
	DB     *db.DB
	Logger *slog.Logger
	Clock  clock.Clock // the wall's when nil; give the database the same one

	// PublicURL is where people reach the customer portal; links in answers
	// begin with it. "http://127.0.0.1:8787" when empty.
	PublicURL string
	// LogoDevKey lets avatars show company logos of logo.dev.
	LogoDevKey string
	// Realm of WWW-Authenticate; "polar" when empty.
	Realm string
	// SessionTTL is how long a customer session lives; an hour when zero.
	SessionTTL time.Duration

	// KeyLimit bounds how often one address may call the operations on license
	// keys that need no token. The zero value does not bound it.
	KeyLimit api.Limit
	// Rates bound how often anybody may call the API. The zero value does not.
	Rates api.Rates
	// Proxies are believed when they say, in X-Forwarded-For, whose address a
	// request comes from.
	Proxies []netip.Prefix
	// AnswerMemory is how many bytes of answers are kept to be given again, for
	// as long as nothing has changed. It has no effect on PostgreSQL, where other
	// nodes may write.
	AnswerMemory int
	// AllowPrivateWebhooks lets webhooks go to http URLs, and to addresses that
	// are not on the public internet.
	AllowPrivateWebhooks bool
	// WebhookRetention is how long payloads of webhooks and what receivers
	// answered are kept; 90 days when zero.
	WebhookRetention time.Duration

	// Processor moves money; nil moves none: people pay outside, and somebody
	// records it.
	Processor payment.Processor

	// Mail sends mail to the people who run things here, such as that a webhook
	// endpoint was switched off; nil sends none.
	Mail mail.Sender

	// MetricsToken opens GET /metrics on the main listener to those who send
	// it as a bearer token. Without it the path does not exist there.
	MetricsToken string
	// MetricsListener, when set, serves GET /metrics to anyone who reaches it,
	// and is closed by Run.
	MetricsListener net.Listener

	// How long clients may take: for their headers (10 s when zero), for a body
	// (30 s), to read a piece of an export or of a stream (10 s), for all from the
	// end of the headers to the end of any other answer (2 min), and until their
	// next request on a connection (2 min).
	HeaderTime, BodyTime, PieceTime, AnswerTime, IdleTime time.Duration

	// Version is what the documents say; "dev" when empty.
	Version string
	// DrainDelay is how long Run goes on serving once it was told to stop, while
	// GET /readyz says that it does not: the time in which a load balancer finds
	// that out.
	DrainDelay time.Duration
	// DrainTime bounds how long Run waits for requests in flight; 7 s when zero.
	DrainTime time.Duration
}

// Server is a whole Floe, ready to serve.
type Server struct {
	// The services, for what runs in the same process: demo data and tests.
	Tokens        *token.Service
	Organizations *organization.Service
	Customers     *customer.Service
	Benefits      *benefit.Service
	Products      *product.Service
	Discounts     *discount.Service
	Grants        *grant.Service
	Payments      *payment.Service
	Charges       *charge.Service
	Orders        *order.Service
	Refunds       *refund.Service
	Documents     *document.Service
	PaymentEvents *paymentevent.Service
	Subscriptions *subscription.Service
	TestClocks    *testclock.Service
	Webhooks      *webhook.Service
	Jobs          *job.Runner
	Mail          *mail.Outbox

	billing cycle // turns subscriptions
	paying  cycle // asks for money that is due, and tells a processor what else it is to do

	config     Config
	states     *state.Service
	feed       *feed.Service
	operations []*api.Operation
	document   func() *api.Document
	api        *api.Handler
	metrics    *metrics
	outer      map[string]http.Handler
	draining   atomic.Bool
}

// New builds the services and the routes. The database must be migrated. What
// New started is stopped by Close.
func New(ctx context.Context, c Config) (*Server, error) {
	c = c.withDefaults()
	s := &Server{config: c}
	if err := s.assemble(ctx); err != nil {
		return nil, err
	}
	s.document = sync.OnceValue(s.describe)
	s.metrics = newMetrics(c.DB, s.operations, append(s.Webhooks.Collectors(), s.remembered()...)...)
	s.api = api.New(api.Config{
		Operations: s.operations,
		Auth:       s.Tokens,
		Logger:     c.Logger,
		Realm:      c.Realm,
		Limit:      c.KeyLimit,
		BodyTime:   c.BodyTime,
		PieceTime:  c.PieceTime,
		Rates:      c.Rates,
		Proxies:    c.Proxies,
		Observe:    s.metrics.observe,
		Refused:    s.metrics.refused,
		Versions:   c.DB.Versions(), AnswerMemory: c.AnswerMemory,
		Replica: hasReplica(c.DB),
	})
	s.outer = s.routes()
	return s, nil
}

func hasReplica(d *db.DB) bool {
	_, ok := d.Replica()
	return ok
}

const summary = "Customers, products, subscriptions and benefits over an API that Polar's SDKs speak."

func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Clock == nil {
		c.Clock = clock.Wall
	}
	if c.PublicURL == "" {
		c.PublicURL = "http://127.0.0.1:8787"
	}
	if c.Processor == nil {
		c.Processor = payment.Manual{}
	}
	if c.SessionTTL == 0 {
		c.SessionTTL = time.Hour
	}
	if c.Version == "" {
		c.Version = "dev"
	}
	c.HeaderTime = cmp.Or(c.HeaderTime, 10*time.Second)
	c.BodyTime = cmp.Or(c.BodyTime, 30*time.Second)
	c.PieceTime = cmp.Or(c.PieceTime, 10*time.Second)
	c.AnswerTime = cmp.Or(c.AnswerTime, 2*time.Minute)
	c.IdleTime = cmp.Or(c.IdleTime, 2*time.Minute)
	if c.DrainTime == 0 {
		c.DrainTime = 7 * time.Second
	}
	return c
}

// Operations are all operations, also those that the document leaves out.
func (s *Server) Operations() []*api.Operation { return slices.Clone(s.operations) }

// Document describes the operations. It must not be changed.
func (s *Server) Document() *api.Document { return s.document() }

// describe is done when somebody asks: with the page that is made of it, it
// would take half of the time of a start.
func (s *Server) describe() *api.Document {
	d := api.Describe(api.Info{Title: "Floe", Version: s.config.Version, Description: summary}, s.operations)
	if p := d.Components.Schemas["PaymentProcessor"]; p != nil && !slices.Contains(append(p.Enum, payment.ManualName), s.config.Processor.Name()) {
		p.Enum = append(p.Enum, s.config.Processor.Name()) // of which SDKs do not know
	}
	d.Servers = []api.Server{{URL: s.config.PublicURL}}
	return d
}

// Handler serves everything on the main listener.
func (s *Server) Handler() http.Handler { return http.HandlerFunc(s.serve) }

// MaxHeader is how many bytes the headers of a request may have.
const MaxHeader = 64 << 10

func (s *Server) http(ctx context.Context, h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: s.config.HeaderTime,
		WriteTimeout:      s.config.AnswerTime,
		IdleTimeout:       s.config.IdleTime,
		MaxHeaderBytes:    MaxHeader,
		ErrorLog:          slog.NewLogLogger(quiet{s.config.Logger.Handler()}, slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
}

// quiet passes net/http's own remarks on: they are about what clients did
// wrong with their connections, and panics, which are ours.
type quiet struct{ slog.Handler }

func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	if bytes.Contains([]byte(r.Message), []byte("panic serving")) {
		r.Level = slog.LevelError
	}
	return q.Handler.Handle(ctx, r)
}

// Run serves on the listener, and does the work in the background, until ctx
// ends or serving fails. At the end it says so to those who ask whether it is
// ready, and goes on for DrainDelay, so that load balancers turn to others before
// a connection is refused. Then it accepts nothing new, waits for what is in
// flight and cuts off what takes too long; all that within ten seconds. Work in
// the background ends at once, so that other nodes take it up.
func (s *Server) Run(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// Requests outlive ctx, because draining lets them finish; they end with work.
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	servers := []*http.Server{s.http(work, s.Handler())}
	listeners := []net.Listener{l}
	if m := s.config.MetricsListener; m != nil {
		servers, listeners = append(servers, s.http(work, s.metricsAlone())), append(listeners, m)
	}
	failed := make(chan error, len(servers))
	for i, h := range servers {
		go func() { failed <- h.Serve(listeners[i]) }()
	}
	idle := make(chan struct{})
	go func() { defer close(idle); s.work(ctx) }()
	var err error
	select {
	case <-ctx.Done():
		err = s.linger(failed)
	case err = <-failed:
		err = fmt.Errorf("serve: %w", err)
	}
	cancel()
	s.draining.Store(true)
	s.StopFeed() // streams would never end by themselves
	return errors.Join(err, s.drain(work, stop, servers, idle))
}

// linger serves on for a while after the end was asked for.
func (s *Server) linger(failed <-chan error) error {
	s.draining.Store(true)
	if s.config.DrainDelay <= 0 {
		return nil
	}
	select {
	case <-time.After(s.config.DrainDelay):
		return nil
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	}
}

func (s *Server) drain(work context.Context, stop context.CancelFunc, servers []*http.Server, idle <-chan struct{}) error {
	limit, cancel := context.WithTimeout(work, s.config.DrainTime)
	defer cancel()
	done := make(chan bool, len(servers))
	for _, h := range servers {
		go func() { done <- h.Shutdown(limit) == nil }()
	}
	clean := true
	for range servers {
		clean = <-done && clean
	}
	select {
	case <-idle:
	case <-limit.Done():
		clean = false
	}
	if clean {
		return nil
	}
	s.config.Logger.Warn("requests or jobs were cut off, because they took too long to finish")
	stop()
	var err error
	for _, h := range servers {
		err = errors.Join(err, h.Close())
	}
	return err
}

// Close writes down what the services still hold in memory. The database stays
// open: it belongs to the caller.
func (s *Server) Close() error { return s.Tokens.Close() }

// StopFeed ends all streams, as stopping the server does.
func (s *Server) StopFeed() {
	s.feed.Stop()
	s.Webhooks.StopListening()
}
