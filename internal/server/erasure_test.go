package server_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/grant"
	"floe/internal/id"
	"floe/internal/payment"
	"floe/internal/webhook"
)

// column is a column that can hold text, of any table.
type column struct{ Table, Column string }

func (c column) String() string { return c.Table + "." + c.Column }

// texts are the columns of a database that can hold text.
func texts(t *testing.T, f *floetest.Floe) []column {
	t.Helper()
	query := `SELECT m.name AS "table", c.name AS "column" FROM sqlite_master m, pragma_table_info(m.name) c
		WHERE m.type = 'table' AND m.name NOT LIKE 'customer_search%' AND m.name NOT LIKE 'goose%' AND m.name NOT LIKE 'sqlite%'
		AND lower(c.type) NOT IN ('uuid', 'timestamptz', 'boolean', 'int', 'bigint', 'integer')`
	if f.DB.Engine() != "sqlite" {
		query = `SELECT table_name AS "table", column_name AS "column" FROM information_schema.columns
			WHERE table_schema = current_schema() AND table_name NOT LIKE 'goose%'
			AND data_type NOT IN ('uuid', 'timestamp with time zone', 'boolean', 'integer', 'bigint')`
	}
	list, err := db.All[column](t.Context(), f.DB, query+` ORDER BY 1, 2`)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

var marker = regexp.MustCompile(`zq[a-z]+qz`)

// found are the markers in each column, each once and in order.
func found(t *testing.T, f *floetest.Floe) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for _, c := range texts(t, f) {
		rows, err := db.All[string](t.Context(), f.DB, fmt.Sprintf(
			`SELECT CAST("%s" AS text) AS text FROM "%s" WHERE "%[1]s" IS NOT NULL`, c.Column, c.Table)+floetest.AllOrganizations)
		if err != nil {
			t.Fatalf("%s: %v", c, err)
		}
		in := map[string]bool{}
		for _, text := range rows {
			for _, m := range marker.FindAllString(strings.ToLower(text), -1) {
				in[m[2:len(m)-2]] = true
			}
		}
		out[c.String()] = slices.Sorted(maps.Keys(in))
	}
	return out
}

// word is a text that is found again wherever it gets.
func word(of string) string { return "zq" + of + "qz" }

// estate is what the erased leave behind.
type estate struct {
	*floetest.Floe
	t         *testing.T
	processor *floetest.Processor
	person    string
	team      string
}

// must sends a request that has to succeed.
func (e *estate) must(method, path string, body any) *floetest.Response {
	e.t.Helper()
	r := e.Do(method, path, e.AllToken, body)
	if r.Status >= 300 {
		e.t.Fatalf("%s %s: %d %s", method, path, r.Status, r.Body)
	}
	return r
}

// leave gives two customers everything that one can have, and everything texts
// that are found again: a person, and a team with somebody who has left it.
func (e *estate) leave() {
	e.person = e.Customer(obj{"email": word("oldmail") + "@example.com", "name": word("oldname"), "external_id": word("external"), "locale": "fr",
		"metadata": obj{"a": word("metadata")}, "billing_address": obj{"country": "FR", "line1": word("street"), "city": word("city")}}).ID()
	e.must("PATCH", "/v1/customers/"+e.person, obj{"name": word("name"), "email": word("mail") + "@example.com"})
	e.team = e.Customer(obj{"type": "team", "name": word("team"), "email": word("teammail") + "@example.com",
		"billing_address": obj{"country": "FR", "line1": word("teamstreet"), "city": word("city")},
		"owner":           obj{"email": word("owner") + "@example.com", "name": word("ownername"), "external_id": word("ownerexternal")}}).ID()
	m := e.must("POST", "/v1/customers/"+e.team+"/members", obj{"email": word("member") + "@example.com", "name": word("membername")}).ID()
	e.must("PATCH", "/v1/customers/"+e.team+"/members/"+m, obj{"name": word("newname")})
	e.must("DELETE", "/v1/customers/"+e.team+"/members/"+m, nil)
	e.must("POST", "/v1/customers/"+e.team+"/members", obj{"email": word("other") + "@example.com", "name": word("othername")})
	for _, c := range []string{e.person, e.team} {
		err := e.DB.Write(e.t.Context(), func(tx *db.Tx) error { // as the portal will
			_, err := db.Exec(e.t.Context(), tx, `UPDATE customers SET billing_name = ? WHERE organization_id = ? AND id = ?`, word("billing"), e.Org.ID, c)
			return err
		})
		if err != nil {
			e.t.Fatal(err)
		}
		owner := e.must("GET", "/v1/customers/"+c+"/members?role=owner", nil).Text("items.0.id")
		e.must("POST", "/v1/customer-sessions/", obj{"customer_id": c, "member_id": owner, "return_url": "https://example.com/" + word("return")})
		e.buy(c)
	}
	e.Drain()
}

