package webhook

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/job"
	"floe/internal/journal"
	"floe/internal/schema"
)

type redeliverInput struct {
	ID id.ID `path:"id" doc:"The webhook event ID."`
}

// redeliver queues one more attempt, in a lane of its own: it waits for
// nothing and holds nothing up. It goes on with the schedule where the event
// got to; at its end there is one try.
func (s *Service) redeliver(ctx context.Context, sub auth.Subject, in redeliverInput) (any, error) {
	return nil, s.DB.Write(ctx, func(tx *db.Tx) error { return s.Redeliver(ctx, tx, manageable(&sub), in.ID) })
}

// Redeliver sends an event of one of the organizations once more.
func (s *Service) Redeliver(ctx context.Context, tx *db.Tx, orgs []id.ID, event id.ID) error {
	w := db.Where("id = ?", event).In("organization_id", orgs)
	e, err := db.One[stored](ctx, tx, `SELECT `+storedColumns+` FROM webhook_events`+w.SQL(), w.Args()...)
	if errors.Is(err, db.ErrNoRows) {
		return fault.NotFound.New()
	}
	if err != nil {
		return err
	}
	q := queued{org: e.OrganizationID, target: e.EndpointID, lane: laneFor(e.ID), event: e.ID, manual: true, attempt: min(e.Attempts, maxAttempts-1)}
	return s.send(ctx, tx, []queued{q})
}

// stored is what a replay needs to know of an event.
type stored struct {
	Seq            int64
	ID             id.ID
	OrganizationID id.ID
	EndpointID     id.ID
	Lane           id.ID
	Attempts       int64
}

const storedColumns = `seq, id, organization_id, endpoint_id, lane, attempts`

// send queues events in lanes apart from those of the events.
func (s *Service) send(ctx context.Context, tx *db.Tx, list []queued) error {
	lanes := map[laneKey]*newcomers{}
	var order []*newcomers
	targets := map[id.ID]bool{}
	for _, q := range list {
		k := laneKey{q.target, q.lane}
		if lanes[k] == nil {
			lanes[k] = &newcomers{laneKey: k, org: q.org}
			order = append(order, lanes[k])
		}
		lanes[k].queued++
		targets[q.target] = true
	}
	sortLanes(order)
	if _, err := s.upsertLanes(ctx, tx, order, s.now()); err != nil {
		return err
	}
	for t := range targets {
		s.wakeAfter(tx, t)
	}
	_, err := enqueue(ctx, tx, list)
	return err
}

// Replay is the sending again of many events, as the API shows it.
type Replay struct {
	ID             id.ID        `json:"id" doc:"The ID of the replay."`
	CreatedAt      time.Time    `json:"created_at"`
	FinishedAt     *time.Time   `json:"finished_at" doc:"When the last of its events had arrived or was given up."`
	OrganizationID id.ID        `json:"organization_id"`
	EndpointID     id.ID        `json:"endpoint_id" doc:"The endpoint whose events are sent again."`
	URL            *string      `json:"url" doc:"Where they are sent, when not to the endpoint."`
	Status         ReplayStatus `json:"status" doc:"Whether events are still being gathered, are being sent, or have all come to an end."`
	Total          int64        `json:"total" doc:"How many events there are, as far as they have been gathered."`
	Delivered      int64        `json:"delivered" doc:"How many have arrived."`
	Failed         int64        `json:"failed" doc:"How many were given up or could not be sent."`
}

// SchemaName is the name of the type in the document.
func (Replay) SchemaName() string { return "WebhookReplay" }

// ReplayStatus is how far a replay is.
type ReplayStatus string

// The statuses.
const (
	gathering ReplayStatus = "gathering"
	running   ReplayStatus = "running"
	finished  ReplayStatus = "finished"
)

// Enum lists the statuses.
func (ReplayStatus) Enum() []string { return []string{"gathering", "running", "finished"} }

// SchemaName is the name of the type in the document.
func (ReplayStatus) SchemaName() string { return "WebhookReplayStatus" }

const replayColumns = `id, created_at, finished_at, organization_id, endpoint_id, url, status, total, delivered, failed`

// ReplayFilter says which events are meant: all that match what is given.
type ReplayFilter struct {
	After      *time.Time  `json:"after" doc:"Only events after this time."`
	Before     *time.Time  `json:"before" doc:"Only events before this time."`
	CustomerID *id.ID      `json:"customer_id" doc:"Only events about this customer."`
	Types      []EventType `json:"types" default:"[]" doc:"Only events of these types; all when empty."`
	Missed     bool        `json:"missed" default:"false" doc:"Only events that have not arrived: given up, or skipped while the endpoint was disabled."`
}

