package grant

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"floe/internal/auth"
	"floe/internal/benefit"
	"floe/internal/customer"
	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/organization"
	"floe/internal/product"
)

// SyncAll is Sync for many customers of an organization at once, with as many
// statements as for one.
func (s *Service) SyncAll(ctx context.Context, tx *db.Tx, actor auth.Subject, org id.ID, tasks []Task) error {
	if len(tasks) == 0 {
		return nil
	}
	b := s.batch(ctx, tx, actor, org)
	if err := b.live(wanted(tasks)); err != nil {
		return err
	}
	rows, err := bySources(ctx, tx, org, sourcesOf(tasks), "")
	if err != nil {
		return err
	}
	var take, give []*work
	for i := range tasks {
		t, g := tasks[i].plan(rows[tasks[i].Source.id()], b.benefits)
		take, give = append(take, t...), append(give, g...)
	}
	if err := b.types(take); err != nil {
		return err
	}
	if err := b.take(take, false); err != nil {
		return err
	}
	if err := b.hold(give); err != nil {
		return err
	}
	if err := b.give(give, false); err != nil {
		return err
	}
	return b.save()
}

// wanted are the benefits that somebody is entitled to.
func wanted(tasks []Task) []id.ID {
	var out []id.ID
	for _, t := range tasks {
		if t.Entitled {
			out = append(out, t.Benefits...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func sourcesOf(tasks []Task) []id.ID {
	out := make([]id.ID, len(tasks))
	for i := range tasks {
		out[i] = tasks[i].Source.id()
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// plan says what has to be taken and what has to be given, of the grants that
// there are.
func (t *Task) plan(rows []Row, live map[id.ID]benefit.Row) (take, give []*work) {
	known := map[id.ID]*Row{}
	settled := map[id.ID]bool{}
	for i := range rows {
		r := &rows[i]
		if t.Member != "" && (r.MemberID == nil || *r.MemberID != t.Member) || r.CustomerID != t.Customer.ID {
			continue
		}
		switch {
		case r.GrantedAt != nil && (!t.Entitled || !slices.Contains(t.Benefits, r.BenefitID)):
			take = append(take, &work{Row: *r, before: *r, at: t.At})
		case r.GrantedAt != nil, r.waiting():
			settled[r.BenefitID] = true
		default:
			known[r.BenefitID] = r
		}
	}
	if !t.Entitled {
		return take, nil
	}
	for i, b := range t.Benefits {
		if _, ok := live[b]; !ok || settled[b] || slices.Contains(t.Benefits[:i], b) {
			continue
		}
		w := &work{task: t, Row: Row{BenefitID: b}, at: t.At}
		if known[b] != nil {
			w.candidates = rows
		}
		give = append(give, w)
	}
	return take, give
}

// hold says who gets each of the grants, and finds the row that there is for
// them already or makes it.
func (b *batch) hold(give []*work) error {
	if len(give) == 0 {
		return nil
	}
	features, err := organization.Features(b.ctx, b.tx, b.org)
	if err != nil {
		return err
	}
	holders, err := b.holders(give, features.Members())
	if err != nil {
		return err
	}
	for _, w := range give {
		member := holders[w.task]
		w.found(b, member)
	}
	return nil
}

// holders are the members who get what the tasks give; nil is nobody but the
// customer.
func (b *batch) holders(give []*work, members bool) (map[*Task]*id.ID, error) {
	var owned, companies, named []id.ID
	for _, w := range give {
		switch {
		case w.task.Customer.DeletedAt != nil:
			return nil, ErrDeletedCustomer
		case w.task.Member != "":
			companies, named = append(companies, w.task.Customer.ID), append(named, w.task.Member)
		case members && w.task.Seats:
			return nil, ErrMemberRequired
		case members:
			owned = append(owned, w.task.Customer.ID)
		}
	}
	people, err := customer.MembersByID(b.ctx, b.tx, []id.ID{b.org}, companies, named)
	if err != nil {
		return nil, err
	}
	owners, err := customer.Owners(b.ctx, b.tx, b.org, owned)
	if err != nil {
		return nil, err
	}
	out := make(map[*Task]*id.ID, len(give))
	for _, w := range give {
		t := w.task
		if _, done := out[t]; done {
			continue
		}
		if t.Member != "" {
			m, ok := people[t.Member]
			switch {
			case ok && m.CustomerID == t.Customer.ID && m.DeletedAt == nil:
				out[t] = pointer(m.ID)
			case members:
				return nil, fmt.Errorf("%w: %s", ErrMemberNotFound, t.Member)
			default:
				out[t] = nil
			}
			continue
		}
		if !members {
			out[t] = nil
			continue
		}
		owner, ok := owners[t.Customer.ID]
		if !ok {
			m, err := b.s.Customers.Owner(b.ctx, b.tx, b.actor, &t.Customer)
			if err != nil {
				return nil, fmt.Errorf("find the owner of customer %s: %w", t.Customer.ID, err)
			}
			owner = m.ID
			owners[t.Customer.ID] = owner
		}
		out[t] = pointer(owner)
	}
	return out, nil
}

// found fills in the row of a grant for a holder: the one that there is, or a
// new one.
func (w *work) found(b *batch, member *id.ID) {
	holder := w.task.Customer.ID
	if member != nil {
		holder = *member
	}
	for _, r := range w.candidates {
		if r.BenefitID == w.BenefitID && r.HolderID == holder {
			w.Row, w.before = r, r
			return
		}
	}
	now := b.timeOf(w)
	w.isNew = true
	w.Row = Row{
		ID: b.tx.NewID(now), OrganizationID: b.org, CreatedAt: now, CustomerID: w.task.Customer.ID, MemberID: member, BenefitID: w.BenefitID,
		SubscriptionID: pointer(w.task.Source.SubscriptionID), OrderID: pointer(w.task.Source.OrderID), SourceID: w.task.Source.id(),
		HolderID: holder, Properties: empty,
	}
	w.before = w.Row
}

// Resync makes the grants of all who hold a product follow its benefits, which
// have changed.
func (s *Service) Resync(ctx context.Context, tx *db.Tx, actor auth.Subject, org, productID id.ID) error {
	found, err := s.Sources.OfProduct(ctx, tx, org, productID)
	if err != nil || len(found) == 0 {
		return err
	}
	if err := expected(tx, productID, customersOf(found)); err != nil {
		return err
	}
	customers, err := s.lockAll(ctx, tx, org, customersOf(found))
	if err != nil {
		return err
	}
	// What was found before the locks may have changed while waiting for them.
	if found, err = s.Sources.OfProduct(ctx, tx, org, productID); err != nil {
		return err
	}
	products, err := product.Load(ctx, tx, []id.ID{org}, productID)
	if err != nil {
		return err
	}
	var tasks []Task
	for _, f := range found {
		c, ok := customers[f.Customer]
		if !ok || c.DeletedAt != nil {
			continue
		}
		tasks = append(tasks, Task{Customer: c, Source: f.Source, Benefits: products[productID].BenefitIDs, Entitled: f.Entitled, Member: f.Member})
	}
	return s.SyncAll(ctx, tx, actor, org, tasks)
}

func (s *Service) lockAll(ctx context.Context, tx *db.Tx, org id.ID, ids []id.ID) (map[id.ID]customer.Row, error) {
	slices.Sort(ids)
	out := make(map[id.ID]customer.Row, len(ids))
	for part := range slices.Chunk(slices.Compact(ids), piece) {
		rows, err := s.Customers.LockAll(ctx, tx, org, part)
		if err != nil {
			return nil, err
		}
		maps.Copy(out, rows)
	}
	return out, nil
}

// CycleAll is Cycle for many subscriptions at once.
func (s *Service) CycleAll(ctx context.Context, tx *db.Tx, actor auth.Subject, org id.ID, renewals []Renewal) error {
	sources := make([]id.ID, len(renewals))
	for i, r := range renewals {
		sources[i] = r.Subscription
	}
	rows, err := bySources(ctx, tx, org, sources, "granted_at IS NOT NULL")
	if err != nil || len(rows) == 0 {
		return err
	}
	b := s.batch(ctx, tx, actor, org)
	var list []*work
	for _, renewal := range renewals {
		for _, r := range rows[renewal.Subscription] {
			list = append(list, &work{Row: r, before: r, at: renewal.At})
		}
		delete(rows, renewal.Subscription) // named twice, it is renewed once
	}
	if err := b.types(list); err != nil {
		return err
	}
	b.cycle(list)
	return b.save()
}

// AskHolders asks who of customers has benefits that RevokeAll would revoke.
func (s *Service) AskHolders(reads *db.Reads, org id.ID, customers []id.ID) *[]id.ID {
	w := db.Where("organization_id = ?", org).In("customer_id", customers).And("granted_at IS NOT NULL")
	return db.Ask[id.ID](reads, `SELECT DISTINCT customer_id FROM benefit_grants`+w.SQL(), w.Args()...)
}

// RevokeAll takes everything from a customer who is being deleted, whatever
// else would entitle them to it.
func (s *Service) RevokeAll(ctx context.Context, tx *db.Tx, actor auth.Subject, org, customerID id.ID) error {
	_, err := s.end(ctx, tx, actor, org, db.Where("organization_id = ? AND customer_id = ? AND granted_at IS NOT NULL", org, customerID))
	return err
}

// RevokeMember takes everything from a member who is being deleted. Who was the
// owner before may have what the customer still pays for: the owner of now gets
// that.
func (s *Service) RevokeMember(ctx context.Context, tx *db.Tx, actor auth.Subject, org, customerID, member id.ID) error {
	lost, err := s.end(ctx, tx, actor, org,
		db.Where("organization_id = ? AND customer_id = ? AND member_id = ? AND granted_at IS NOT NULL", org, customerID, member))
	if err != nil || len(lost) == 0 {
		return err
	}
	return s.inherit(ctx, tx, actor, org, customerID, lost)
}

// inherit gives to the owner of a customer what another has lost and the
// customer is entitled to. Seats are those of who has claimed them, and end.
func (s *Service) inherit(ctx context.Context, tx *db.Tx, actor auth.Subject, org, customerID id.ID, lost []*work) error {
	found, err := s.Sources.OfCustomer(ctx, tx, org, customerID)
	if err != nil || len(found) == 0 {
		return err
	}
	customers, err := s.Customers.LockAll(ctx, tx, org, []id.ID{customerID})
	if err != nil {
		return err
	}
	tasks, products := map[id.ID]*Task{}, map[id.ID]id.ID{}
	for _, f := range found {
		if f.Entitled && f.Member == "" {
			tasks[f.id()] = &Task{Customer: customers[customerID], Source: f.Source, Entitled: true}
			products[f.id()] = f.Product
		}
	}
	if len(tasks) == 0 {
		return nil
	}
	sold, err := product.Load(ctx, tx, []id.ID{org}, slices.Collect(maps.Values(products))...)
	if err != nil {
		return err
	}
	rows, err := bySources(ctx, tx, org, slices.Sorted(maps.Keys(tasks)), "")
	if err != nil {
		return err
	}
	var give []*work
	var benefits []id.ID
	for _, w := range lost {
		t, entitled := tasks[w.SourceID]
		if !entitled || !slices.Contains(sold[products[w.SourceID]].BenefitIDs, w.BenefitID) {
			continue
		}
		give = append(give, &work{task: t, Row: Row{BenefitID: w.BenefitID}, candidates: rows[w.SourceID]})
		benefits = append(benefits, w.BenefitID)
	}
	b := s.batch(ctx, tx, actor, org)
	if err := b.live(benefits); err != nil {
		return err
	}
	if err := b.hold(give); err != nil {
		return err
	}
	give = slices.DeleteFunc(give, func(w *work) bool { return w.GrantedAt != nil }) // the owner has it through the same already
	if err := b.give(give, false); err != nil {
		return err
	}
	return b.save()
}

// BenefitDeleted takes a benefit from all who have it.
func (s *Service) BenefitDeleted(ctx context.Context, tx *db.Tx, actor auth.Subject, r benefit.Row) error {
	if err := expectedHolders(ctx, tx, r); err != nil {
		return err
	}
	_, err := s.end(ctx, tx, actor, r.OrganizationID,
		db.Where("organization_id = ? AND benefit_id = ? AND granted_at IS NOT NULL", r.OrganizationID, r.ID))
	return err
}

// end revokes what is granted because what it hangs on goes away.
func (s *Service) end(ctx context.Context, tx *db.Tx, actor auth.Subject, org id.ID, w *db.W) ([]*work, error) {
	list, err := s.works(ctx, tx, w)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	b := s.batch(ctx, tx, actor, org)
	if err := b.types(list); err != nil {
		return nil, err
	}
	if err := b.take(list, true); err != nil {
		return nil, err
	}
	return list, b.save()
}

// works reads and locks grants to work on. They come customer by customer, so
// that the journal numbers its entries in one order for all transactions.
func (s *Service) works(ctx context.Context, tx *db.Tx, w *db.W) ([]*work, error) {
	rows, err := locked(ctx, tx, w)
	if err != nil {
		return nil, err
	}
	out := make([]*work, len(rows))
	for i, r := range rows {
		out[i] = &work{Row: r, before: r}
	}
	return out, nil
}

// BenefitChanged runs the grants of a benefit anew when its new properties
// make a difference to them. Only what is granted is touched.
func (s *Service) BenefitChanged(ctx context.Context, tx *db.Tx, actor auth.Subject, before, after benefit.Row) error {
	if !matters(before, after) {
		return nil
	}
	if err := expectedHolders(ctx, tx, after); err != nil {
		return err
	}
	org := after.OrganizationID
	list, err := s.works(ctx, tx, db.Where("organization_id = ? AND benefit_id = ? AND granted_at IS NOT NULL", org, after.ID).
		And("NOT EXISTS (SELECT 1 FROM customers c WHERE c.organization_id = ? AND c.id = customer_id AND c.deleted_at IS NOT NULL)", org))
	if err != nil || len(list) == 0 {
		return err
	}
	b := s.batch(ctx, tx, actor, org)
	b.benefits[after.ID] = after
	if err := b.give(list, true); err != nil {
		return err
	}
	return b.save()
}