// buy has a customer buy, use, give back and leave.
func (e *estate) buy(c string) {
	e.processor.Heal()
	key := e.Benefit(obj{"type": "license_keys", "properties": obj{"activations": obj{"limit": 5, "enable_customer_admin": true}}}).ID()
	monthly, once := e.Product(nil).ID(), e.Product(obj{"recurring_interval": nil}).ID()
	for _, p := range []string{monthly, once} {
		e.must("POST", "/v1/products/"+p+"/benefits", obj{"benefits": []string{key}})
	}
	card := floetest.CardOf("pm_" + c)
	card.Card.Brand = word("brand")
	if code := e.Tell(payment.Event{ID: "setup_" + c, Type: payment.SetupSucceeded, Organization: e.Org.ID, Customer: id.ID(c), Method: card, Default: true}); code != 204 {
		e.t.Fatal(code)
	}
	s := e.must("POST", "/v1/subscriptions/", obj{"customer_id": c, "product_id": monthly, "collection_method": "send_invoice", "metadata": obj{"a": word("submetadata")}}).ID()
	e.must("PATCH", "/v1/subscriptions/"+s, obj{"cancel_at_period_end": true, "customer_cancellation_comment": word("comment"), "customer_cancellation_reason": "other"})

	draft := func() string {
		return e.must("POST", "/v1/orders/", obj{"customer_id": c, "product_id": once, "description": word("description"), "metadata": obj{"a": word("ordermetadata")}}).ID()
	}
	charged := draft()
	e.must("POST", "/v1/orders/"+charged+"/finalize", obj{})
	e.must("POST", "/v1/orders/"+charged+"/invoice", nil)
	e.must("POST", "/v1/refunds/", obj{"order_id": charged, "amount": 100, "reason": "other", "comment": word("remark"), "metadata": obj{"a": word("refundmetadata")}})
	byHand := draft()
	e.must("POST", "/v1/orders/"+byHand+"/finalize", obj{"collection_method": "send_invoice"})
	e.must("POST", "/v1/orders/"+byHand+"/payments", obj{"status": "succeeded", "amount": 1000, "reference": word("reference"), "note": word("note")})
	e.must("POST", "/v1/refunds/", obj{"order_id": byHand, "amount": 100, "reason": "other", "comment": word("remark")})

	for i, k := range e.must("GET", "/v1/license-keys/?status=granted", nil).Path("items").([]any) {
		k := k.(obj)
		if k["customer_id"] != c {
			continue
		}
		body := obj{"key": k["key"], "organization_id": e.Org.ID, "label": word("label"), "meta": obj{"a": word("meta")}, "conditions": obj{"a": word("conditions")}}
		e.must("POST", "/v1/license-keys/activate", body)
		if a := e.must("POST", "/v1/license-keys/activate", body).ID(); i == 0 {
			e.must("POST", "/v1/license-keys/deactivate", obj{"key": k["key"], "organization_id": e.Org.ID, "activation_id": a})
		}
	}
	// What a processor has not answered when the customer is erased.
	e.processor.Refunding = func(payment.Refund) (payment.RefundResult, error) { return payment.RefundResult{}, floetest.ErrLost }
	e.lost("/v1/refunds/", obj{"order_id": charged, "amount": 50, "reason": "other", "comment": word("laterremark")})
	e.processor.Answer(payment.ChargeResult{}, floetest.ErrLost)
	e.lost("/v1/orders/"+draft()+"/finalize", obj{})
	draft()
}

