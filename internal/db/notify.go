package db

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"floe/internal/id"
)

// notifier carries signals between the processes that share a PostgreSQL
// database. It notifies in a transaction of its own, after the commit: a
// NOTIFY inside of one takes a lock that makes all who notify commit one after
// the other. So a signal can be lost with its process, and those who wait for
// one look for themselves now and then.
type notifier struct {
	db   *DB
	self string // how this process signs

	mu     sync.Mutex
	topics []string
	due    bool // a notification is on its way
	wait   sync.WaitGroup
}

const (
	channel = "floe_signals"
	// rest is the least time between two notifications of a process: at many
	// commits a second each tells of several.
	rest = 20 * time.Millisecond
	// notifyTime bounds what a notification may take.
	notifyTime = 5 * time.Second
	// aliveEvery is how often a connection on which nothing is heard is tested.
	aliveEvery = time.Minute
)

func newNotifier(d *DB) *notifier { return &notifier{db: d, self: string(id.New())} }

// add has the others told soon.
func (n *notifier) add(topic string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !slices.Contains(n.topics, topic) {
		n.topics = append(n.topics, topic)
	}
	if !n.due {
		n.due = true
		n.wait.Go(n.run)
	}
}

// run tells the others as long as there is something to tell.
func (n *notifier) run() {
	for topics := n.next(); len(topics) > 0; topics = n.next() {
		ctx, cancel := context.WithTimeout(context.Background(), notifyTime) //nolint:forbidigo // belongs to no caller
		_, err := n.db.pool.Exec(ctx, "SELECT pg_notify($1, $2)", channel, n.self+" "+strings.Join(topics, " "))
		cancel()
		if err != nil {
			n.db.config.Logger.Debug("other processes were not told of a commit; they will find it", "error", err)
		}
		time.Sleep(rest)
	}
}

func (n *notifier) next() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	topics := n.topics
	n.topics, n.due = nil, len(topics) > 0
	return topics
}

// Hear wakes those in this process who wait for a signal that another process
// gives, until ctx ends. It takes one connection to PostgreSQL of its own; on
// SQLite there is nobody to hear.
func (d *DB) Hear(ctx context.Context) {
	if d.notify == nil {
		return
	}
	for pause := 100 * time.Millisecond; ctx.Err() == nil; pause = min(2*pause, 5*time.Second) {
		start := time.Now()
		err := d.notify.hear(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(start) > aliveEvery {
			pause = 100 * time.Millisecond
		}
		d.config.Logger.Warn("signals of other processes are not heard for a moment; what they mean is found later", "error", d.translate(ctx, err))
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// hear listens on one connection for as long as it lasts.
func (n *notifier) hear(ctx context.Context) error {
	config, err := pgx.ParseConfig(n.db.config.URL)
	if err != nil {
		return err
	}
	wary(config, connectTime)
	config.RuntimeParams["application_name"] = "floe signals"
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return err
	}
	n.db.signals.wakeAll() // whatever was said meanwhile
	for {
		short, cancel := context.WithTimeout(ctx, aliveEvery)
		said, err := conn.WaitForNotification(short)
		cancel()
		switch {
		case err == nil:
			n.heard(said.Payload)
		case ctx.Err() != nil || conn.IsClosed():
			return err
		default: // nothing for a while
			if err := conn.Ping(ctx); err != nil {
				return err
			}
		}
	}
}

func (n *notifier) heard(payload string) {
	words := strings.Fields(payload)
	if len(words) == 0 || words[0] == n.self {
		return
	}
	for _, topic := range words[1:] {
		n.db.signals.wake(topic)
	}
}
