package payment_test

import (
	"fmt"
	"testing"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/id"
	"floe/internal/ordertest"
	"floe/internal/payment"
)

type obj = ordertest.Obj

// methods are the ids of a customer's methods, the newest first.
func methods(w ordertest.World, customer string) (out []string) {
	w.T.Helper()
	r := w.Do("GET", "/v1/customers/"+customer+"/payment-methods?limit=100", w.AllToken, nil)
	w.Is(r, 200, nil)
	for i := range r.Path("items").([]any) {
		out = append(out, r.Text(fmt.Sprintf("items.%d.id", i)))
	}
	return out
}

// TestSavedMethods: what a processor says of methods is what the lists show.
// Cases 58 and 60 of the checklist of customers.
func TestSavedMethods(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		p := w.Processor()
		c := w.Customer(obj{"external_id": "ann"})
		path := "/v1/customers/" + c.ID() + "/payment-methods"
		empty := obj{"items": []any{}, "pagination": obj{"total_count": 0}}
		w.Is(w.Do("GET", path, w.AllToken, nil), 200, empty)
		since := w.LastSeq()
		a := w.Card(c.ID(), false)
		w.Events(since) // the first one is not the default by itself
		w.Clock.Advance(time.Second)
		b := w.Card(c.ID(), true)
		w.Events(since, "customer.updated")
		list := w.Do("GET", path, w.AllToken, nil)
		w.Is(list, 200, obj{"pagination": obj{"total_count": 2}, "items": []any{
			obj{"processor": "stripe", "type": "card", "is_default": true, "customer_id": c.ID(), "modified_at": nil,
				"method_metadata": obj{"brand": "visa", "last4": "4242", "exp_month": 7, "exp_year": 2030, "wallet": nil}},
			obj{"is_default": false}}})
		w.Is(w.Do("GET", "/v1/customers/"+c.ID(), w.AllToken, nil), 200, obj{"default_payment_method_id": list.Text("items.0.id")})
		w.Is(w.Do("GET", "/v1/customers/external/ann/payment-methods?limit=1", w.AllToken, nil), 200,
			obj{"pagination": obj{"total_count": 2, "max_page": 2}, "items": []any{obj{"is_default": true}}})
		w.Is(w.Do("GET", path, w.Organization("Other").Token, nil), 404, nil)
		w.Is(w.Do("GET", path, w.Token(auth.OrdersRead), nil), 403, nil)

		// It changes, and goes.
		newer := floetest.CardOf(b)
		newer.Card.ExpYear = 2040
		w.Told(204, payment.Event{ID: "1", Type: payment.MethodUpdated, Method: newer})
		w.Is(w.Do("GET", path, w.AllToken, nil), 200, obj{"items": []any{obj{"method_metadata": obj{"exp_year": 2040}, "modified_at": floetest.Any}, floetest.Any}})
		since = w.LastSeq()
		gone := payment.Event{ID: "2", Type: payment.MethodDetached, Method: &payment.Method{Reference: b}}
		w.Told(204, gone, gone)
		w.Told(204, payment.Event{ID: "setup_" + b, Type: payment.SetupSucceeded, Organization: w.Org.ID, Customer: id.ID(c.ID()), Method: newer, Default: true})
		w.Events(since, "customer.updated") // which had been told before
		w.Is(w.Do("GET", path, w.AllToken, nil), 200, obj{"items": []any{obj{"is_default": false}}})
		w.Is(w.Do("GET", "/v1/customers/"+c.ID(), w.AllToken, nil), 200, obj{"default_payment_method_id": nil})

		// Saved again it lives again, as the same; another kind has no metadata.
		w.Told(204, payment.Event{ID: "3", Type: payment.SetupSucceeded, Organization: w.Org.ID, Customer: id.ID(c.ID()), Method: floetest.CardOf(b)})
		if got := methods(w, c.ID()); len(got) != 2 || got[0] != list.Text("items.0.id") {
			t.Errorf("methods %v", got)
		}
		w.Told(204, payment.Event{ID: "4", Type: payment.SetupSucceeded, Organization: w.Org.ID, Customer: id.ID(c.ID()),
			Method: &payment.Method{Reference: "sepa_1", Type: "sepa_debit"}})
		r := w.Do("GET", path, w.AllToken, nil)
		w.Is(r, 200, obj{"items": []any{obj{"type": "sepa_debit"}, floetest.Any, floetest.Any}})
		if _, has := r.Path("items.0").(map[string]any)["method_metadata"]; has {
			t.Errorf("metadata of no card: %s", r.Body)
		}
		w.Told(204, payment.Event{ID: "5", Type: payment.SetupFailed, Organization: w.Org.ID, Customer: id.ID(c.ID())})

		// With the customer all go, and nothing of a card is left.
		w.Is(w.Do("DELETE", "/v1/customers/"+c.ID()+"?anonymize=true", w.AllToken, nil), 204, nil)
		w.Told(204, payment.Event{ID: "6", Type: payment.SetupSucceeded, Organization: w.Org.ID, Customer: id.ID(c.ID()), Method: floetest.CardOf(a)})
		w.RunDue()
		if got := p.Detached(); len(got) != 3 {
			t.Errorf("detached %v", got)
		}
		n, err := db.One[int64](t.Context(), w.DB, `SELECT COUNT(*) FROM payment_methods
			WHERE organization_id = ? AND (deleted_at IS NULL OR method_metadata IS NOT NULL OR detach_at IS NOT NULL)`, w.Org.ID)
		if err != nil || n != 0 {
			t.Errorf("%d are left: %v", n, err)
		}
		w.Healthy()
	})
}

