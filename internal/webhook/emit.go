package webhook

import (
	"context"
	"fmt"
	"strings"
	"time"

	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/journal"
)

// listener is an endpoint as the writing of events sees it.
type listener struct {
	destination
	Format Format
	Mask   int64
	name   string // of the organization, for the chats
}

// Recording finds out who wants to be told: one query for an organization, and
// nothing more where there is nobody.
func (s *Service) Recording(ctx context.Context, tx *db.Tx, entries []journal.Entry) (more []journal.Entry, written journal.Written, err error) {
	var all []listener
	for org, mask := range s.wanted(entries) {
		list, err := listeners(ctx, tx, org, mask)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, list...)
	}
	if len(all) == 0 {
		return nil, nil, nil
	}
	return s.states(all, entries), func(ctx context.Context, tx *db.Tx, entries []journal.Entry) error {
		return s.emit(ctx, tx, all, entries)
	}, nil
}

// wanted are the types that somebody could be told of, by organization.
func (s *Service) wanted(entries []journal.Entry) map[id.ID]int64 {
	out := map[id.ID]int64{}
	for i := range entries {
		e := &entries[i]
		mask := int64(0)
		if s.tells(e) {
			mask = bit(e.Type)
		}
		if s.changesState(e) {
			mask |= bit(string(StateChanged))
		}
		if mask != 0 {
			out[e.Organization] |= mask
		}
	}
	return out
}

// changesState says whether a change is one to what a customer has. What is
// recorded without telling anybody, such as an import, is none.
func (s *Service) changesState(e *journal.Entry) bool {
	if e.Customer == "" || !s.tells(e) && bit(e.Type) != 0 || e.Type == string(StateChanged) {
		return false
	}
	kind := kindOf(e)
	return kind == "customer" || kind == "subscription" || kind == "benefit_grant" || kind == "customer_meter"
}

// tells says whether there is a payload to tell of an entry.
func (s *Service) tells(e *journal.Entry) bool {
	return e.Payload != nil || s.Objects[kindOf(e)] != nil
}

// kindOf is the first word of an entry's type: what it is about.
func kindOf(e *journal.Entry) string {
	kind, _, _ := strings.Cut(e.Type, ".")
	return kind
}

// listeners are the endpoints that want one of the types. One that the server
// has switched off is among them: what it misses is kept.
func listeners(ctx context.Context, tx *db.Tx, org id.ID, mask int64) ([]listener, error) {
	list, err := db.All[listener](ctx, tx, `SELECT `+destinationColumns+`, e.format, e.mask
		FROM webhook_endpoints e JOIN webhook_targets t ON t.id = e.id
		WHERE e.organization_id = ? AND e.deleted_at IS NULL AND (e.enabled OR e.disabled_reason IS NOT NULL) AND (e.mask & ?) <> 0
		ORDER BY e.created_at, e.id`, org, mask)
	if err != nil {
		return nil, fmt.Errorf("find webhook endpoints: %w", err)
	}
	for i := range list {
		if list[i].Format == Raw {
			continue
		}
		list[i].name, err = db.One[string](ctx, tx, `SELECT name FROM organizations WHERE id = ?`, org)
		if err != nil {
			return nil, fmt.Errorf("find the organization's name: %w", err)
		}
	}
	return list, nil
}

// states are the entries for customer.state_changed: one for each customer
// whose state the transaction has changed, where an endpoint wants it.
func (s *Service) states(all []listener, entries []journal.Entry) (out []journal.Entry) {
	orgs := map[id.ID]bool{}
	for _, l := range all {
		if l.Mask&bit(string(StateChanged)) != 0 {
			orgs[l.OrganizationID] = true
		}
	}
	seen := map[id.ID]int{}
	for i := range entries {
		e := &entries[i]
		if !orgs[e.Organization] || !s.changesState(e) {
			continue
		}
		if at, ok := seen[e.Customer]; ok { // a test clock may have moved meanwhile
			out[at].At = e.At
			continue
		}
		seen[e.Customer] = len(out)
		org, customer := e.Organization, e.Customer
		out = append(out, journal.Entry{
			Organization: org, Type: string(StateChanged), Customer: customer, Subject: customer, At: e.At,
			Payload: journal.Render(func(ctx context.Context, tx *db.Tx) (any, error) { return s.State.Of(ctx, tx, org, customer) }),
		})
	}
	return out
}

// event is a row of webhook_events on its way in.
type event struct {
	id       id.ID
	to       *listener
	entry    *journal.Entry
	payload  string
	previous int64
	seq      int64 // in the queue
}

func (e *event) key() laneKey { return laneKey{e.to.ID, e.lane()} }

// lane is the unit of order: the customer, or else the row that changed, or
// else the organization.
func (e *event) lane() id.ID {
	switch {
	case e.entry.Customer != "":
		return e.entry.Customer
	case e.entry.Subject != "":
		return e.entry.Subject
	}
	return e.entry.Organization
}