// lost sends a request that does not learn what the processor has done.
func (e *estate) lost(path string, body any) {
	e.t.Helper()
	w := httptest.NewRecorder() // not through Do, which takes no 500 for an answer
	e.Handler.ServeHTTP(w, e.Request("POST", path, e.AllToken, body))
	if w.Code != http.StatusInternalServerError {
		e.t.Fatalf("POST %s: %d %s", path, w.Code, w.Body)
	}
}

// kept says what may remain of people who are erased, and where. Whoever adds a
// place here says in docs/customers.md why it remains.
var kept = map[string]string{
	// The books: what invoices have said, what was paid, and what is told of
	// orders that go on.
	"orders.billing_name":      "billing",
	"orders.billing_address":   "street teamstreet city",
	"order_documents.content":  "billing street teamstreet city description",
	"order_items.label":        "description",
	"order_payments.reference": "reference",
	// What the organization writes about customers, and calls them.
	"customers.metadata":          "metadata external",
	"orders.metadata":             "ordermetadata submetadata",
	"order_metadata.value":        "ordermetadata submetadata",
	"refunds.metadata":            "refundmetadata",
	"subscriptions.metadata":      "submetadata",
	"subscription_metadata.value": "submetadata",
	"members.external_id":         "external ownerexternal",
	// What was recorded and told of all that; of customers and orders, since they
	// were erased only.
	"journal.before":              "external ownerexternal metadata",
	"journal.after":               "external ownerexternal metadata ordermetadata refundmetadata submetadata description billing street teamstreet city",
	"webhook_events.payload":      "external ownerexternal metadata ordermetadata refundmetadata submetadata description billing street teamstreet city",
	"webhook_deliveries.response": "external ownerexternal metadata ordermetadata refundmetadata submetadata description billing street teamstreet city",
}

// empty are the columns in which no text about a person gets, by table.
var empty = map[string]string{
	"balance_movements": "currency",
	"benefit_grants":    "error properties", // of what is granted; a key's is its own
	"benefits":          "description description_key metadata properties type visibility",
	"billing_entries":   "currency direction label type",
	"charges":           "cause change currency description idempotency_key method processor purpose",
	"customer_balances": "currency",
	"customer_metadata": "key",
	"customer_sessions": "hash",
	"customers":         "external_id_long external_key locale tax_id tax_id_format type", // a business keeps its tax ID
	"discounts":         "amounts code code_key duration metadata name name_key type",
	"disputes":          "currency processor reason reference status",
	"jobs":              "args key kind last_error",
	"journal":           "actor_kind request_id type",
	"license_keys":      "key status",
	"members":           "external_id_long role",
	"memberships":       "role",
	"meters":            "custom_label name unit",
	"order_counters":    "kind",
	"order_metadata":    "key",
	"order_payments":    "cause currency decline_message decline_reason method processor status",
	"orders":            "currency custom_field_data description invoice_number invoice_sum reason receipt_number status tax_id tax_id_format",
	"organizations": "avatar_url country customer_email_settings customer_portal_settings default_presentment_currency default_tax_behavior details email " +
		"embed_hosts feature_settings invoice_address invoice_numbering invoice_prefix invoice_tax_id legal_entity name slug socials subscription_settings website",
	"payers":                "processor reference",
	"payment_methods":       "processor reference type",
	"processor_events":      "event processor type",
	"product_prices":        "amount_type legacy_interval price_currency seat_tiers source tax_behavior unit_amount unit_tiers",
	"products":              "description metadata meter_interval name name_key recurring_interval trial_interval visibility",
	"refund_requests":       "metadata processor reason",
	"refunds":               "currency processor reason reference status",
	"settings":              "name value",
	"subscription_metadata": "key",
	"subscriptions":         "collection_method currency custom_field_data customer_cancellation_reason meter_interval price_ids recurring_interval status",
	"tokens":                "comment hash kind scopes",
	"users":                 "email email_key", // who works for the organization
	"webhook_endpoints":     "disabled_reason events format name old_secret secret url",
	"webhook_events":        "type",
	"webhook_lanes":         "lease",
	"webhook_replays":       "filter status url",
	"webhook_targets":       "url",
}

