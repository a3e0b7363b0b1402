package payment_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"floe/internal/payment"
)

// silent is a processor that does not answer.
type silent struct{ payment.Manual }

func wait(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func (silent) EnsureCustomer(ctx context.Context, _ payment.Payer) (string, error) {
	return "", wait(ctx)
}
func (silent) DetachMethod(ctx context.Context, _ string) error { return wait(ctx) }
func (silent) Charge(ctx context.Context, _ payment.Charge) (payment.ChargeResult, error) {
	return payment.ChargeResult{}, wait(ctx)
}
func (silent) Refund(ctx context.Context, _ payment.Refund) (payment.RefundResult, error) {
	return payment.RefundResult{}, wait(ctx)
}

// TestSilentProcessor: every call is given up after a while.
func TestSilentProcessor(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	p := payment.Bounded(silent{}, 10*time.Millisecond)
	_, ensured := p.EnsureCustomer(ctx, payment.Payer{})
	_, charged := p.Charge(ctx, payment.Charge{})
	_, refunded := p.Refund(ctx, payment.Refund{})
	for i, err := range []error{ensured, charged, refunded, p.DetachMethod(ctx, "pm_1")} {
		if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			t.Errorf("call %d: %v", i, err)
		}
	}
	if p.Name() != payment.ManualName {
		t.Errorf("it is called %s", p.Name())
	}
}

// TestEach: what fails or panics does not keep the others, nor end the
// program, and there are not more calls at a time than there may be.
func TestEach(t *testing.T) {
	t.Parallel()
	list := make([]int, 40)
	for i := range list {
		list[i] = i
	}
	var now, most, asked atomic.Int32
	err := payment.Each(list, func(i *int) error {
		most.Store(max(most.Load(), now.Add(1)))
		defer now.Add(-1)
		asked.Add(1)
		time.Sleep(time.Millisecond)
		switch *i {
		case 3:
			panic("a mistake of a processor")
		case 5:
			return errors.New("no way")
		}
		return nil
	})
	if n := asked.Load(); n != 40 || most.Load() > 8 || most.Load() < 2 {
		t.Errorf("asked about %d, %d at a time", n, most.Load())
	}
	for _, part := range []string{"a mistake of a processor", "no way"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in %v", part, err)
		}
	}
}
