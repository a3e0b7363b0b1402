package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"floe/internal/api"
	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/job"
	"floe/internal/journal"
	"floe/internal/schema"
)

const aboutListen = "What an endpoint would be sent, for a program that the internet does not reach: the same bodies, written in the same transactions. " +
	"It begins with the first request of a session, and keeps the types of that.\n\n" +
	"With `Accept: text/event-stream` the events come as they happen, each until it was sent; the same session goes on where a connection broke, " +
	"for a minute. As JSON it is what waits; it goes on waiting, so that keeps no session longer than the minute. " +
	"Users need a role that may manage the organization."

// JobUnlisten ends what somebody listened with, some time after they have gone.
const JobUnlisten = "webhooks.unlisten"

const (
	// listening is why the endpoint of a session is off: its events are kept, as
	// those of any endpoint that the server has switched off, and fetched. It is
	// no endpoint to anybody else.
	listening = "listening"
	// maxListeners is for an organization: each makes every change write more,
	// and who may only read may listen.
	maxListeners = 10
	attention    = time.Minute      // how long a session waits for its listener
	heartbeat    = 15 * time.Second // proxies end what is silent for a minute
	heardAtOnce  = 100
	lookEvery    = time.Second // for what other processes have committed
	lull         = 5 * time.Millisecond
)

// notListening leaves out what is there for a session only.
const notListening = "disabled_reason IS DISTINCT FROM '" + listening + "'"

type listenInput struct {
	Session       id.ID                  `query:"session" doc:"A random UUID of the caller's own."`
	Types         schema.Many[EventType] `query:"type" doc:"Only events of these types; all by default."`
	Organizations schema.Many[id.ID]     `query:"organization_id" doc:"Filter by organization ID."`
}

// Heard is an event for those who listen.
type Heard struct {
	ID          id.ID     `json:"id" doc:"The ID of the event, for webhook-id."`
	Type        EventType `json:"type" doc:"The type of the event."`
	CustomerSeq *int64    `json:"customer_seq" doc:"For webhook-sequence; null where the event is about no customer."`
	PreviousSeq *int64    `json:"previous_seq" doc:"For webhook-previous-sequence: the customer's event before, in this session."`
	Body        string    `json:"body" doc:"The exact body."`
}

// SchemaName names the event for generated clients.
func (Heard) SchemaName() string { return "WebhookHeard" }

// Hearing is what waits for those who listen.
type Hearing struct {
	Items []Heard `json:"items"`
}

// SchemaName names the list for generated clients.
func (Hearing) SchemaName() string { return "WebhookHearing" }

// session is what somebody listens with: an endpoint in each organization.
type session struct {
	orgs, endpoints []id.ID
	events          eventList
	follows         bool // it takes what waits, and so may stay
}

func newSession(sub *auth.Subject, in *listenInput) (*session, error) {
	l := &session{orgs: sub.Organizations(auth.OrganizationManage, in.Organizations...), events: eventList(in.Types)}
	if len(l.orgs) == 0 { // whoever waits for nothing would wait for ever
		return nil, fault.NotPermitted.New(auth.OrganizationManage.Denied())
	}
	for _, org := range l.orgs {
		l.endpoints = append(l.endpoints, laneFor(org, in.Session)) // a session cannot take another organization's ids
	}
	if len(l.events) == 0 {
		for _, t := range types {
			l.events = append(l.events, EventType(t))
		}
	}
	return l, nil
}

func (s *Service) open(ctx context.Context, sub *auth.Subject, in *listenInput, follows bool) (*session, error) {
	l, err := newSession(sub, in)
	if err != nil {
		return nil, err
	}
	l.follows = follows
	return l, s.keepOpen(ctx, l)
}

