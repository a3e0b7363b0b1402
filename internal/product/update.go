package product

import (
	"context"
	"encoding/json"
	"strconv"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/journal"
	"floe/internal/organization"
	"floe/internal/period"
	"floe/internal/schema"
)

// Update is the body of a change. What is absent stays.
type Update struct {
	Metadata               schema.Opt[schema.MetadataInput]   `json:"metadata"`
	TrialInterval          schema.Opt[*TrialInterval]         `json:"trial_interval" doc:"The unit of the trial; null for none."`
	TrialIntervalCount     schema.Opt[*int]                   `json:"trial_interval_count" ge:"1" le:"1000" doc:"How many units the trial lasts."`
	Name                   schema.Opt[Name]                   `json:"name" doc:"The name of the product." example:"\"Pro\""`
	Description            schema.Opt[*string]                `json:"description" trim:"null" doc:"What the product is."`
	RecurringInterval      schema.Opt[*period.Interval]       `json:"recurring_interval" doc:"It can only be set on subscriptions of old that have none."`
	RecurringIntervalCount schema.Opt[*int]                   `json:"recurring_interval_count" ge:"1" le:"999" doc:"It can only be set on subscriptions of old that have none."`
	IsArchived             schema.Opt[bool]                   `json:"is_archived" doc:"Whether the product is no longer offered. Who owns it keeps it."`
	Visibility             schema.Opt[Visibility]             `json:"visibility" doc:"Where the product is offered."`
	Prices                 schema.Opt[*[]PriceUpdate]         `json:"prices" doc:"All prices that the product is to have: the IDs of those that stay, and new ones. What is not listed is archived."`
	Medias                 schema.Opt[*[]id.ID]               `json:"medias" doc:"Pictures: the IDs of uploaded files, in order."`
	AttachedCustomFields   schema.Opt[*[]AttachedFieldCreate] `json:"attached_custom_fields" doc:"What customers are asked for at the checkout, in order."`
}

// SchemaName is the name of the reference.
func (Update) SchemaName() string { return "ProductUpdate" }

// CheckNode asks for both halves of a trial.
func (u *Update) CheckNode(n *schema.Node, at *schema.At) {
	if (u.TrialInterval.Value == nil) != (u.TrialIntervalCount.Value == nil) {
		at.Report("missing", trialTogether, n)
	}
}

// empty says whether the body names no field at all.
func (u *Update) empty() bool {
	return !(u.Metadata.Set || u.TrialInterval.Set || u.TrialIntervalCount.Set || u.Name.Set || u.Description.Set || u.RecurringInterval.Set ||
		u.RecurringIntervalCount.Set || u.IsArchived.Set || u.Visibility.Set || u.Prices.Set || u.Medias.Set || u.AttachedCustomFields.Set)
}

type updateInput struct {
	ID   id.ID `path:"id" doc:"The product ID."`
	Body Update
}

func (s *Service) update(ctx context.Context, sub auth.Subject, in updateInput) (Full, error) {
	return s.change(ctx, sub, in.ID, func(tx *db.Tx, l *Loaded) error {
		return s.Update(ctx, tx, sub, l, in.Body)
	})
}

// change loads a product that the caller may manage, has it changed, and
// answers the result.
func (s *Service) change(ctx context.Context, sub auth.Subject, product id.ID, do func(*db.Tx, *Loaded) error) (out Full, err error) {
	err = s.DB.Write(ctx, func(tx *db.Tx) error {
		out, err = s.changeIn(ctx, tx, sub, product, do)
		return err
	})
	return out, err
}

// changeIn is change in a transaction of the caller's.
func (s *Service) changeIn(ctx context.Context, tx *db.Tx, sub auth.Subject, product id.ID, do func(*db.Tx, *Loaded) error) (Full, error) {
	l, err := s.lock(ctx, tx, sub, product)
	if err != nil {
		return Full{}, err
	}
	if err := do(tx, &l); err != nil {
		return Full{}, err
	}
	return s.one(ctx, tx, l)
}

// lock reads a live product that the subject may manage and that is about to
// change.
func (s *Service) lock(ctx context.Context, tx *db.Tx, sub auth.Subject, product id.ID) (Loaded, error) {
	return manageable(ctx, tx, sub, product, tx.ForUpdate())
}

func manageable(ctx context.Context, tx *db.Tx, sub auth.Subject, product id.ID, lock string) (Loaded, error) {
	r, err := byID(ctx, tx, visible(&sub), product, lock)
	if err != nil {
		return Loaded{}, err
	}
	if !sub.May(r.OrganizationID, auth.ProductsManage) {
		return Loaded{}, fault.NotPermitted.New(auth.ProductsManage.Denied())
	}
	list, err := load(ctx, tx, []Row{r})
	if err != nil {
		return Loaded{}, err
	}
	return list[0], nil
}

