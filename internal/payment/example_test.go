package payment_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"

	"floe/internal/id"
	"floe/internal/payment"
)

// Purse is a processor that keeps everybody's money in memory. It shows what a
// processor has to do; a real one asks somebody else.
type Purse struct {
	payment.Manual // what is not said below it does not do

	secret []byte
	mu     sync.Mutex
	money  map[string]int64
	done   map[string]any // by idempotency key: what was answered once is answered again
}

// Name is in the path of its events: /processors/purse/events.
func (*Purse) Name() string { return "purse" }

// Capabilities: it charges whoever has money, without a saved method.
func (*Purse) Capabilities() payment.Capabilities {
	return payment.Capabilities{OffSession: true, Refund: true}
}

// EnsureCustomer opens a purse.
func (p *Purse) EnsureCustomer(_ context.Context, c payment.Payer) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	reference := "purse_" + string(c.Customer)
	p.money[reference] += 0
	return reference, nil
}

// Charge takes money out of a purse, or declines.
func (p *Purse) Charge(_ context.Context, c payment.Charge) (payment.ChargeResult, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if answer, ok := p.done[c.IdempotencyKey]; ok {
		return answer.(payment.ChargeResult), nil
	}
	r := payment.ChargeResult{State: payment.StateFailed, Code: "insufficient_funds", Message: "The purse is too light."}
	if p.money[c.Payer] >= c.Amount {
		p.money[c.Payer] -= c.Amount
		r = payment.ChargeResult{State: payment.StateSucceeded, Reference: "taken:" + c.IdempotencyKey}
	}
	p.done[c.IdempotencyKey] = r
	return r, nil
}

// Refund puts money back.
func (p *Purse) Refund(_ context.Context, r payment.Refund) (payment.RefundResult, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if answer, ok := p.done[r.IdempotencyKey]; ok {
		return answer.(payment.RefundResult), nil
	}
	answer := payment.RefundResult{Status: payment.RefundSucceeded, Reference: "back:" + r.IdempotencyKey}
	p.done[r.IdempotencyKey] = answer
	return answer, nil
}

// ParseWebhook checks the signature before anything else, and knows one event.
func (p *Purse) ParseWebhook(header http.Header, body []byte) ([]payment.Event, error) {
	given, _ := hex.DecodeString(header.Get("Purse-Signature"))
	if !hmac.Equal(given, p.sign(body)) {
		return nil, payment.ErrSignature
	}
	var told struct{ ID, What, Organization, Order, Payment string }
	if err := json.Unmarshal(body, &told); err != nil {
		return nil, err
	}
	if told.What != "taken" {
		return nil, nil
	}
	return []payment.Event{{ID: told.ID, Type: payment.PaymentSucceeded, Organization: id.ID(told.Organization), Order: id.ID(told.Order),
		Payment: told.Payment}}, nil
}

func (p *Purse) sign(body []byte) []byte {
	h := hmac.New(sha256.New, p.secret)
	h.Write(body)
	return h.Sum(nil)
}

func Example() {
	purse := &Purse{secret: []byte("secret"), money: map[string]int64{}, done: map[string]any{}}
	var p payment.Processor = purse
	ctx := context.Background()

	payer, _ := p.EnsureCustomer(ctx, payment.Payer{Customer: "c1"})
	purse.money[payer] = 1500
	charge := payment.Charge{Payer: payer, Amount: 1000, Currency: "usd", IdempotencyKey: "order:o1:default:0"}
	for range 2 { // the second time the answer to the first was lost
		r, _ := p.Charge(ctx, charge)
		fmt.Println(r.State, purse.money[payer])
	}
	charge.IdempotencyKey = "order:o2:default:0"
	r, _ := p.Charge(ctx, charge)
	fmt.Println(r.State, r.Code)

	body := []byte(`{"ID": "e1", "What": "taken", "Order": "o1", "Payment": "taken:order:o1:default:0"}`)
	_, err := p.ParseWebhook(http.Header{}, body)
	fmt.Println(err)
	signed := http.Header{"Purse-Signature": {hex.EncodeToString(purse.sign(body))}}
	events, _ := p.ParseWebhook(signed, body)
	fmt.Println(events[0].Type, events[0].Order)

	// Output:
	// succeeded 500
	// succeeded 500
	// failed insufficient_funds
	// the signature is not right
	// payment.succeeded o1
}