// SchemaName is the name of the type in the document.
func (ReplayFilter) SchemaName() string { return "WebhookReplayFilter" }

// ReplayCreate is the body of a replay.
type ReplayCreate struct {
	ReplayFilter
	EndpointID id.ID    `json:"endpoint_id" doc:"The endpoint whose events are sent again."`
	URL        *Address `json:"url" doc:"Another address to send them to, signed with the endpoint's secret."`
}

// SchemaName is the name of the type in the document.
func (ReplayCreate) SchemaName() string { return "WebhookReplayCreate" }

const aboutReplay = "Send events again that happened before, to their endpoint or to another address. " +
	"Events of one customer are sent in their order, with the ID and body they had. Events still waiting to be delivered are left out, unless they go elsewhere."

type createReplayInput struct{ Body ReplayCreate }

func (s *Service) createReplay(ctx context.Context, sub auth.Subject, in createReplayInput) (out Replay, err error) {
	b := in.Body
	if b.URL != nil {
		if err := s.check(*b.URL); err != nil {
			return out, err
		}
	}
	err = s.DB.Write(ctx, func(tx *db.Tx) error {
		out, err = s.StartReplay(ctx, tx, sub, manageable(&sub), b)
		return err
	})
	return out, err
}

// StartReplay begins to send events of an endpoint of one of the organizations
// again.
func (s *Service) StartReplay(ctx context.Context, tx *db.Tx, actor auth.Subject, orgs []id.ID, b ReplayCreate) (out Replay, err error) {
	e, err := byID(ctx, tx, orgs, b.EndpointID, "")
	if err != nil {
		return out, err
	}
	now := s.now()
	out = Replay{ID: id.NewAt(now), CreatedAt: now, OrganizationID: e.OrganizationID, EndpointID: e.ID, Status: gathering}
	if b.URL != nil {
		out.URL = &b.URL.URL
		if err := insertTarget(ctx, tx, e.OrganizationID, out.ID, e.ID, out.URL); err != nil {
			return out, err
		}
	}
	upto, err := db.One[int64](ctx, tx, `SELECT COALESCE(MAX(seq), 0) FROM webhook_events WHERE organization_id = ? AND endpoint_id = ?`, e.OrganizationID, e.ID)
	if err != nil {
		return out, err
	}
	_, err = db.Exec(ctx, tx, `INSERT INTO webhook_replays (`+replayColumns+`, filter, position, upto) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		out.ID, out.CreatedAt, out.FinishedAt, out.OrganizationID, out.EndpointID, out.URL, out.Status, 0, 0, 0, schema.JSON(&b.ReplayFilter), 0, upto)
	if err != nil {
		return out, fmt.Errorf("insert webhook replay: %w", err)
	}
	told := out
	if told.URL != nil {
		redacted := (&Endpoint{URL: *told.URL}).PublicURL()
		told.URL = &redacted
	}
	journal.Append(tx, actor, journal.Entry{Organization: e.OrganizationID, Type: "webhook_replay.created", Subject: out.ID, After: schema.JSON(&told)})
	return out, s.Jobs.Enqueue(ctx, tx, JobReplay, replayArgs{out.OrganizationID, out.ID})
}

type getReplayInput struct {
	ID id.ID `path:"id" doc:"The webhook replay ID."`
}

func (s *Service) getReplay(ctx context.Context, sub auth.Subject, in getReplayInput) (Replay, error) {
	return FindReplay(ctx, s.DB, manageable(&sub), in.ID)
}

// FindReplay reads a replay of one of the organizations.
func FindReplay(ctx context.Context, q db.Querier, orgs []id.ID, replay id.ID) (Replay, error) {
	w := db.Where("id = ?", replay).In("organization_id", orgs)
	out, err := db.One[Replay](ctx, q, `SELECT `+replayColumns+` FROM webhook_replays`+w.SQL(), w.Args()...)
	if errors.Is(err, db.ErrNoRows) {
		return out, fault.NotFound.New()
	}
	return out, err
}

// JobReplay gathers the events of a replay, a piece at a time.
const JobReplay = "webhooks.replay"

type replayArgs struct {
	OrganizationID id.ID `json:"organization_id"`
	ID             id.ID `json:"id"`
}

// piece is how many events are queued in one transaction.
const piece = 500

type replayRow struct {
	Replay
	Filter   json.RawMessage
	Position int64
	Upto     int64
}

// Gather is the job that queues the next piece of a replay.
func (s *Service) Gather(ctx context.Context, tx *db.Tx, args json.RawMessage) error {
	tx.TouchNothing()
	var a replayArgs
	if err := json.Unmarshal(args, &a); err != nil {
		return err
	}
	r, err := a.read(ctx, tx, "")
	if err != nil {
		return err
	}
	list, err := r.next(ctx, tx)
	if err != nil {
		return err
	}
	if err := s.send(ctx, tx, r.queue(list)); err != nil {
		return err
	}
	// Locked after the lanes, as by those who record how its first events went.
	if r, err = a.read(ctx, tx, tx.ForUpdate()); err != nil {
		return err
	}
	more := len(list) == piece
	if more {
		r.Position = list[len(list)-1].Seq
	}
	r.Total += int64(len(list))
	if !more {
		r.Status = running
	}
	if err := s.settle(ctx, tx, &r); err != nil || !more {
		return err
	}
	return s.Jobs.Enqueue(ctx, tx, JobReplay, a, job.Key(string(a.ID)))
}

func (a replayArgs) read(ctx context.Context, tx *db.Tx, lock string) (replayRow, error) {
	r, err := db.One[replayRow](ctx, tx, `SELECT `+replayColumns+`, filter, position, upto FROM webhook_replays
		WHERE organization_id = ? AND id = ?`+lock, a.OrganizationID, a.ID)
	if err != nil {
		return r, fmt.Errorf("find webhook replay: %w", err)
	}
	return r, nil
}

// next reads the next events that match.
func (r *replayRow) next(ctx context.Context, tx *db.Tx) ([]stored, error) {
	var f ReplayFilter
	if err := json.Unmarshal(r.Filter, &f); err != nil {
		return nil, err
	}
	// What waits of those who were erased goes where it was to go, and nowhere else.
	w := db.Where("organization_id = ?", r.OrganizationID).And("endpoint_id = ?", r.EndpointID).And("payload IS NOT NULL").And("NOT erased").
		And("seq > ?", r.Position).And("seq <= ?", r.Upto).
		If(f.After, "created_at > ?").If(f.Before, "created_at < ?").If(f.CustomerID, "customer_id = ?")
	if len(f.Types) > 0 {
		w.In("type", f.Types)
	}
	if f.Missed {
		w.And("(succeeded = FALSE OR skipped AND succeeded IS NULL)")
	}
	if r.URL == nil {
		w.And("(skipped OR succeeded IS NOT NULL)")
	}
	return db.All[stored](ctx, tx, `SELECT `+storedColumns+` FROM webhook_events`+w.SQL()+` ORDER BY seq LIMIT ?`, append(w.Args(), piece)...)
}

func (r *replayRow) queue(list []stored) []queued {
	out := make([]queued, len(list))
	for i, e := range list {
		target := e.EndpointID
		if r.URL != nil {
			target = r.ID
		}
		out[i] = queued{org: e.OrganizationID, target: target, lane: laneFor(r.ID, e.Lane), event: e.ID, replay: &r.ID, manual: true}
	}
	return out
}

// countReplays notes the progress of the replays that results belong to.
func (s *Service) countReplays(ctx context.Context, tx *db.Tx, results []*result) error {
	keys, groups := sharing(results, func(r *result) (replayArgs, bool) {
		if r.ReplayID == nil || !r.first || r.verdict == retried {
			return replayArgs{}, false
		}
		return replayArgs{r.OrganizationID, *r.ReplayID}, true
	})
	slices.SortFunc(keys, func(a, b replayArgs) int { return cmp.Compare(a.ID, b.ID) }) // as judgeTargets does
	for _, k := range keys {
		r, err := k.read(ctx, tx, tx.ForUpdate())
		if err != nil {
			return err
		}
		for _, x := range groups[k] {
			if x.verdict == delivered {
				r.Delivered++
			} else {
				r.Failed++
			}
		}
		if err := s.settle(ctx, tx, &r); err != nil {
			return err
		}
	}
	return nil
}

// settle stores the numbers of a replay and ends one that has nothing left.
func (s *Service) settle(ctx context.Context, tx *db.Tx, r *replayRow) error {
	if r.Status == running && r.Delivered+r.Failed >= r.Total {
		now := s.now()
		r.Status, r.FinishedAt = finished, &now
	}
	_, err := db.Exec(ctx, tx, `UPDATE webhook_replays SET finished_at = ?, status = ?, total = ?, delivered = ?, failed = ?, position = ?
		WHERE organization_id = ? AND id = ?`, r.FinishedAt, r.Status, r.Total, r.Delivered, r.Failed, r.Position, r.OrganizationID, r.ID)
	if err != nil {
		return fmt.Errorf("save webhook replay: %w", err)
	}
	return nil
}