// Update applies a body to a product. The event is recorded even when nothing
// changes, because clients rely on it.
func (s *Service) Update(ctx context.Context, tx *db.Tx, actor auth.Subject, l *Loaded, u Update) error {
	before := recordOf(l)
	problems := &schema.Problems{Business: true}
	l.applyInterval(&u, problems)
	added, archived, err := l.applyPrices(ctx, tx, &u, problems)
	if err != nil {
		return err
	}
	l.applyTrial(&u, problems)
	unknownFiles(u.Medias.Value, problems)
	if u.AttachedCustomFields.Value != nil {
		unknownFields(*u.AttachedCustomFields.Value, problems)
	}
	if err := problems.Err(); err != nil {
		return err
	}
	l.applyPlain(&u)
	if !u.empty() {
		now := tx.Now()
		l.ModifiedAt = &now
		if err := save(ctx, tx, l); err != nil {
			return err
		}
	}
	if err := archivePrices(ctx, tx, l.OrganizationID, archived); err != nil {
		return err
	}
	if err := insertPrices(ctx, tx, added); err != nil {
		return err
	}
	recordUpdate(tx, actor, l, before)
	return nil
}

func recordUpdate(tx *db.Tx, actor auth.Subject, l *Loaded, before record) {
	after := recordOf(l)
	was, _ := journal.Changes(&before, &after)
	journal.Append(tx, actor, journal.Entry{Organization: l.OrganizationID, Type: "product.updated", Subject: l.ID, Before: was, After: schema.JSON(&after)})
}

func (l *Loaded) applyPlain(u *Update) {
	if u.Name.Set {
		l.Name = string(u.Name.Value)
	}
	if u.Metadata.Set {
		l.Metadata = json.RawMessage(u.Metadata.Value.Metadata())
	}
	u.Description.To(&l.Description)
	u.IsArchived.To(&l.IsArchived)
	u.Visibility.To(&l.Visibility)
	l.IsRecurring = l.recurring()
}

// applyInterval lets a product of old get an interval of its own, once. For
// all others the interval is what it is.
func (l *Loaded) applyInterval(u *Update, problems *schema.Problems) {
	if !u.RecurringInterval.Set && !u.RecurringIntervalCount.Set {
		return
	}
	interval, count := u.RecurringInterval.Value, u.RecurringIntervalCount.Value
	if !u.RecurringInterval.Set {
		interval = l.RecurringInterval
	}
	switch {
	case equal(interval, l.RecurringInterval) && equal(count, l.RecurringIntervalCount):
		return
	case interval == nil && l.RecurringInterval == nil && count == nil:
		return
	case l.legacy() && interval != nil:
		if count == nil {
			one := 1
			count = &one
		}
		l.RecurringInterval, l.RecurringIntervalCount = interval, count
		return
	}
	var input *schema.Node
	if u.RecurringInterval.Value != nil {
		input = schema.StringNode(string(*u.RecurringInterval.Value))
	}
	problems.Add(schema.Problem{Type: "value_error", Loc: []any{"body", "recurring_interval"}, Msg: "Recurring interval cannot be changed.", Input: input})
}

// legacy says whether the product is a subscription of old.
func (l *Loaded) legacy() bool {
	return l.RecurringInterval == nil && len(l.Prices) > 0 && l.recurring()
}

func (l *Loaded) applyPrices(ctx context.Context, tx *db.Tx, u *Update, problems *schema.Problems) (added []Price, archived []id.ID, err error) {
	list := u.Prices.Value
	if list == nil {
		return nil, nil, nil
	}
	owner, err := organization.Hold(ctx, tx, l.OrganizationID)
	if err != nil {
		return nil, nil, err
	}
	given := &schema.Node{Kind: schema.Array}
	for _, p := range *list {
		given.Items = append(given.Items, *p.node)
	}
	set := priceSet{org: owner, oneTime: !l.recurring(), given: given, problems: problems}
	if err := set.resolve(ctx, tx, l.Prices, *list); err != nil {
		return nil, nil, err
	}
	set.check()
	if problems.Err() != nil {
		return nil, nil, nil
	}
	added, archived = set.apply(tx, l)
	return added, archived, nil
}

func (l *Loaded) applyTrial(u *Update, problems *schema.Problems) {
	if !u.TrialInterval.Set && !u.TrialIntervalCount.Set {
		return
	}
	interval, count := u.TrialInterval.Value, u.TrialIntervalCount.Value
	if interval != nil && !l.recurring() {
		const msg = "Trial configuration is only supported on recurring products."
		problems.Add(schema.Problem{Type: "value_error", Loc: []any{"body", "trial_interval"}, Msg: msg, Input: schema.StringNode(string(*interval))})
		problems.Add(schema.Problem{Type: "value_error", Loc: []any{"body", "trial_interval_count"}, Msg: msg,
			Input: &schema.Node{Kind: schema.Int, Text: strconv.Itoa(*count)}})
		return
	}
	l.TrialInterval, l.TrialIntervalCount = (*period.Interval)(interval), count
}