// waiting answers what waits, which goes on waiting.
func (s *Service) waiting(ctx context.Context, sub auth.Subject, in listenInput) (out Hearing, err error) {
	l, err := s.open(ctx, &sub, &in, false)
	if err != nil {
		return out, err
	}
	out.Items = []Heard{}
	rows, err := l.next(ctx, s.DB)
	for i := range rows {
		out.Items = append(out.Items, rows[i].Heard)
	}
	return out, err
}

// listen sends what happens until one side has had enough.
func (s *Service) listen(ctx context.Context, sub auth.Subject, in listenInput, to *api.Events) error {
	l, err := s.open(ctx, &sub, &in, true)
	if err != nil {
		return err
	}
	if err := to.Open(); err != nil {
		return err
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		committed := s.DB.Signalled(journal.Topic)
		if err := s.tell(ctx, l, to); err != nil {
			return err
		}
		time.Sleep(lull) // many small commits are heard of together
		select {
		case <-committed:
		case <-time.After(lookEvery):
		case <-beat.C:
			if err := s.keepOpen(ctx, l); err != nil {
				return err
			}
			if err := to.Beat(""); err != nil { //nolint:contextcheck // it has that of the request
				return err
			}
		case <-s.silent:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// tell sends all that waits, and forgets it once it is sent.
func (s *Service) tell(ctx context.Context, l *session, to *api.Events) error {
	for {
		rows, err := l.next(ctx, s.DB)
		if err != nil || len(rows) == 0 {
			return err
		}
		events, seqs := make([]api.Event, len(rows)), make([]int64, len(rows))
		for i := range rows {
			events[i], seqs[i] = api.Event{ID: string(rows[i].ID), Data: &rows[i].Heard}, rows[i].Seq
		}
		if err := to.Send(events...); err != nil {
			return err
		}
		err = s.DB.Write(ctx, func(tx *db.Tx) error {
			tx.TouchNothing()
			w := db.Where("").In("organization_id", l.orgs).In("endpoint_id", l.endpoints).In("seq", seqs)
			_, err := db.Exec(ctx, tx, `DELETE FROM webhook_events`+w.SQL(), w.Args()...)
			return err
		})
		if err != nil || len(rows) < heardAtOnce {
			return err
		}
	}
}

type heardRow struct {
	Heard
	Seq int64
}

// next reads the oldest of what waits.
func (l *session) next(ctx context.Context, q db.Querier) ([]heardRow, error) {
	w := db.Where("").In("organization_id", l.orgs).In("endpoint_id", l.endpoints).And("payload IS NOT NULL")
	rows, err := db.All[heardRow](ctx, q, `SELECT seq, id, type, customer_seq, previous_seq, payload AS body
		FROM webhook_events`+w.SQL()+` ORDER BY seq LIMIT `+strconv.Itoa(heardAtOnce), w.Args()...)
	if err != nil {
		return nil, fmt.Errorf("read what those who listen are to hear: %w", err)
	}
	return rows, nil
}

// keepOpen says that somebody listens, now and for a while. Who only looks at
// what waits opens a session for that while and not for longer: what waits would
// never end.
func (s *Service) keepOpen(ctx context.Context, l *session) error {
	return s.DB.Write(ctx, func(tx *db.Tx) error {
		tx.TouchNothing()
		for i, org := range l.orgs {
			if err := s.keepOne(ctx, tx, l, org, l.endpoints[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Service) keepOne(ctx context.Context, tx *db.Tx, l *session, org, endpoint id.ID) error {
	until, longer := s.now().Add(attention), (*time.Time)(nil)
	if l.follows {
		longer = &until
	}
	n, err := db.Exec(ctx, tx, `UPDATE webhook_targets SET blocked_until = COALESCE(?, blocked_until) WHERE organization_id = ? AND id = ? AND EXISTS (
		SELECT 1 FROM webhook_endpoints WHERE organization_id = ? AND id = ? AND deleted_at IS NULL)`, longer, org, endpoint, org, endpoint)
	if err != nil || n > 0 {
		return err
	}
	others, err := db.One[int64](ctx, tx, `SELECT COUNT(*) FROM webhook_endpoints
		WHERE organization_id = ? AND deleted_at IS NULL AND disabled_reason = ?`, org, listening)
	if err != nil {
		return err
	}
	if others >= maxListeners {
		return fault.TooManyListeners.New()
	}
	// One that has ended begins anew, also before all of it is gone.
	if _, err := db.Exec(ctx, tx, `DELETE FROM webhook_events WHERE organization_id = ? AND endpoint_id = ?`, org, endpoint); err != nil {
		return fmt.Errorf("forget what a listener has missed: %w", err)
	}
	now := tx.Now()
	_, err = db.Exec(ctx, tx, `INSERT INTO webhook_endpoints (id, organization_id, created_at, url, format, secret, events, mask, enabled, enabled_at, disabled_reason)
		VALUES (?, ?, ?, '', ?, '', ?, ?, FALSE, ?, ?) ON CONFLICT (organization_id, id) DO UPDATE SET deleted_at = NULL`,
		endpoint, org, now, Raw, l.events, maskOf(l.events), now, listening)
	if err != nil {
		return fmt.Errorf("insert a listener: %w", err)
	}
	_, err = db.Exec(ctx, tx, `INSERT INTO webhook_targets (id, organization_id, endpoint_id, failures, blocked_until) VALUES (?, ?, ?, 0, ?)
		ON CONFLICT (id) DO UPDATE SET blocked_until = excluded.blocked_until`, endpoint, org, endpoint, until)
	if err != nil {
		return fmt.Errorf("insert the target of a listener: %w", err)
	}
	return s.Jobs.Enqueue(ctx, tx, JobUnlisten, unlisten{org, endpoint}, job.At(until))
}

type unlisten struct {
	OrganizationID id.ID `json:"organization_id"`
	EndpointID     id.ID `json:"endpoint_id"`
}

// Unlisten is the job that ends a session whose listener has gone: first
// nothing more is written for it, and what was written goes when nobody can be
// writing any more.
func (s *Service) Unlisten(ctx context.Context, tx *db.Tx, args json.RawMessage) error {
	tx.TouchNothing()
	var a unlisten
	if err := json.Unmarshal(args, &a); err != nil {
		return err
	}
	until, err := db.All[*time.Time](ctx, tx, `SELECT blocked_until FROM webhook_targets WHERE organization_id = ? AND id = ?`+tx.ForUpdate(),
		a.OrganizationID, a.EndpointID)
	if err != nil || len(until) == 0 || until[0] == nil {
		return err
	}
	if until[0].After(s.now()) {
		return s.Jobs.Enqueue(ctx, tx, JobUnlisten, a, job.At(*until[0]))
	}
	n, err := db.Exec(ctx, tx, `UPDATE webhook_endpoints SET deleted_at = ? WHERE organization_id = ? AND id = ? AND deleted_at IS NULL`,
		tx.Now(), a.OrganizationID, a.EndpointID)
	if err != nil {
		return err
	}
	if n > 0 {
		return s.Jobs.Enqueue(ctx, tx, JobUnlisten, a, job.At(tx.Now().Add(attention)))
	}
	for _, text := range []string{
		`DELETE FROM webhook_events WHERE organization_id = ? AND endpoint_id = ?`,
		`DELETE FROM webhook_lanes WHERE organization_id = ? AND target_id = ?`,
		`DELETE FROM webhook_targets WHERE organization_id = ? AND id = ?`,
		`DELETE FROM webhook_endpoints WHERE organization_id = ? AND id = ?`,
	} {
		if _, err := db.Exec(ctx, tx, text, a.OrganizationID, a.EndpointID); err != nil {
			return fmt.Errorf("forget a listener: %w", err)
		}
	}
	return nil
}

// StopListening ends every stream, well. Callers come back to another node, or
// to this one when it runs again.
func (s *Service) StopListening() { s.hush.Do(func() { close(s.silent) }) }
