//go:build unix

package torture

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"floe/internal/db"
	"floe/internal/doctor"
	"floe/internal/webhook"
)

// kinds are how each kind of thing is found in the database: its id, the key
// that the client gave it, and its state.
var kinds = []struct{ kind, query string }{
	{kindMember, `SELECT CAST(id AS text) AS id, email AS key, CASE WHEN deleted_at IS NULL THEN 'there' ELSE 'gone' END AS state
		FROM members WHERE role <> 'owner'`},
	{kindSubscription, `SELECT CAST(id AS text) AS id, metadata ->> 'key' AS key,
			CASE WHEN cancel_at_period_end AND ended_at IS NULL THEN status || ' ending' ELSE status END AS state
		FROM subscriptions`},
	{kindOrder, `SELECT CAST(id AS text) AS id, metadata ->> 'key' AS key, status AS state FROM orders WHERE subscription_id IS NULL`},
	{kindPayment, `SELECT CAST(id AS text) AS id, reference AS key, status AS state FROM order_payments`},
	{kindRefund, `SELECT CAST(id AS text) AS id, metadata ->> 'key' AS key, status AS state FROM refunds`},
	{kindActivation, `SELECT CAST(id AS text) AS id, label AS key, CASE WHEN deleted_at IS NULL THEN 'there' ELSE 'gone' END AS state
		FROM license_key_activations`},
}

// customerRow is a customer as it lies in the database.
type customerRow struct {
	ID           string
	Key          *string
	Email        string
	Name         string
	Version      string
	DeletedAt    *time.Time
	AnonymizedAt *time.Time
	Owners       int
}

const customerRows = `SELECT CAST(c.id AS text) AS id, c.external_id AS key, c.email, c.name, CAST(c.metadata ->> 'version' AS text) AS version,
	c.deleted_at, c.anonymized_at,
	(SELECT COUNT(*) FROM members m WHERE m.organization_id = c.organization_id AND m.customer_id = c.id AND m.role = 'owner' AND m.deleted_at IS NULL) AS owners
	FROM customers c`

// state is the word for how a customer is, or what is torn about it.
func (r *customerRow) state() string {
	switch {
	case r.AnonymizedAt != nil && !strings.HasPrefix(r.Name, "Name"):
		return anonymised
	case r.AnonymizedAt == nil && r.Name != "Name "+r.Version:
		return fmt.Sprintf("torn (name %q, version %s)", r.Name, r.Version)
	case r.DeletedAt != nil && r.AnonymizedAt == nil:
		return gone
	case r.DeletedAt == nil && r.AnonymizedAt == nil && r.Owners != 1:
		return fmt.Sprintf("torn (%d owners)", r.Owners)
	case r.DeletedAt == nil && r.AnonymizedAt == nil:
		return "version " + r.Version
	}
	return "torn (half anonymised)"
}

// read finds the rows of all kinds.
func read(ctx context.Context, q db.Querier) (*table, int, error) {
	t, live := &table{byID: map[string]*row{}, byKey: map[string]*row{}}, 0
	customers, err := db.All[customerRow](ctx, q, customerRows)
	if err != nil {
		return nil, 0, err
	}
	for i := range customers {
		c := &customers[i]
		t.put(kindCustomer, row{ID: c.ID, Key: c.Key, State: c.state()})
		if c.DeletedAt == nil {
			live++
		}
	}
	for _, k := range kinds {
		rows, err := db.All[struct {
			ID    string
			Key   *string
			State string
		}](ctx, q, k.query)
		if err != nil {
			return nil, 0, err
		}
		for _, r := range rows {
			t.put(k.kind, row{ID: r.ID, Key: r.Key, State: r.State})
		}
	}
	return t, live, nil
}

func (t *table) put(kind string, r row) {
	t.byID[kind+r.ID] = &r
	if r.Key != nil {
		t.byKey[kind+*r.Key] = &r
	}
}

// look compares all that is there with all that was promised. Nobody writes
// meanwhile but the server itself, which delivers webhooks.
func (t *run) look(ctx context.Context) (happened int, err error) {
	d, err := db.Open(ctx, t.database(true))
	if err != nil {
		return 0, err
	}
	defer func() { _ = d.Close() }()
	problem := t.report.problem
	rows, live, err := read(ctx, d)
	if err != nil {
		return 0, err
	}
	for _, c := range t.clients {
		for _, w := range c.wrong {
			problem("%s", w)
		}
		c.wrong = nil
		for _, p := range c.people {
			if p.settle(rows, problem) {
				happened++
			}
		}
		c.people = slices.DeleteFunc(c.people, func(p *person) bool { return p.state == "" })
	}
	for id, r := range rows.byID {
		if !r.met {
			problem("%s (key %v, %s) is there, and nobody asked for it", id, deref(r.Key), r.State)
		}
	}
	t.report.Rows = len(rows.byID)
	t.total(ctx, live)
	journal, err := t.journal(ctx, d, nil)
	if err != nil {
		return happened, err
	}
	t.reader.compare(journal, problem)
	journal, err = t.journal(ctx, d, webhook.Types())
	if err != nil {
		return happened, err
	}
	t.sink.compare(journal, false, problem)
	t.report.add(doctor.Examine(ctx, doctor.Config{DB: d, Now: t.now}))
	return happened, ctx.Err()
}