// emit writes an event for each entry and endpoint that wants it, and queues
// it where the endpoint is on.
func (s *Service) emit(ctx context.Context, tx *db.Tx, all []listener, entries []journal.Entry) error {
	now := s.now()
	events, err := s.render(ctx, tx, all, entries, now)
	if err != nil || len(events) == 0 {
		return err
	}
	// The lanes come first: that locks them, and so the numbers of the queue are
	// given in their order.
	ours, err := s.enterLanes(ctx, tx, events, now)
	if err != nil {
		return err
	}
	if err := insertQueue(ctx, tx, events); err != nil {
		return err
	}
	if err := insertEvents(ctx, tx, events, now); err != nil {
		return err
	}
	s.pass(tx, events, ours, now)
	return nil
}

func (s *Service) render(ctx context.Context, tx *db.Tx, all []listener, entries []journal.Entry, now time.Time) (events []event, err error) {
	for i := range entries {
		e := &entries[i]
		mask := bit(e.Type)
		if mask == 0 || !s.tells(e) {
			continue
		}
		var m *message
		for j := range all {
			l := &all[j]
			if l.OrganizationID != e.Organization || l.Mask&mask == 0 {
				continue
			}
			if m == nil {
				if m, err = s.newMessage(ctx, tx, e, now); err != nil {
					return nil, err
				}
			}
			if body := m.in(l); body != "" {
				events = append(events, event{id: id.New(), to: l, entry: e, payload: body})
			}
		}
	}
	return events, nil
}

// pass has the deliveries begin once the transaction is durable: what belongs
// to this process already goes straight to where it is sent, and what does not
// is for whoever claims it.
func (s *Service) pass(tx *db.Tx, events []event, ours map[laneKey]bool, now time.Time) {
	chains := map[laneKey][]*task{}
	var order []laneKey
	waiting := map[id.ID]bool{}
	for i := range events {
		e := &events[i]
		k := e.key()
		switch {
		case !e.to.Enabled:
		case !ours[k]:
			if !e.to.blocked(now) {
				waiting[e.to.ID] = true
			}
		default:
			if chains[k] == nil {
				order = append(order, k)
			}
			chains[k] = append(chains[k], e.task(now))
		}
	}
	for target := range waiting {
		s.wakeAfter(tx, target)
	}
	if len(order) == 0 {
		return
	}
	tx.AfterCommit(func() {
		for _, k := range order {
			s.take(chains[k])
		}
	})
}

// task is the event as claiming it would find it.
func (e *event) task(now time.Time) *task {
	t := &task{
		to:        &e.to.destination,
		queuedRow: queuedRow{Seq: e.seq, Lane: e.lane(), EventID: e.id},
		eventRow: eventRow{
			ID: e.id, OrganizationID: e.entry.Organization, EndpointID: e.to.ID, Type: e.entry.Type, Payload: &e.payload, CreatedAt: now,
		},
	}
	if e.entry.Customer != "" {
		t.CustomerSeq, t.PreviousSeq = &e.entry.Seq, &e.previous
	}
	return t
}

// Erased forgets the messages about a person. What is still to be sent is
// forgotten when it was.
func (s *Service) Erased(ctx context.Context, tx *db.Tx, organization, customer id.ID) error {
	if err := lockLanes(ctx, tx, organization, customer); err != nil {
		return err
	}
	// First the mark, then the payloads of what waits no longer: a delivery that
	// is being recorded either sees the mark or was recorded before the second
	// statement looks. One statement for both would, on PostgreSQL, wait for that
	// record and still go by the queue as it was before.
	_, err := db.Exec(ctx, tx, `UPDATE webhook_events SET erased = TRUE WHERE organization_id = ? AND customer_id = ?`, organization, customer)
	if err != nil {
		return fmt.Errorf("mark webhook events as erased: %w", err)
	}
	_, err = db.Exec(ctx, tx, `UPDATE webhook_events SET payload = NULL
		WHERE organization_id = ? AND customer_id = ? AND payload IS NOT NULL AND NOT EXISTS (
			SELECT 1 FROM webhook_queue q WHERE q.event_id = webhook_events.id AND q.lane = webhook_events.lane AND q.target_id = webhook_events.endpoint_id)`,
		organization, customer)
	if err != nil {
		return fmt.Errorf("erase from the webhook events: %w", err)
	}
	_, err = db.Exec(ctx, tx, `UPDATE webhook_deliveries SET response = NULL
		WHERE organization_id = ? AND response IS NOT NULL AND event_id IN (
			SELECT id FROM webhook_events WHERE organization_id = ? AND customer_id = ?)`, organization, organization, customer)
	if err != nil {
		return fmt.Errorf("erase from the webhook deliveries: %w", err)
	}
	return nil
}

// lockLanes locks the lanes of a customer before their events, in the order of
// those who record deliveries: on PostgreSQL one would wait for the other in a
// circle.
func lockLanes(ctx context.Context, tx *db.Tx, organization, customer id.ID) error {
	lock := tx.ForUpdate()
	if lock == "" {
		return nil
	}
	_, err := db.All[id.ID](ctx, tx, `SELECT target_id FROM webhook_lanes WHERE organization_id = ? AND lane = ? ORDER BY target_id`+lock, organization, customer)
	if err != nil {
		return fmt.Errorf("lock webhook lanes: %w", err)
	}
	return nil
}
