package floetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/payment"
)

// ErrLost is an answer that got lost on the way: the money may have moved.
var ErrLost = errors.New("the connection broke")

// Processor is a payment processor that does what a test has told it. It keeps
// the promises of one: under an idempotency key it does a thing once, and says
// the same again. It fails a test that asks it inside a transaction, or for
// something else under a key that it knows.
type Processor struct {
	Can payment.Capabilities
	// What the next calls answer; it succeeds when there is nothing. With
	// ErrLost and a result it has done it, and nobody has heard.
	Charging  func(payment.Charge) (payment.ChargeResult, error)
	Refunding func(payment.Refund) (payment.RefundResult, error)
	// Dies ends the caller once the thing is done: nothing of it is recorded.
	Dies bool

	t    testing.TB
	db   *db.DB
	name string

	mu       sync.Mutex
	charges  []payment.Charge
	refunds  []payment.Refund
	payers   []payment.Payer
	detached []string
	known    map[string]answer
	said     int
}

type answer struct {
	of     [32]byte
	result any
}

// Everything is what a processor can do that can do all.
var Everything = payment.Capabilities{OffSession: true, SaveMethods: true, Refund: true, MinimumCharge: true}

// NewProcessor is a payment processor that can do everything, for a server on a
// database. It is called "stripe", because that is the one name that all SDKs
// know.
func NewProcessor(t testing.TB, d *db.DB) *Processor {
	return &Processor{Can: Everything, t: t, db: d, name: "stripe", known: map[string]answer{}}
}

// Processor gives the instance a payment processor.
func (f *Floe) Processor() *Processor {
	p := NewProcessor(f.t, f.DB)
	f.Server.Payments.Processor = p
	return p
}

// Name is what it is called.
func (p *Processor) Name() string { return p.name }

// Capabilities are what it can do.
func (p *Processor) Capabilities() payment.Capabilities { return p.Can }

// Answer makes all charges end in one way.
func (p *Processor) Answer(r payment.ChargeResult, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Charging = func(payment.Charge) (payment.ChargeResult, error) { return r, err }
}

// Heal makes all that is asked succeed.
func (p *Processor) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Charging, p.Refunding = nil, nil
}

// Charges are those that it was asked for since the last time, also the same again.
func (p *Processor) Charges() []payment.Charge { return take(p, &p.charges) }

// Refunds are those that it was asked for since the last time.
func (p *Processor) Refunds() []payment.Refund { return take(p, &p.refunds) }

// Payers are the customers that it was told of since the last time.
func (p *Processor) Payers() []payment.Payer { return take(p, &p.payers) }

// Detached are the methods that it was told to forget since the last time.
func (p *Processor) Detached() []string { return take(p, &p.detached) }

func take[T any](p *Processor, from *[]T) []T {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := *from
	*from = nil
	return out
}

// EnsureCustomer knows everybody.
func (p *Processor) EnsureCustomer(ctx context.Context, x payment.Payer) (string, error) {
	p.outside(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.payers = append(p.payers, x)
	return "cus_" + string(x.Customer), nil
}

// Charge does what Charging says.
func (p *Processor) Charge(ctx context.Context, c payment.Charge) (payment.ChargeResult, error) {
	p.outside(ctx)
	p.mu.Lock()
	p.charges = append(p.charges, c)
	do := p.Charging
	p.mu.Unlock()
	return once(p, c.IdempotencyKey, c, func() (payment.ChargeResult, error) {
		if do == nil {
			return payment.ChargeResult{State: payment.StateSucceeded}, nil
		}
		return do(c)
	}, func(r *payment.ChargeResult) {
		if r.Reference == "" {
			r.Reference = p.next("pay")
		}
	})
}

// Refund does what Refunding says.
func (p *Processor) Refund(ctx context.Context, r payment.Refund) (payment.RefundResult, error) {
	p.outside(ctx)
	p.mu.Lock()
	p.refunds = append(p.refunds, r)
	do := p.Refunding
	p.mu.Unlock()
	return once(p, r.IdempotencyKey, r, func() (payment.RefundResult, error) {
		if do == nil {
			return payment.RefundResult{Status: payment.RefundSucceeded}, nil
		}
		return do(r)
	}, func(r *payment.RefundResult) {
		if r.Reference == "" {
			r.Reference = p.next("re")
		}
	})
}

// once does a thing once for a key. An error without a result has done nothing.
func once[T any](p *Processor, key string, of any, do func() (T, error), name func(*T)) (T, error) {
	sum := sha256.Sum256(fmt.Appendf(nil, "%+v", of))
	p.mu.Lock()
	before, ok := p.known[key]
	p.mu.Unlock()
	if ok {
		if before.of != sum {
			p.fail("something else was asked under the key %s: %+v", key, of)
		}
		return before.result.(T), nil
	}
	r, err := do()
	var zero T
	if err != nil && fmt.Sprint(r) == fmt.Sprint(zero) {
		return r, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	name(&r)
	p.known[key] = answer{sum, r}
	if p.Dies {
		p.Dies = false
		panic(http.ErrAbortHandler)
	}
	if err != nil {
		return zero, err
	}
	return r, nil
}

// DetachMethod forgets.
func (p *Processor) DetachMethod(ctx context.Context, method string) error {
	p.outside(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.detached = append(p.detached, method)
	return nil
}

// Signature is the header that makes a body one of the processor's.
const Signature = "Scripted-Signature"

// ParseWebhook reads a list of events.
func (p *Processor) ParseWebhook(header http.Header, body []byte) (list []payment.Event, err error) {
	if header.Get(Signature) != "good" {
		return nil, payment.ErrSignature
	}
	return list, json.Unmarshal(body, &list)
}

// CardOf is a card with a reference.
func CardOf(reference string) *payment.Method {
	return &payment.Method{Reference: reference, Type: "card", Card: &payment.Card{Brand: "visa", Last4: "4242", ExpMonth: 7, ExpYear: 2030}}
}

func (p *Processor) next(prefix string) string {
	p.said++
	return fmt.Sprintf("%s_%d", prefix, p.said)
}

// outside finds out whether the caller has a transaction open: on SQLite this
// would wait for it.
func (p *Processor) outside(ctx context.Context) {
	done := make(chan error, 1)
	go func() { done <- p.db.Write(context.WithoutCancel(ctx), func(*db.Tx) error { return nil }) }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		p.fail("a processor was asked inside a transaction")
	}
}

func (p *Processor) fail(format string, args ...any) { p.t.Errorf(format, args...) }

// Tell brings events of the processor to the server, as the processor would,
// and answers the status.
func (f *Floe) Tell(events ...payment.Event) int {
	f.t.Helper()
	body, err := json.Marshal(events)
	if err != nil {
		f.t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(f.t.Context(), http.MethodPost, "/processors/stripe/events", bytes.NewReader(body))
	r.Header.Set(Signature, "good")
	w := httptest.NewRecorder()
	f.Handler.ServeHTTP(w, r)
	return w.Code
}

// Card saves a card for a customer, as the processor tells of one.
func (f *Floe) Card(customer string, byDefault bool) (reference string) {
	f.t.Helper()
	reference = fmt.Sprintf("pm_%d", f.n.Add(1))
	code := f.Tell(payment.Event{ID: "setup_" + reference, Type: payment.SetupSucceeded, Organization: f.Org.ID, Customer: id.ID(customer),
		Method: CardOf(reference), Default: byDefault})
	if code != http.StatusNoContent {
		f.t.Fatalf("save a card: %d", code)
	}
	return reference
}
