package payment

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// Bounded is a processor whose calls are given up after a while. No answer is
// trouble on the way, as any other: the same is asked again later.
func Bounded(p Processor, most time.Duration) Processor { return bounded{p, most} }

type bounded struct {
	Processor
	most time.Duration
}

func (b bounded) EnsureCustomer(ctx context.Context, p Payer) (string, error) {
	ctx, stop := context.WithTimeout(ctx, b.most)
	defer stop()
	return b.Processor.EnsureCustomer(ctx, p)
}

func (b bounded) Charge(ctx context.Context, c Charge) (ChargeResult, error) {
	ctx, stop := context.WithTimeout(ctx, b.most)
	defer stop()
	return b.Processor.Charge(ctx, c)
}

func (b bounded) DetachMethod(ctx context.Context, method string) error {
	ctx, stop := context.WithTimeout(ctx, b.most)
	defer stop()
	return b.Processor.DetachMethod(ctx, method)
}

func (b bounded) Refund(ctx context.Context, r Refund) (RefundResult, error) {
	ctx, stop := context.WithTimeout(ctx, b.most)
	defer stop()
	return b.Processor.Refund(ctx, r)
}

// atOnce is how many calls of a processor are under way at a time.
const atOnce = 8

// Each asks a processor about each of a list, some at a time. One that fails
// does not keep the others; the error is that of all.
func Each[T any](list []T, ask func(*T) error) error {
	failed := make([]error, len(list))
	var wait sync.WaitGroup
	places := make(chan struct{}, atOnce)
	for i := range list {
		places <- struct{}{}
		wait.Go(func() {
			defer func() { <-places }()
			failed[i] = safely(ask, &list[i])
		})
	}
	wait.Wait()
	return errors.Join(failed...)
}

// safely makes an error of a panic, which would end the server.
func safely[T any](ask func(*T) error, about *T) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return ask(about)
}