func deref(s *string) string {
	if s == nil {
		return "none"
	}
	return *s
}

// journal is what has happened to customers, of some types or all.
func (t *run) journal(ctx context.Context, q db.Querier, types []string) ([]told, error) {
	rows, err := db.All[struct {
		Customer string
		Seq      int64
		Type     string
	}](ctx, q, `SELECT CAST(customer_id AS text) AS customer, customer_seq AS seq, type FROM journal WHERE customer_id IS NOT NULL ORDER BY journal.seq`)
	if err != nil {
		return nil, err
	}
	out := make([]told, 0, len(rows))
	for _, r := range rows {
		if types == nil || slices.Contains(types, r.Type) {
			out = append(out, told{r.Customer, r.Seq, r.Type})
		}
	}
	return out, nil
}

// total compares what lists count, in the ways in which they count.
func (t *run) total(ctx context.Context, live int) {
	for _, query := range []string{"", "query=client-&", "query=example.com&", "query=me&"} { // kept, by index, and counted
		var list struct {
			Pagination struct {
				Total int `json:"total_count"`
			}
		}
		if err := t.server.get(ctx, "/v1/customers/?"+query+"limit=1", &list); err != nil {
			t.report.problem("count customers: %v", err)
		} else if !counts(query != "", list.Pagination.Total, live) {
			t.report.problem("%q finds %d customers; there are %d", query, list.Pagination.Total, live)
		}
	}
}

// counts says whether a total is right: that of a search is so only up to a
// thousand, and a lower bound beyond.
func counts(search bool, shown, there int) bool {
	const exact = 1000
	return shown == there || search && shown >= exact && shown < there
}

// states is of how many people the state is compared at the end.
const states = 300

// agree compares, for some people, what their state shows, what the last
// webhook told of it, and what was promised.
func (t *run) agree(ctx context.Context) {
	n := 0
	for _, c := range t.clients {
		for _, p := range c.people {
			if !p.alive() || n == states {
				continue
			}
			n++
			if err := t.agreeOn(ctx, p); err != nil {
				t.report.problem("state of customer %s: %v", p.id, err)
			}
		}
	}
}

func (t *run) agreeOn(ctx context.Context, p *person) error {
	status, answer, err := t.server.do(ctx, "GET", "/v1/customers/"+p.id+"/state", nil)
	if err != nil || status != 200 {
		return fmt.Errorf("%d %s %w", status, answer, err)
	}
	shown := holdingOf(0, answer)
	var want []string
	for _, s := range p.of(kindSubscription, "active", "active ending") {
		want = append(want, s.id)
	}
	slices.Sort(want)
	if !slices.Equal(want, shown.subscriptions) {
		return fmt.Errorf("it shows the subscriptions %v, promised were %v", shown.subscriptions, want)
	}
	t.sink.mu.Lock()
	told := t.sink.states[p.id]
	t.sink.mu.Unlock()
	if !slices.Equal(told.subscriptions, shown.subscriptions) || !slices.Equal(told.grants, shown.grants) {
		return fmt.Errorf("it shows %v, the last webhook told %v", shown, told)
	}
	return nil
}

// searchIndex compares the search index with one that is made anew of the
// texts of the customers. Temporary tables are for connections that write.
func (t *run) searchIndex(ctx context.Context) error {
	d, err := db.Open(ctx, t.database(false))
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	var differences int64
	err = d.Write(ctx, func(tx *db.Tx) error {
		for _, text := range []string{
			`CREATE VIRTUAL TABLE temp.anew USING fts5 (search, content = '', detail = none, tokenize = 'trigram case_sensitive 1')`,
			`INSERT INTO temp.anew (rowid, search) SELECT seq, search FROM customers`,
			`CREATE VIRTUAL TABLE temp.anew_entries USING fts5vocab (temp, anew, instance)`,
			`CREATE VIRTUAL TABLE temp.entries USING fts5vocab (main, customer_search, instance)`,
			`INSERT INTO customer_search (customer_search) VALUES ('integrity-check')`,
		} {
			if _, err := db.Exec(ctx, tx, text); err != nil {
				return err
			}
		}
		differences, err = db.One[int64](ctx, tx, `SELECT
			(SELECT COUNT(*) FROM (SELECT term, doc FROM temp.entries EXCEPT SELECT term, doc FROM temp.anew_entries)) +
			(SELECT COUNT(*) FROM (SELECT term, doc FROM temp.anew_entries EXCEPT SELECT term, doc FROM temp.entries))`)
		return err
	})
	if err != nil {
		t.report.problem("the search index cannot be compared with the customers: %v", err)
	} else if differences > 0 {
		t.report.problem("the search index does not agree with the customers in %d entries", differences)
	}
	return nil
}
