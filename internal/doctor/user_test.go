package doctor_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/id"
	"floe/internal/organization"
	"floe/internal/payment"
	"floe/internal/server"
	"floe/internal/token"
	"floe/internal/webhook"
)

// known is the external id of a customer, and the beginning of the address.
const known = "zebra-7"

// user makes what the demo has none of, through the API.
type user struct {
	t     *testing.T
	d     *db.DB
	s     *server.Server
	token string
}

// organization makes one more.
func (u *user) organization(name, slug string) (org id.ID) {
	u.t.Helper()
	in, err := organization.Draft(name, slug)
	if err != nil {
		u.t.Fatal(err)
	}
	err = u.d.Write(u.t.Context(), func(tx *db.Tx) error {
		o, err := u.s.Organizations.Create(u.t.Context(), tx, auth.NewSystem("test"), in)
		org = o.ID
		return err
	})
	if err != nil {
		u.t.Fatal(err)
	}
	return org
}

func (u *user) tokenOf(org id.ID) string { return u.tokenFor(token.Request{OrganizationID: org}) }

func (u *user) tokenFor(r token.Request) (clear string) {
	u.t.Helper()
	r.Scopes = auth.GrantableScopes()
	err := u.d.Write(u.t.Context(), func(tx *db.Tx) (err error) {
		_, clear, err = u.s.Tokens.Create(u.t.Context(), tx, auth.NewSystem("test"), r)
		return err
	})
	if err != nil {
		u.t.Fatal(err)
	}
	return clear
}

