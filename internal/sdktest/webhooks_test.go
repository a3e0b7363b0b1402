package sdktest_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"floe/internal/floetest"
	"floe/internal/payment"
	"floe/internal/server"
	"floe/internal/webhook"
)

// delivered is a request that a receiver got, as a client of this test reads
// it.
type delivered struct {
	Body    string            `json:"body"`
	Headers map[string]string `json:"headers"`
	Secret  string            `json:"secret"`
	Wrong   string            `json:"wrong"`
}

// receiver keeps what it is sent.
type receiver struct {
	mu  sync.Mutex
	all []delivered
}

// ServeHTTP keeps a request.
func (r *receiver) ServeHTTP(_ http.ResponseWriter, q *http.Request) {
	body, _ := io.ReadAll(q.Body)
	d := delivered{Body: string(body), Headers: map[string]string{}}
	for name := range q.Header {
		d.Headers[strings.ToLower(name)] = q.Header.Get(name)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, d)
}

// TestWebhooks has the SDKs check every event that can be made happen: its
// signature and, with the older one, its shape.
func TestWebhooks(t *testing.T) {
	t.Parallel()
	_, err := sdks()
	need(t, err)
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		now := time.Now()
		f.Clock.Set(now.AddDate(0, -3, 0))
		r := &receiver{}
		s := httptest.NewServer(r)
		t.Cleanup(s.Close)
		e := f.Do("POST", "/v1/webhooks/endpoints", f.AllToken, map[string]any{"url": s.URL, "format": "raw", "events": webhook.Types()})
		secret, _ := e.Path("secret").(string)
		happen(f)
		age(f, now.AddDate(0, -3, 0))
		f.Clock.Set(now) // the SDKs look at the clock
		f.Drain()
		for i := range r.all {
			r.all[i].Secret, r.all[i].Wrong = secret, "whsec_"+strings.Repeat("A", 43)
		}
		for _, typ := range webhook.Types() {
			if !slices.Contains(nobody, typ) && !slices.ContainsFunc(r.all, func(d delivered) bool { return strings.HasPrefix(d.Body, `{"type":"`+typ+`"`) }) {
				t.Errorf("nobody was told of %s", typ)
			}
		}
		for _, d := range r.all {
			standard(t, &d)
		}
		drive(t, []string{"webhooks.mjs"}, map[string]any{"requests": r.all})
	}, func(c *server.Config) { c.AllowPrivateWebhooks = true })
}

// happen makes events of every type that there is a way to.
func happen(f *floetest.Floe) {
	c := f.Customer(map[string]any{"name": "Zoë", "external_id": "zoe", "metadata": map[string]any{"a": 1.5, "b": true}})
	team := f.Customer(map[string]any{"type": "team", "email": nil, "owner": map[string]any{"email": "owner@example.com"}})
	m := f.Do("POST", fmt.Sprintf("/v1/customers/%s/members", team.ID()), f.AllToken, map[string]any{"email": "member@example.com", "name": "M"})
	f.Do("PATCH", fmt.Sprintf("/v1/customers/%s/members/%s", team.ID(), m.ID()), f.AllToken, map[string]any{"name": "N"})
	f.Do("DELETE", fmt.Sprintf("/v1/customers/%s/members/%s", team.ID(), m.ID()), f.AllToken, nil)
	f.Do("PATCH", "/v1/customers/"+c.ID(), f.AllToken, map[string]any{"name": "Zoé"})
	f.Do("PATCH", "/v1/organizations/"+string(f.Org.ID), f.AllToken, map[string]any{"name": "Renamed"})
	sell(f, c.ID())
	f.Do("DELETE", "/v1/customers/"+c.ID()+"?anonymize=true", f.AllToken, nil)
}