// TestErasure: of people who are erased the database keeps what
// docs/customers.md says, and nothing else. Every column in which there can be
// text is looked at: one that is new has to get what people leave in it in
// leave, and be erased or stand in kept; or it stands in empty.
func TestErasure(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }))
		t.Cleanup(echo.Close)
		e := &estate{Floe: f, t: t, processor: f.Processor()}
		for _, url := range []string{echo.URL, "http://127.0.0.1:1/"} { // where nobody is
			e.must("POST", "/v1/webhooks/endpoints", obj{"url": url, "format": "raw", "events": webhook.Types()})
		}
		e.leave()
		before := found(t, f)
		for column, words := range before {
			table, name, _ := strings.Cut(column, ".")
			if len(words) == 0 && !slices.Contains(strings.Fields(empty[table]), name) {
				t.Errorf("nothing about a person is in %s: fill it here, or say that nothing can be", column)
			}
			if len(words) > 0 && slices.Contains(strings.Fields(empty[table]), name) {
				t.Errorf("%s has %v", column, words)
			}
		}
		for _, c := range []string{e.person, e.team} {
			e.must("DELETE", "/v1/customers/"+c+"?anonymize=true", nil)
		}
		e.goOn()
		remains := func() {
			t.Helper()
			for column, words := range found(t, f) {
				for _, w := range words {
					if !slices.Contains(strings.Fields(kept[column]), w) {
						t.Errorf("%s still has %s", column, w)
					}
				}
			}
			f.Sound()
		}
		remains()
		e.leftBefore()
		remains()
		if m := marker.FindString(strings.ToLower(f.Log())); m != "" {
			t.Errorf("the log has %s", m)
		}
	}, private)
}

// goOn has the processor answer, and tells receivers all that they can be told.
func (e *estate) goOn() {
	e.t.Helper()
	e.processor.Heal()
	e.Clock.Advance(10 * time.Minute)
	e.RunDue()
	for range 10 {
		e.Drain()
		e.Clock.Advance(12 * time.Hour)
	}
}

// up are the statements of a migration, but for one that makes an index, which
// is there.
func (e *estate) up(name string) []string {
	e.t.Helper()
	text, err := os.ReadFile("../db/migrations/" + name)
	if err != nil {
		e.t.Fatal(err)
	}
	up, _, _ := strings.Cut(string(text), "-- +goose Down")
	if _, rest, ok := strings.Cut(up, "CREATE INDEX"); ok {
		_, up, _ = strings.Cut(rest, ";\n")
	}
	return strings.Split(strings.TrimSpace(up), ";\n")
}