// TestPayerOfATestClock: a processor is told of each change of a customer, also
// of one that lies before the last one since a test clock was released.
func TestPayerOfATestClock(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		p := w.Processor()
		c, product := w.Billed(), w.Once(nil)
		w.Card(c.ID(), false)
		told := func(email string) {
			t.Helper()
			w.Is(w.Do("PATCH", "/v1/customers/"+c.ID(), w.AllToken, obj{"email": email}), 200, nil)
			w.Do("DELETE", "/v1/test-clock", w.AllToken, nil)
			w.Is(w.Do("POST", "/v1/orders/"+w.Draft(c.ID(), product.ID(), nil).ID()+"/finalize", w.AllToken, obj{}), 200, nil)
			if told := p.Payers(); len(told) != 1 || told[0].Email != email {
				t.Errorf("told of %+v, want %s", told, email)
			}
		}
		told("first@example.com")
		w.Do("POST", "/v1/test-clock", w.AllToken, obj{"now": w.Clock.Now().AddDate(-2, 0, 0)})
		told("before@example.com")
		w.Do("POST", "/v1/test-clock", w.AllToken, obj{"now": w.Clock.Now().AddDate(2, 0, 0)})
		told("ahead@example.com")
		w.Clock.Advance(time.Second)
		told("last@example.com")
	})
}