// ask answers the status of a request and the body of the answer.
func (u *user) ask(method, path, body string) (status int, answer string) {
	u.t.Helper()
	r := httptest.NewRequestWithContext(u.t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+u.token)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(floetest.Signature, "good")
	w := httptest.NewRecorder()
	u.s.Handler().ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// call makes a request that succeeds, and answers the id of what it is about.
func (u *user) call(method, path, body string) string {
	u.t.Helper()
	status, answer := u.ask(method, path, body)
	if status >= 300 {
		u.t.Fatalf("%s %s: %d %s", method, path, status, answer)
	}
	var x struct{ ID string }
	_ = json.Unmarshal([]byte(answer), &x)
	return x.ID
}

// refused makes a request that does not succeed, but leaves something.
func (u *user) refused(status int, method, path, body string) {
	u.t.Helper()
	if got, answer := u.ask(method, path, body); got != status {
		u.t.Fatalf("%s %s: %d %s, want %d", method, path, got, answer, status)
	}
}

// tell brings an event of the processor.
func (u *user) tell(e payment.Event) {
	u.t.Helper()
	body, err := json.Marshal([]payment.Event{e})
	if err != nil {
		u.t.Fatal(err)
	}
	u.call("POST", "/processors/stripe/events", string(body))
}

// customers are some with webhooks that wait, one who is gone and one who was erased.
func (u *user) customers() {
	u.t.Helper()
	u.call("POST", "/v1/webhooks/endpoints", `{"url":"http://127.0.0.1:1/hook","format":"raw","events":["customer.created","customer.updated","customer.deleted","customer.state_changed"]}`)
	gone := u.call("POST", "/v1/customers/", `{"email":"gone@example.com","metadata":{"a":1}}`)
	u.call("PATCH", "/v1/customers/"+gone, `{"name":"Somebody"}`)
	u.call("DELETE", "/v1/customers/"+gone, "")
	here := u.call("POST", "/v1/customers/", `{"email":"`+known+`@example.com","external_id":"`+known+`"}`)
	u.call("POST", "/v1/customer-sessions/", `{"customer_id":"`+here+`"}`)
	u.call("POST", "/v1/customers/", `{"email":"written@example.com","metadata":{"Some\nkey\t\u0001":"Some\r\n\"value\"\\<&é\u2028","Tab":"A\tb"}}`)
	u.erased()
}

// erased is somebody who has bought before they were erased.
func (u *user) erased() {
	u.t.Helper()
	c := u.call("POST", "/v1/customers/", `{"email":"erased@example.com","name":"Erased","billing_address":{"country":"FR"}}`)
	once := u.product("1000", "null")
	key := u.call("POST", "/v1/benefits/", `{"type":"license_keys","description":"Key","properties":{}}`)
	u.call("POST", "/v1/products/"+once+"/benefits", `{"benefits":["`+key+`"]}`)
	draft := `{"product_id":"` + once + `","customer_id":"` + c + `"}`
	o := u.call("POST", "/v1/orders/", draft)
	u.call("POST", "/v1/orders/"+o+"/finalize", `{"collection_method":"send_invoice"}`)
	u.call("POST", "/v1/orders/"+o+"/payments", `{"status":"succeeded","amount":1000,"reference":"erased","note":"Erased"}`)
	u.call("POST", "/v1/refunds/", `{"order_id":"`+o+`","amount":100,"reason":"other","comment":"Erased"}`)
	u.call("POST", "/v1/orders/", draft)
	u.call("DELETE", "/v1/customers/"+c+"?anonymize=true", "")
}

// card is a new customer with a card.
func (u *user) card(org id.ID, name string) string {
	u.t.Helper()
	c := u.call("POST", "/v1/customers/", `{"email":"`+name+`@example.com","billing_address":{"country":"FR"},"name":"`+name+`"}`)
	u.tell(payment.Event{ID: "setup_" + name, Type: payment.SetupSucceeded, Organization: org, Customer: id.ID(c), Method: floetest.CardOf("pm_" + name), Default: true})
	return c
}

func (u *user) product(price, interval string) string {
	u.t.Helper()
	return u.call("POST", "/v1/products/", `{"name":"Plan `+price+`","recurring_interval":`+interval+`,"prices":[{"amount_type":"fixed","price_amount":`+price+`}]}`)
}

// payments are all that a processor can have to do with: what it took, was
// refused, gave back, was told of and has not answered for.
func (u *user) payments(org id.ID) {
	u.t.Helper()
	p := floetest.NewProcessor(u.t, u.d)
	before := u.s.Payments.Processor
	u.s.Payments.Processor = p
	defer func() { u.s.Payments.Processor = before }()
	c, once := u.card(org, "card"), u.product("1000", "null")
	order := func(status int) string {
		o := u.call("POST", "/v1/orders/", `{"product_id":"`+once+`","customer_id":"`+c+`"}`)
		if status == 200 {
			u.call("POST", "/v1/orders/"+o+"/finalize", "{}")
		} else {
			u.refused(status, "POST", "/v1/orders/"+o+"/finalize", "{}")
		}
		return o
	}
	refund := func(o, amount string) string {
		return `{"order_id":"` + o + `","amount":` + amount + `,"reason":"other"}`
	}
	paid := order(200)
	u.call("POST", "/v1/refunds/", refund(paid, "300"))
	u.call("POST", "/v1/orders/"+paid+"/invoice", "")
	u.tell(payment.Event{ID: "dispute", Type: payment.DisputeUpdated, Payment: "pay_1", Dispute: "dp_1", DisputeStatus: payment.DisputeNeedsResponse, Amount: 700})
	paid = order(200)
	p.Refunding = func(payment.Refund) (payment.RefundResult, error) { return payment.RefundResult{}, floetest.ErrLost }
	u.refused(500, "POST", "/v1/refunds/", refund(paid, "400"))
	p.Answer(payment.ChargeResult{State: payment.StateFailed, Code: "card_error", Message: "No."}, nil)
	order(402)
	p.Answer(payment.ChargeResult{}, floetest.ErrLost)
	order(500)
	free, plan := u.product("0", `"month"`), u.product("3000", `"month"`)
	s := u.call("POST", "/v1/subscriptions/", `{"product_id":"`+free+`","customer_id":"`+c+`"}`)
	u.refused(500, "PATCH", "/v1/subscriptions/"+s, `{"product_id":"`+plan+`","proration_behavior":"invoice"}`)
	p.Heal()
	u.call("DELETE", "/v1/customers/"+u.card(org, "former"), "") // whose card is to be forgotten
	u.balance(plan, free)
}

// balance is what a change to something cheaper leaves, with a discount for
// one product only.
func (u *user) balance(plan, free string) {
	u.t.Helper()
	c := u.call("POST", "/v1/customers/", `{"email":"credit@example.com"}`)
	s := u.call("POST", "/v1/subscriptions/", `{"product_id":"`+plan+`","customer_id":"`+c+`","collection_method":"send_invoice"}`)
	u.call("PATCH", "/v1/subscriptions/"+s, `{"product_id":"`+free+`","proration_behavior":"invoice"}`)
	d := u.call("POST", "/v1/discounts/", `{"name":"Some","type":"percentage","basis_points":1000,"duration":"forever","products":["`+plan+`"]}`)
	u.call("PATCH", "/v1/subscriptions/"+s, `{"product_id":"`+plan+`","discount_id":"`+d+`","proration_behavior":"next_period"}`)
	c = u.call("POST", "/v1/customers/", `{"email":"between@example.com"}`) // whose next bill will have two parts of a period
	s = u.call("POST", "/v1/subscriptions/", `{"product_id":"`+plan+`","customer_id":"`+c+`","collection_method":"send_invoice"}`)
	u.call("PATCH", "/v1/subscriptions/"+s, `{"product_id":"`+u.product("5000", `"month"`)+`","proration_behavior":"prorate"}`)
	d = u.call("POST", "/v1/discounts/", `{"name":"Less","type":"fixed","amounts":{"usd":300},"duration":"forever"}`)
	u.call("PATCH", "/v1/subscriptions/"+s, `{"discount_id":"`+d+`"}`)
}

// heldKey is the license key of a subscription.
type heldKey struct{ path, text, subscription, benefit string }

// key has somebody subscribe to what gives a license key.
func (u *user) key(name, properties string) (k heldKey) {
	u.t.Helper()
	k.benefit = u.call("POST", "/v1/benefits/", `{"type":"license_keys","description":"Key","properties":`+properties+`}`)
	p := u.product("0", `"month"`)
	u.call("POST", "/v1/products/"+p+"/benefits", `{"benefits":["`+k.benefit+`"]}`)
	c := u.call("POST", "/v1/customers/", `{"email":"`+name+`@example.com"}`)
	k.subscription = u.call("POST", "/v1/subscriptions/", `{"product_id":"`+p+`","customer_id":"`+c+`"}`)
	_, list := u.ask("GET", "/v1/license-keys/?benefit_id="+k.benefit, "")
	var keys struct {
		Items []struct{ ID, Key string }
	}
	if err := json.Unmarshal([]byte(list), &keys); err != nil || len(keys.Items) != 1 {
		u.t.Fatalf("%v: %s", err, list)
	}
	k.path, k.text = "/v1/license-keys/"+keys.Items[0].ID, keys.Items[0].Key
	return k
}

// keys have a status that somebody has set: one was taken back from a running
// subscription, one given back after its subscription had ended, and one after
// its benefit was deleted.
func (u *user) keys() {
	u.t.Helper()
	taken := u.key("taken", "{}")
	u.call("PATCH", taken.path, `{"status":"revoked"}`)
	given := u.key("given", "{}")
	u.call("DELETE", "/v1/subscriptions/"+given.subscription, "")
	u.call("PATCH", given.path, `{"status":"granted"}`)
	kept := u.key("kept", "{}")
	u.call("DELETE", "/v1/benefits/"+kept.benefit, "")
	u.call("PATCH", kept.path, `{"status":"granted"}`)
}

// clock is an organization that lives in another time.
func (u *user) clock() {
	u.t.Helper()
	org := u.organization("Later", "later")
	later := &user{t: u.t, d: u.d, s: u.s, token: u.tokenOf(org)}
	later.call("POST", "/v1/test-clock", `{"now":"2026-01-31T00:00:00Z"}`)
	plan := later.product("3000", `"month"`)
	c := later.call("POST", "/v1/customers/", `{"email":"later@example.com"}`)
	later.call("POST", "/v1/customer-sessions/", `{"customer_id":"`+c+`"}`)
	later.call("POST", "/v1/subscriptions/", `{"product_id":"`+plan+`","customer_id":"`+c+`","collection_method":"send_invoice"}`)
	later.call("POST", "/v1/test-clock/advance", `{"to":"2026-03-01T00:00:00Z"}`)
}

// released is what was changed after a test clock was: later, at an earlier time.
func (u *user) released(org id.ID) {
	u.t.Helper()
	u.call("POST", "/v1/test-clock", `{"now":"`+time.Now().AddDate(0, 1, 0).UTC().Format(time.RFC3339)+`"}`)
	c := u.call("POST", "/v1/customers/", `{"email":"left@example.com"}`)
	draft := u.call("POST", "/v1/orders/", `{"product_id":"`+u.product("1000", "null")+`","customer_id":"`+c+`"}`)
	u.call("DELETE", "/v1/customers/"+c+"?anonymize=true", "")
	two := func(name string) heldKey {
		k := u.key(name, `{"activations":{"limit":2,"enable_customer_admin":false}}`)
		for _, label := range []string{"one", "other"} {
			u.call("POST", "/v1/license-keys/activate", `{"key":"`+k.text+`","organization_id":"`+string(org)+`","label":"`+label+`"}`)
		}
		return k
	}
	lowered, changed := two("lowered"), two("changed")
	u.call("DELETE", "/v1/test-clock", "")
	u.call("PATCH", "/v1/orders/"+draft, `{"billing_name":"Heirs"}`)
	u.call("PATCH", lowered.path, `{"limit_activations":1}`)
	u.call("PATCH", "/v1/benefits/"+changed.benefit, `{"type":"license_keys","properties":{"activations":{"limit":1,"enable_customer_admin":false}}}`)
}

// webhooks were tried and are to be sent again.
func (u *user) webhooks() {
	u.t.Helper()
	ep := u.call("POST", "/v1/webhooks/endpoints", `{"url":"http://127.0.0.1:1/again","format":"raw","events":["customer.updated"]}`)
	u.call("PATCH", "/v1/customers/external/"+known, `{"name":"Zebra"}`)
	if _, err := u.s.Webhooks.Drain(u.t.Context()); err != nil {
		u.t.Fatal(err)
	}
	u.call("POST", "/v1/webhooks/replays", `{"endpoint_id":"`+ep+`","since":"`+time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)+`"}`)
}

// founds has somebody make an organization of their own.
func (u *user) founds(somebody id.ID) {
	u.t.Helper()
	founder := &user{t: u.t, d: u.d, s: u.s, token: u.tokenFor(token.Request{UserID: somebody})}
	founder.call("POST", "/v1/organizations/", `{"name":"Founded","slug":"founded"}`)
}

// jobs are those that a server begins with, and that of a program that listens.
func (u *user) jobs() {
	u.t.Helper()
	err := u.d.Write(u.t.Context(), func(tx *db.Tx) error {
		for _, kind := range []string{"billing.cycle", "customer_sessions.purge", webhook.JobArchive} {
			if err := u.s.Jobs.Schedule(u.t.Context(), tx, kind, tx.Now().Add(time.Hour)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		u.t.Fatal(err)
	}
	u.call("GET", "/v1/webhooks/listen?session="+string(id.New()), "")
}