// leftBefore puts back what the erasures of before 0027 and 0029 have left, and
// has it erased by these.
func (e *estate) leftBefore() {
	e.t.Helper()
	ctx := e.t.Context()
	statements := slices.Concat([]string{
		`UPDATE license_key_activations SET label = 'zqlabelqz', meta = '{"a":"zqmetaqz"}', conditions = '{"a":"zqconditionsqz"}'`,
		`UPDATE subscriptions SET customer_cancellation_comment = 'zqcommentqz'`,
		`UPDATE order_payments SET note = 'zqnoteqz'`,
		`UPDATE refunds SET comment = 'zqremarkqz'`,
		`UPDATE journal SET before = '{}', after = '{"a":1.0,"label":"zqlabelqz","meta":{"a":"zqmetaqz"}}' WHERE type = 'license_key.activated'`,
		`UPDATE journal SET before = NULL, after = '{"b":[1,"é"],"customer_cancellation_comment":"zqcommentqz"}' WHERE type = 'subscription.canceled'`,
	}, e.up("0027_erased."+e.DB.Engine()+".sql"), []string{
		`UPDATE orders SET billing_name = 'zqdraftqz', billing_address = '{"line1":"zqdraftqz"}' WHERE status = 'draft'`,
		`UPDATE license_keys SET status = 'granted'`,
		`UPDATE license_key_activations SET label = 'zqlabelqz'`,
		`UPDATE order_payments SET note = 'zqnoteqz'`,
		`UPDATE refunds SET comment = 'zqremarkqz'`,
	}, e.up("0029_erased_later.sql"))
	for _, one := range statements {
		err := e.DB.Write(ctx, func(tx *db.Tx) error {
			_, err := db.Exec(ctx, tx, one+floetest.AllOrganizations)
			return err
		})
		if err != nil {
			e.t.Fatalf("%s: %v", one, err)
		}
	}
	for typ, want := range map[string]string{
		"license_key.activated": `{} {"a":1.0,"label":null,"meta":null}`, "subscription.canceled": `none {"b":[1,"é"],"customer_cancellation_comment":null}`,
	} {
		got, err := db.One[string](ctx, e.DB, `SELECT DISTINCT COALESCE(CAST(before AS text), 'none') || ' ' || CAST(after AS text) AS text FROM journal WHERE type = ?`+
			floetest.AllOrganizations, typ)
		if err != nil || got != want {
			e.t.Errorf("%s has %s, want %s: %v", typ, got, want, err)
		}
	}
}

// TestErasedWhileActivated: a license key is being activated while its holder
// is erased. Nothing is left of what the device is called.
func TestErasedWhileActivated(t *testing.T) {
	t.Parallel()
	f := floetest.Postgres(t)
	e := &estate{Floe: f, t: t, processor: f.Processor()}
	c := f.Customer(obj{"name": word("name"), "billing_address": obj{"country": "FR", "line1": word("street"), "city": word("city")}}).ID()
	e.buy(c)
	items := e.must("GET", "/v1/license-keys/?status=granted", nil).Path("items").([]any)
	gone := make(chan int, 1)
	err := f.DB.Write(t.Context(), func(tx *db.Tx) error {
		err := f.Server.Grants.ActivateIn(t.Context(), tx, auth.NewSystem("test"), grant.KeyActivate{
			Key: items[0].(obj)["key"].(string), OrganizationID: f.Org.ID, Label: word("label")})
		if err != nil {
			return err
		}
		go func() { gone <- f.Do("DELETE", "/v1/customers/"+c+"?anonymize=true", f.AllToken, nil).Status }()
		for range 2000 {
			n, err := db.One[int64](t.Context(), f.DB, `SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`)
			if err != nil || n > 0 {
				return err
			}
			time.Sleep(5 * time.Millisecond)
		}
		return errors.New("the deletion does not wait for the activation")
	})
	if err != nil {
		t.Fatal(err)
	}
	if status := <-gone; status != http.StatusNoContent {
		t.Fatalf("the deletion answers %d", status)
	}
	for column, words := range found(t, f) {
		if slices.Contains(words, "label") {
			t.Errorf("%s has the label", column)
		}
	}
}

