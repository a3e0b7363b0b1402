// Package webhook tells applications what has happened. An event is written
// for each endpoint that wants it in the transaction that causes it, and sent
// after the commit: signed, strictly in order for each endpoint and customer,
// and again until it arrives or two days are over. It keeps the log of all
// attempts, and sends again what is asked for. Programs without an address of
// their own fetch what an endpoint would be sent.
//
// What happened it hears from the journal; of the objects it knows only the
// JSON that their packages give.
package webhook

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"floe/internal/clock"
	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/job"
	"floe/internal/journal"
	"floe/internal/mail"
)

// State answers what a customer has at this moment, deleted ones included, for
// customer.state_changed. It is what package state provides, which stands above
// this one.
type State interface {
	Of(ctx context.Context, q db.Querier, organization, customer id.ID) (any, error)
}

// Object renders what an entry is about, as the API shows it, at the end of the
// transaction: for entries that bring no payload of their own.
type Object func(ctx context.Context, q db.Querier, e *journal.Entry) (any, error)

// Config is what a Service needs.
type Config struct {
	DB     *db.DB
	Logger *slog.Logger
	Clock  clock.Clock
	State  State
	// Objects render payloads by the first word of the type, such as "order".
	Objects map[string]Object
	Jobs    *job.Runner // for what takes long: replays, and clearing old payloads
	// Mail tells people that an endpoint was switched off.
	Mail *mail.Outbox
	// AllowPrivate permits http URLs and addresses that are not on the public
	// internet.
	AllowPrivate bool
	// Retention is how long payloads and responses are kept; 90 days when zero.
	Retention time.Duration
	Version   string
	// Poll is how often the database is asked for what nobody has told of; two
	// seconds when zero.
	Poll time.Duration
}

// Service is the operations on webhooks, the writing of events, and their
// delivery.
type Service struct {
	Config
	sender  *sender
	metrics *metrics

	node string // how the leases of this process are signed
	mu   sync.Mutex
	// targets are those with something to do, while Run runs.
	targets map[id.ID]*target
	running *run

	silent chan struct{} // closed when those who listen are to go
	hush   sync.Once
}

// New builds the service and makes it hear of what the database's journal
// records.
func New(c Config) *Service {
	if c.Retention == 0 {
		c.Retention = 90 * 24 * time.Hour
	}
	if c.Version == "" {
		c.Version = "dev"
	}
	if c.Poll == 0 {
		c.Poll = pollEvery
	}
	s := &Service{Config: c, node: string(id.New()), targets: map[id.ID]*target{}, silent: make(chan struct{})}
	s.sender = newSender(c.Version, c.AllowPrivate)
	s.metrics = newMetrics(s)
	journal.Observe(c.DB, "webhooks", s)
	return s
}

// now is the wall's time, also in a transaction that runs on a test clock:
// deliveries happen in the world of the receiver.
func (s *Service) now() time.Time { return clock.Normal(s.Clock.Now()) }
