package arbitrary_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sort"
	"strings"
	"testing"

	"floe/internal/floetest"
	"floe/internal/id"
	"floe/internal/payment"
)

// Whatever comes as a query or a body, of whatever operation, is taken or
// refused: with it every type that reads a value of its own.
func FuzzRequest(f *testing.F) {
	s := floetest.New(f)
	s.Processor()
	d := s.Server.Document()
	type operation struct{ method, path string }
	var list []operation
	for path, items := range d.Paths {
		for method := range items {
			if path != "/v1/webhooks/listen" { // which answers as long as somebody listens
				list = append(list, operation{strings.ToUpper(method), path})
			}
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].path+list[i].method < list[j].path+list[j].method })
	for i, o := range list {
		body := `{"type":"percentage","name":"a","code":"A","duration":"forever","basis_points":1,"amounts":{"usd":1},"amount":1.0,"metadata":{"a":1},
			"prices":[{"amount_type":"seat_based","seat_tiers":{"tiers":[{"min_seats":1,"price_per_seat":1}]}}],"email":"a@b.example","tax_id":"FR61954506077",
			"billing_address":{"country":"DE"},"socials":[{"platform":"x","url":"https://x.com/a"}],"trial_end":"now","custom_field_data":{"a":"2026-01-01"}}`
		query := "limit=1&sorting=-created_at&metadata[a]=1&created_after=2026-05-04&after=1&cursor=1.x&include=paused&timezone=UTC&columns=id"
		if o.method == http.MethodGet {
			body = ""
		}
		f.Add(uint8(i), //nolint:gosec // there are not so many
			"019df0ef-80b0-4281-bbee-de10610aa93d", query, body)
	}
	f.Fuzz(func(t *testing.T, which uint8, name, query, body string) {
		o := list[int(which)%len(list)]
		parts := strings.Split(o.path, "/")
		for i, part := range parts {
			if strings.HasPrefix(part, "{") {
				parts[i] = url.PathEscape(name)
			}
		}
		values, err := url.ParseQuery(query)
		if err != nil || values.Has("wait") {
			return
		}
		r := httptest.NewRequestWithContext(t.Context(), o.method, "/", strings.NewReader(body))
		r.URL.RawPath, r.URL.RawQuery = strings.Join(parts, "/"), values.Encode()
		if r.URL.Path, err = url.PathUnescape(r.URL.RawPath); err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+s.AllToken)
		if w := serve(s, r); w.Code >= 500 {
			t.Errorf("%s %s %q: %d %s", o.method, r.URL, body, w.Code, w.Body)
		}
	})
}

// Whatever stands in the headers that are read, the request is answered, and no
// header of the answer ends before its end.
func FuzzHeaders(f *testing.F) {
	s := floetest.New(f)
	path := "/v1/customers/" + s.Customer(nil).ID() + "/state"
	names := []string{"Authorization", "Polar-Organization", "Polar-Version", "Floe-Consistency", "Last-Event-ID", "If-None-Match", "Origin",
		"Access-Control-Request-Method", "Access-Control-Request-Headers", "X-Forwarded-For", "Content-Type", "Content-Encoding", "Accept", "Expect"}
	for i, value := range []string{"Bearer polar_oat_x", string(s.Org.ID), "2026-04", "eventual, 0/1", "7", `W/"x", *`, "https://example.com",
		"PATCH", "authorization,x\r\ny", "10.0.0.1, [::1]:80", "application/json; charset=\"", "gzip", "text/html;q=0,*/*", "100-continue"} {
		for method := range uint8(3) {
			f.Add(method, uint8(i), value, "https://example.com") //nolint:gosec // there are not so many
		}
	}
	f.Fuzz(func(t *testing.T, which, name uint8, value, origin string) {
		method := []string{http.MethodGet, http.MethodPost, http.MethodOptions}[which%3]
		r := httptest.NewRequestWithContext(t.Context(), method, map[bool]string{true: "/v1/customers/", false: path}[method == http.MethodPost], strings.NewReader(`{}`))
		r.Header.Set("Authorization", "Bearer "+s.AllToken)
		r.Header.Set("Origin", origin)
		r.Header.Set(names[int(name)%len(names)], value)
		w := serve(s, r)
		if w.Code >= 500 {
			t.Errorf("%s with %q: %d %s", method, r.Header, w.Code, w.Body)
		}
		for name, values := range w.Header() {
			for _, v := range values {
				if strings.ContainsAny(v, "\r\n\x00") {
					t.Errorf("%s with %q: %s is %q", method, r.Header, name, v)
				}
			}
		}
	})
}

// serve has a request answered. What Floe.Do checks besides it cannot report
// within a fuzz target.
func serve(s *floetest.Floe, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.Handler.ServeHTTP(w, r)
	return w
}

// Whatever a processor tells is taken in or refused for good: what fails with
// 500 is told again and again.
func FuzzEvent(f *testing.F) {
	s := floetest.New(f)
	moody(s.Processor())
	customer := s.Customer(nil).ID()
	product := s.Product(map[string]any{"recurring_interval": nil}).ID()
	order := s.Do("POST", "/v1/orders/", s.AllToken, fields{"customer_id": customer, "product_id": product}).ID()
	s.Card(customer, true)
	s.Do("POST", "/v1/orders/"+order+"/finalize", s.AllToken, fields{})
	for _, kind := range []payment.EventType{payment.PaymentSucceeded, payment.PaymentFailed, payment.PaymentPending, payment.SetupSucceeded,
		payment.SetupFailed, payment.RefundUpdated, payment.MethodUpdated, payment.MethodDetached, payment.DisputeUpdated} {
		f.Add(string(kind), "evt_1", "pay_1", "", "usd", "succeeded", int64(1000), true)
		f.Add(string(kind), "evt_1", "pay_1", order, "eur", "won", int64(-1), false)
		f.Add(string(kind), "evt_2", "pm_1", "nobody", "", "", int64(1)<<62, true)
	}
	f.Fuzz(func(t *testing.T, kind, name, about, whose, currency, status string, amount int64, known bool) {
		e := payment.Event{ID: name, Type: payment.EventType(kind), Payment: about, Refund: about, Dispute: about, Payer: about, Key: about,
			Currency: currency, Amount: amount, Code: status, Message: status, Hard: known, Default: known,
			RefundStatus: payment.RefundStatus(status), DisputeStatus: payment.DisputeStatus(status), DisputeReason: status, Method: floetest.CardOf(about)}
		e.Method.Type, e.Method.Card.Brand = status, status
		if known {
			e.Organization = s.Org.ID
			e.Order, e.Customer = id.ID(whose), id.ID(customer)
		}
		body, err := json.Marshal([]payment.Event{e})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/processors/stripe/events", bytes.NewReader(body))
		r.Header.Set(floetest.Signature, "good")
		if w := serve(s, r); w.Code >= 500 {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	})
}