// TestErasedDrafts: who was to be billed for a draft goes with the customer, also
// from one that was being charged then, and for which no money comes.
func TestErasedDrafts(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		e := &estate{Floe: f, t: t, processor: f.Processor()}
		c := f.Customer(obj{"name": word("name"), "billing_address": obj{"country": "FR", "line1": word("street"), "city": word("city")}}).ID()
		f.Card(c, true)
		once := f.Product(obj{"recurring_interval": nil}).ID()
		draft := func() string { return e.must("POST", "/v1/orders/", obj{"customer_id": c, "product_id": once}).ID() }
		waits, charged, shown := draft(), draft(), draft() // the last one is seen to be pending
		e.processor.Answer(payment.ChargeResult{State: payment.StatePending, Reference: "pay_shown"}, nil)
		e.must("POST", "/v1/orders/"+shown+"/finalize", obj{})
		e.processor.Answer(payment.ChargeResult{}, floetest.ErrLost)
		e.lost("/v1/orders/"+charged+"/finalize", obj{})
		e.must("DELETE", "/v1/customers/"+c+"?anonymize=true", nil)
		e.processor.Answer(payment.ChargeResult{State: payment.StateFailed, Code: "card_error"}, nil)
		e.Clock.Advance(10 * time.Minute)
		e.RunDue()
		failed := payment.Event{ID: "evt", Type: payment.PaymentFailed, Organization: e.Org.ID, Order: id.ID(shown), Payment: "pay_shown"}
		if status := e.Tell(failed); status != http.StatusNoContent {
			t.Errorf("the event was answered %d", status)
		}
		for _, o := range []string{waits, charged, shown} {
			if d := e.must("GET", "/v1/orders/"+o, nil).Differs(`{"status":"draft","billing_name":null,"billing_address":null}`); d != "" {
				t.Error(d)
			}
		}
		for column, words := range found(t, f) {
			if len(words) > 0 {
				t.Errorf("%s has %v", column, words)
			}
		}
		f.Sound()

		// What somebody writes on purpose is there, so that it can be paid.
		e.must("PATCH", "/v1/orders/"+waits, obj{"billing_name": "Somebody", "billing_address": obj{"country": "DE"}})
		e.must("POST", "/v1/orders/"+waits+"/finalize", obj{"collection_method": "send_invoice"})
		e.must("POST", "/v1/orders/"+waits+"/invoice", nil)
		f.Sound()
	})
}

// TestRemarkedOnErased: what is remarked on the money of people who were erased
// is not kept: nobody could erase it again.
func TestRemarkedOnErased(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		e := &estate{Floe: f, t: t, processor: f.Processor()}
		c := f.Customer(nil).ID()
		f.Card(c, true)
		once := f.Product(obj{"recurring_interval": nil}).ID()
		order := func(finalize obj) string {
			o := e.must("POST", "/v1/orders/", obj{"customer_id": c, "product_id": once}).ID()
			e.must("POST", "/v1/orders/"+o+"/finalize", finalize)
			return o
		}
		charged, byHand := order(obj{}), order(obj{"collection_method": "send_invoice"})
		paid := obj{"status": "succeeded", "amount": 1000, "reference": "bank-1", "note": word("note")}
		e.must("POST", "/v1/orders/"+byHand+"/payments", paid)
		e.must("DELETE", "/v1/customers/"+c+"?anonymize=true", nil)
		e.must("POST", "/v1/orders/"+byHand+"/payments", paid) // sent again, as what it was
		e.must("POST", "/v1/orders/"+byHand+"/payments", obj{"status": "refunded", "amount": 100, "reference": "bank-2", "note": word("note")})
		for _, o := range []string{charged, byHand} {
			e.must("POST", "/v1/refunds/", obj{"order_id": o, "amount": 100, "reason": "other", "comment": word("remark")})
		}
		for column, words := range found(t, f) {
			if len(words) > 0 {
				t.Errorf("%s has %v", column, words)
			}
		}
		f.Sound()
	})
}

// TestErasedWhileRefunded: a processor is asked to give money back while the
// customer is erased. What was remarked on that does not come back.
func TestErasedWhileRefunded(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		e := &estate{Floe: f, t: t, processor: f.Processor()}
		c := f.Customer(nil).ID()
		f.Card(c, true)
		once := f.Product(obj{"recurring_interval": nil}).ID()
		o := e.must("POST", "/v1/orders/", obj{"customer_id": c, "product_id": once}).ID()
		e.must("POST", "/v1/orders/"+o+"/finalize", obj{})
		e.processor.Refunding = func(payment.Refund) (payment.RefundResult, error) {
			e.must("DELETE", "/v1/customers/"+c+"?anonymize=true", nil)
			return payment.RefundResult{Status: payment.RefundSucceeded}, nil
		}
		e.must("POST", "/v1/refunds/", obj{"order_id": o, "amount": 100, "reason": "other", "comment": word("remark")})
		for column, words := range found(t, f) {
			if len(words) > 0 {
				t.Errorf("%s has %v", column, words)
			}
		}
	})
}