// sell makes what a customer owns happen: a free subscription with benefits
// that ends with the customer, one that is paid by invoice, and a refund.
func sell(f *floetest.Floe, customer string) {
	note := f.Benefit(nil).ID()
	keys := f.Benefit(map[string]any{"type": "license_keys", "properties": map[string]any{"prefix": "A", "limit_usage": 5}}).ID()
	free := f.Product(map[string]any{"prices": []any{map[string]any{"amount_type": "fixed", "price_amount": 0}}}).ID()
	paid := f.Product(nil).ID()
	discount := f.Discount(nil).ID()
	do := func(method, path string, body any) *floetest.Response { return f.Do(method, path, f.AllToken, body) }
	do("POST", "/v1/products/"+free+"/benefits", map[string]any{"benefits": []any{note, keys}})
	do("PATCH", "/v1/products/"+free, map[string]any{"description": "More"})
	do("PATCH", "/v1/benefits/"+note, map[string]any{"type": "custom", "description": "Noted"})
	do("PATCH", "/v1/discounts/"+discount, map[string]any{"name": "Less"})
	do("DELETE", "/v1/discounts/"+discount, nil)
	do("POST", "/v1/subscriptions/", map[string]any{"product_id": free, "customer_id": customer})
	do("PATCH", "/v1/benefits/"+keys, map[string]any{"type": "license_keys", "properties": map[string]any{"prefix": "A", "limit_usage": 9}})
	s := do("POST", "/v1/subscriptions/", map[string]any{"product_id": paid, "customer_id": customer, "collection_method": "send_invoice"}).ID()
	do("PATCH", "/v1/subscriptions/"+s, map[string]any{"cancel_at_period_end": true, "customer_cancellation_reason": "other"})
	do("PATCH", "/v1/subscriptions/"+s, map[string]any{"cancel_at_period_end": false})
	order := do("GET", "/v1/orders/?subscription_id="+s, nil).Text("items.0.id")
	do("POST", "/v1/orders/"+order+"/payments", map[string]any{"status": "succeeded", "amount": 1000, "reference": "wire 1"})
	do("POST", "/v1/orders/"+order+"/payments", map[string]any{"status": "refunded", "amount": 400, "reference": "wire 2"})
	do("DELETE", "/v1/benefits/"+note, nil)
	charge(f, do)
}

// charge has a payment processor take money and give it back, of which it tells.
func charge(f *floetest.Floe, do func(method, path string, body any) *floetest.Response) {
	p := f.Processor()
	defer func() { f.Server.Payments.Processor = payment.Manual{} }()
	p.Refunding = func(payment.Refund) (payment.RefundResult, error) {
		return payment.RefundResult{Status: payment.RefundPending, Reference: "re_1"}, nil
	}
	buyer := f.Customer(nil).ID()
	f.Card(buyer, true)
	order := do("POST", "/v1/orders/", map[string]any{"customer_id": buyer, "product_id": f.Product(map[string]any{"recurring_interval": nil}).ID()}).ID()
	do("POST", "/v1/orders/"+order+"/finalize", "{}")
	do("POST", "/v1/refunds/", map[string]any{"order_id": order, "reason": "other", "amount": 500})
	f.Tell(payment.Event{ID: "evt_1", Type: payment.RefundUpdated, Refund: "re_1", RefundStatus: payment.RefundSucceeded})
}

// age lets months go by: a subscription is renewed with its benefit, one is
// paused and comes back, one is not paid.
func age(f *floetest.Floe, start time.Time) {
	do := func(method, path string, body any) *floetest.Response { return f.Do(method, path, f.AllToken, body) }
	customer := f.Customer(map[string]any{"name": "Old"}).ID()
	free := f.Product(map[string]any{"prices": []any{map[string]any{"amount_type": "fixed", "price_amount": 0}}}).ID()
	do("POST", "/v1/products/"+free+"/benefits", map[string]any{"benefits": []any{f.Benefit(nil).ID()}})
	do("POST", "/v1/subscriptions/", map[string]any{"product_id": free, "customer_id": customer})
	pausing := do("POST", "/v1/subscriptions/", map[string]any{"product_id": free, "customer_id": f.Customer(nil).ID()}).ID()
	do("PATCH", "/v1/subscriptions/"+pausing, map[string]any{"pause_at_period_end": true})
	do("POST", "/v1/subscriptions/", map[string]any{"product_id": f.Product(nil).ID(), "customer_id": customer, "collection_method": "send_invoice"})
	for month := range 2 {
		f.Clock.Set(start.AddDate(0, month+1, 1))
		f.RunDue()
	}
	do("PATCH", "/v1/subscriptions/"+pausing, map[string]any{"resume": true})
}

// nobody are the types that nothing here can cause: there are no checkouts and
// no seats.
var nobody = []string{"checkout.created", "checkout.updated", "checkout.expired",
	"customer_seat.assigned", "customer_seat.claimed", "customer_seat.revoked"}

// standard has the Go library of Standard Webhooks check a request, given the
// secret as it decodes keys, and as it takes them raw.
func standard(t *testing.T, d *delivered) {
	t.Helper()
	padded, err := standardwebhooks.NewWebhook(d.Secret + "=") // Go insists on padding
	if err != nil {
		t.Fatal(err)
	}
	raw, err := standardwebhooks.NewWebhookRaw([]byte(d.Secret))
	if err != nil {
		t.Fatal(err)
	}
	wrong, err := standardwebhooks.NewWebhookRaw([]byte(d.Wrong))
	if err != nil {
		t.Fatal(err)
	}
	headers := http.Header{}
	for name, value := range d.Headers {
		headers.Set(name, value)
	}
	if err := errors.Join(padded.Verify([]byte(d.Body), headers), raw.Verify([]byte(d.Body), headers)); err != nil {
		t.Errorf("%.80s: %v", d.Body, err)
	}
	if wrong.Verify([]byte(d.Body), headers) == nil {
		t.Errorf("%.80s: taken with another secret", d.Body)
	}
}