// TestChosenMethod: what is charged, in the order of the contract; and the
// processor knows whom.
func TestChosenMethod(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		p := w.Processor()
		c, product := w.Billed(), w.Once(nil)
		finalize := func(status int, body any, want string) {
			t.Helper()
			d := w.Draft(c.ID(), product.ID(), nil)
			w.Is(w.Do("POST", "/v1/orders/"+d.ID()+"/finalize", w.AllToken, body), status, nil)
			asked := p.Charges()
			if want == "" && len(asked) != 0 || want != "" && (len(asked) != 1 || asked[0].Method != want) {
				t.Errorf("charged %+v, want %q", asked, want)
			}
		}
		finalize(402, "{}", "") // there is none
		a := w.Card(c.ID(), false)
		w.Clock.Advance(time.Second)
		b := w.Card(c.ID(), false)
		ids := methods(w, c.ID())
		finalize(200, "{}", b) // any
		told := p.Payers()
		if len(told) != 1 || told[0].Name != "Jeanne" || told[0].Reference != "" || len(told[0].Address) == 0 || string(told[0].Customer) != c.ID() {
			t.Errorf("told of %+v", told)
		}
		finalize(200, obj{"payment_method_id": ids[1]}, a)
		if told := p.Payers(); len(told) != 0 {
			t.Errorf("told again of %+v", told)
		}
		finalize(402, obj{"payment_method_id": id.New()}, "")
		other := w.Billed()
		w.Card(other.ID(), true)
		finalize(402, obj{"payment_method_id": methods(w, other.ID())[0]}, "") // somebody else's
		w.Told(204, payment.Event{ID: "d", Type: payment.SetupSucceeded, Organization: w.Org.ID, Customer: id.ID(c.ID()), Method: floetest.CardOf(a), Default: true})
		finalize(200, "{}", a)
		if told := p.Payers(); len(told) != 1 || told[0].Reference != "cus_"+c.ID() { // the customer has changed
			t.Errorf("told of %+v", told)
		}

		// One that cannot be charged any more is forgotten, and the next is taken.
		p.Answer(payment.ChargeResult{State: payment.StateFailed, Code: "detached", Unusable: true}, nil)
		finalize(402, "{}", a)
		p.Heal()
		finalize(200, "{}", b)

		// Another than was asked for was charged: it is kept.
		p.Answer(payment.ChargeResult{State: payment.StateSucceeded, Method: floetest.CardOf("pm_new")}, nil)
		finalize(200, "{}", b)
		if got := methods(w, c.ID()); len(got) != 2 {
			t.Errorf("methods %v", got)
		}
		p.Heal()

		// Who keeps no methods is asked without one.
		p.Can.SaveMethods = false
		d := w.Draft(other.ID(), product.ID(), nil)
		w.Is(w.Do("POST", "/v1/orders/"+d.ID()+"/finalize", w.AllToken, "{}"), 200, nil)
		if asked := p.Charges(); len(asked) != 1 || asked[0].Method != "" || asked[0].Payer == "" {
			t.Errorf("charged %+v", asked)
		}
		w.Healthy()
	})
}

// TestSharedMethod: a method that several customers pay with is gone for all of
// them, of whom the oldest is locked first.
func TestSharedMethod(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		w.Processor()
		older, younger := id.ID(w.Customer(nil).ID()), id.ID(w.Customer(nil).ID())
		for _, c := range []id.ID{younger, older} {
			w.Told(204, payment.Event{ID: string(c), Type: payment.SetupSucceeded, Organization: w.Org.ID, Customer: c, Method: floetest.CardOf("shared"), Default: true})
		}
		since := w.LastSeq()
		w.Told(204, payment.Event{ID: "gone", Type: payment.MethodDetached, Method: floetest.CardOf("shared")})
		got, err := db.All[id.ID](t.Context(), w.DB, `SELECT customer_id FROM journal WHERE organization_id = ? AND seq > ? ORDER BY seq`, w.Org.ID, since)
		if err != nil || len(got) != 2 || got[0] != older || got[1] != younger {
			t.Errorf("%s, %s: changed %v: %v", older, younger, got, err)
		}
	})
}

// TestDetachedOnce: what another node is about to have forgotten is not asked
// for here as well.
func TestDetachedOnce(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		p := w.Processor()
		c := w.Customer(nil)
		card := w.Card(c.ID(), false)
		w.Is(w.Do("DELETE", "/v1/customers/"+c.ID(), w.AllToken, nil), 204, nil)
		w.Meanwhile("payment_methods", "detach_at", w.Server.Payments.RunDetach)
		if got := p.Detached(); len(got) != 0 {
			t.Errorf("detached %v", got)
		}
		w.AskAgain()
		if got := p.Detached(); len(got) != 1 || got[0] != card {
			t.Errorf("detached %v", got)
		}
	})
}
