package grant

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"floe/internal/auth"
	"floe/internal/benefit"
	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/journal"
	"floe/internal/schema"
)

var empty = json.RawMessage("{}")

// work is one grant on its way from what it was to what it becomes.
type work struct {
	Row
	before Row
	isNew  bool
	event  string    // what the journal is told; nothing happened when empty
	at     time.Time // when it happens; see batch.timeOf

	task       *Task
	candidates []Row
}

// batch is many grants of an organization that change in one transaction. What
// happens to them is decided first and written last, in few statements.
type batch struct {
	ctx      context.Context
	s        *Service
	tx       *db.Tx
	actor    auth.Subject
	org      id.ID
	benefits map[id.ID]benefit.Row
	done     []*work

	known       map[id.ID]knownKey // by the grants of the keys
	newKeys     []*Key
	changedKeys map[keyChange][]id.ID // by the grants of the keys
	revokedKeys map[time.Time][]id.ID // the grants of the keys, by when it happens
}

func (s *Service) batch(ctx context.Context, tx *db.Tx, actor auth.Subject, org id.ID) *batch {
	return &batch{ctx: ctx, s: s, tx: tx, actor: actor, org: org, benefits: map[id.ID]benefit.Row{}, changedKeys: map[keyChange][]id.ID{},
		revokedKeys: map[time.Time][]id.ID{}}
}

// timeOf is when something happens to a grant.
func (b *batch) timeOf(w *work) time.Time {
	if w.at.IsZero() {
		return b.tx.Now()
	}
	return w.at
}

// live reads benefits that are to be given.
func (b *batch) live(ids []id.ID) (err error) {
	b.benefits, err = benefit.Live(b.ctx, b.tx, b.org, ids)
	return err
}

// types reads the benefits of grants that were found, deleted ones too.
func (b *batch) types(list []*work) error {
	var missing []id.ID
	for _, w := range list {
		if _, ok := b.benefits[w.BenefitID]; !ok {
			missing = append(missing, w.BenefitID)
		}
	}
	slices.Sort(missing)
	for ids := range slices.Chunk(slices.Compact(missing), piece) {
		rows, err := benefit.ByIDs(b.ctx, b.tx, []id.ID{b.org}, ids)
		if err != nil {
			return err
		}
		for k, r := range rows {
			b.benefits[k] = r
		}
	}
	return nil
}

// take revokes grants, one after the other. What they stand for ends with them,
// unless the holder has the benefit through something else too, also through one
// that is revoked after it; with always it ends in any case.
func (b *batch) take(list []*work, always bool) error {
	counts, err := b.shared(list, always)
	if err != nil {
		return err
	}
	for _, w := range list {
		now := b.timeOf(w)
		typ := b.benefits[w.BenefitID].Type
		by := heldBy(w.CustomerID, w.MemberID, w.BenefitID)
		if counts[by]--; counts[by] <= 0 || single(typ) {
			w.Properties = b.revoked(w, typ)
		}
		w.GrantedAt, w.RevokedAt, w.Error = nil, &now, nil
		b.happened(w, "benefit_grant.revoked")
	}
	return nil
}

// shared counts what holders have a benefit through. Types for which it makes no
// difference are not asked for.
func (b *batch) shared(list []*work, always bool) (map[held]int64, error) {
	if always {
		return map[held]int64{}, nil
	}
	var ask []*work
	for _, w := range list {
		if typ := b.benefits[w.BenefitID].Type; !single(typ) && typ != benefit.Custom && typ != benefit.FeatureFlag {
			ask = append(ask, w)
		}
	}
	if len(ask) == 0 {
		return map[held]int64{}, nil
	}
	return holdings(b.ctx, b.tx, b.org, ask)
}

// give grants benefits, or with anew runs those that are granted once more
// because the benefit has changed.
func (b *batch) give(list []*work, anew bool) error {
	if err := b.keys(list); err != nil {
		return err
	}
	for _, w := range list {
		now := b.timeOf(w)
		properties, problem := b.granted(w, b.benefits[w.BenefitID], anew)
		w.GrantedAt, w.RevokedAt, w.Error = &now, nil, nil
		if problem != "" {
			w.GrantedAt = nil
			w.Error = schema.JSON(&Failure{Message: problem, Type: actionRequired, Timestamp: schema.Offset(now)})
		} else {
			w.Properties = properties
		}
		if anew {
			b.happened(w, "benefit_grant.updated")
		} else {
			b.happened(w, "benefit_grant.created")
		}
	}
	return nil
}

// cycle renews grants.
func (b *batch) cycle(list []*work) {
	for _, w := range list {
		w.Properties = b.renewed(w, b.benefits[w.BenefitID])
		b.happened(w, "benefit_grant.cycled")
	}
}

func (b *batch) happened(w *work, event string) {
	w.event = event
	if !w.isNew {
		now := b.timeOf(w)
		w.ModifiedAt = &now
	}
	b.done = append(b.done, w)
}

// save writes what was decided, and tells the journal.
func (b *batch) save() error {
	var whole []*work
	alike := map[string][]id.ID{}
	for _, w := range b.done {
		if w.isNew || len(w.Error) > 0 || !b.timeOf(w).Equal(b.tx.Now()) || string(w.Properties) != string(w.before.Properties) {
			whole = append(whole, w)
		} else {
			alike[w.event] = append(alike[w.event], w.ID)
		}
	}
	if err := put(b.ctx, b.tx, whole); err != nil {
		return err
	}
	if err := b.saveAlike(alike); err != nil {
		return err
	}
	if err := b.saveKeys(); err != nil {
		return err
	}
	for _, w := range b.done {
		journal.Append(b.tx, b.actor, b.entry(w))
	}
	return nil
}

func (b *batch) saveAlike(alike map[string][]id.ID) error {
	now := b.tx.Now()
	var none *time.Time
	for _, event := range []string{"benefit_grant.revoked", "benefit_grant.updated", "benefit_grant.created", "benefit_grant.cycled"} {
		ids := alike[event]
		if len(ids) == 0 {
			continue
		}
		var err error
		switch event {
		case "benefit_grant.revoked":
			err = mark(b.ctx, b.tx, b.org, ids, none, &now)
		case "benefit_grant.cycled":
			err = touch(b.ctx, b.tx, b.org, ids)
		default:
			err = mark(b.ctx, b.tx, b.org, ids, &now, none)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) entry(w *work) journal.Entry {
	after := event{
		CreatedAt: w.CreatedAt, ModifiedAt: w.ModifiedAt, ID: w.ID, GrantedAt: w.GrantedAt, IsGranted: w.GrantedAt != nil,
		RevokedAt: w.RevokedAt, IsRevoked: w.RevokedAt != nil, SubscriptionID: w.SubscriptionID, OrderID: w.OrderID, CustomerID: w.CustomerID,
		MemberID: w.MemberID, BenefitID: w.BenefitID, BenefitType: b.benefits[w.BenefitID].Type, Error: w.Error,
		Properties: w.Properties, PreviousProperties: w.before.Properties,
	}
	e := journal.Entry{Organization: b.org, Type: w.event, Customer: w.CustomerID, Subject: w.ID, After: schema.JSON(&after), At: b.timeOf(w)}
	if !w.isNew && w.event != "benefit_grant.cycled" {
		e.Before = schema.JSON(&change{w.before.GrantedAt, w.before.RevokedAt, w.before.Error})
	}
	return e
}
