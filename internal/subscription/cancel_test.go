package subscription_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"floe/internal/floetest"
)

func TestCancel(t *testing.T) { // 27, 45, 59 to 63; orders 20
	each(t, func(b *bench) {
		b.at("2026-01-10T00:00:00Z")
		s := b.subscribe(b.fixed(0)).ID()
		end := b.get(s).Text("current_period_end")
		b.refused(b.patch(s, obj{"cancel_at_period_end": false}), 400, "BadRequest")
		later := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC).Format(time.RFC3339)
		b.want(b.patch(s, obj{"pause_at_period_end": true, "resumes_at": later}), obj{"pause_at_period_end": true, "resumes_at": later})
		b.said(b.events(func() {
			r := b.patch(s, obj{"cancel_at_period_end": true, "customer_cancellation_reason": "other", "customer_cancellation_comment": "bye"})
			b.want(r, obj{"status": "active", "cancel_at_period_end": true, "ends_at": end, "ended_at": nil, "canceled_at": floetest.Any,
				"customer_cancellation_reason": "other", "customer_cancellation_comment": "bye", "pause_at_period_end": false, "resumes_at": nil})
		}), "subscription.updated", "subscription.canceled")
		b.refused(b.patch(s, obj{"cancel_at_period_end": true}), 403, "AlreadyCanceledSubscription")
		b.refused(b.patch(s, obj{"product_id": b.fixed(0)}), 403, "AlreadyCanceledSubscription")
		b.said(b.events(func() {
			b.want(b.patch(s, obj{"cancel_at_period_end": false}), obj{"status": "active", "cancel_at_period_end": false, "ends_at": nil,
				"canceled_at": nil, "customer_cancellation_reason": nil, "customer_cancellation_comment": nil})
		}), "subscription.updated", "subscription.uncanceled")
		b.patch(s, obj{"cancel_at_period_end": true})
		b.said(b.events(func() { b.due("2026-02-12T00:00:00Z") }), "subscription.updated", "subscription.canceled", "subscription.revoked")
		r := b.get(s)
		b.want(r, obj{"status": "canceled", "ends_at": end, "current_period_end": end})
		if !strings.HasPrefix(r.Text("ended_at"), "2026-02-12") || len(b.orders(s)) != 0 {
			b.t.Errorf("the end: %s", r.Body)
		}
		b.refused(b.patch(s, obj{"cancel_at_period_end": false}), 410, "ResourceUnavailable")

		paid := b.subscribe(b.granting(1000), invoiced).ID()
		b.said(b.events(func() {
			r := b.Do("DELETE", "/v1/subscriptions/"+paid, b.AllToken, nil)
			b.want(r, obj{"status": "canceled", "canceled_at": r.Path("ended_at"), "ends_at": r.Path("ended_at")})
			if r.Status != http.StatusOK {
				b.t.Errorf("DELETE: %d", r.Status)
			}
		}, "subscription.", "benefit_grant."), "subscription.updated", "subscription.canceled", "subscription.revoked", "benefit_grant.revoked")
		if o := b.orders(paid)[0].(obj); o["status"] != "void" {
			b.t.Errorf("a pending order is %v", o["status"])
		}
		b.refused(b.Do("DELETE", "/v1/subscriptions/"+paid, b.AllToken, nil), 403, "AlreadyCanceledSubscription")
		b.refused(b.patch(paid, obj{"revoke": true}), 403, "AlreadyCanceledSubscription")

		// 60, 71
		b.at("2026-03-01T00:00:00Z")
		late := b.subscribe(b.fixed(1000), invoiced).ID()
		b.said(b.events(func() { b.due("2026-03-16T00:00:00Z") }), "subscription.updated", "subscription.past_due")
		since := b.get(late).Text("past_due_at")
		b.want(b.patch(late, obj{"cancel_at_period_end": true}), obj{"status": "past_due", "cancel_at_period_end": true})
		b.want(b.patch(late, obj{"cancel_at_period_end": false}), obj{"status": "past_due", "cancel_at_period_end": false, "past_due_at": since})
		b.due("2026-03-19T00:00:00Z")
		b.want(b.get(late), obj{"past_due_at": since})
		b.said(b.events(func() { b.pay(late) }, "subscription.", "order."), "subscription.updated", "subscription.active", "order.updated", "order.paid")
		b.want(b.get(late), obj{"status": "active", "past_due_at": nil})
	})
}

func TestPause(t *testing.T) { // 64 to 67
	each(t, func(b *bench) {
		b.at("2026-01-31T00:00:00Z")
		s := b.subscribe(b.granting(1000), invoiced).ID()
		b.pay(s)
		b.refused(b.patch(s, obj{"resume": true}), 409, "NotPausedSubscription")
		b.refused(b.patch(s, obj{"pause_at_period_end": false}), 409, "NoScheduledPause")
		b.refused(b.patch(s, obj{"pause_at_period_end": true, "resumes_at": "2026-02-20T00:00:00Z"}), 422, "resumes_at must be after the current period end.")
		b.refused(b.patch(s, obj{"pause_at_period_end": true, "resumes_at": "2025-02-20T00:00:00Z"}), 422, "datetime_future")
		b.patch(s, obj{"pause_at_period_end": true})
		b.want(b.patch(s, obj{"pause_at_period_end": false}), obj{"pause_at_period_end": false})
		b.want(b.patch(s, obj{"pause_at_period_end": true, "resumes_at": "2026-04-15T12:00:00Z"}), obj{"pause_at_period_end": true, "status": "active"})
		b.refused(b.patch(s, obj{"pause_at_period_end": true}), 409, "CannotPauseSubscription")
		b.said(b.events(func() { b.due("2026-03-02T00:00:00Z") }, "subscription.", "benefit_grant."),
			"subscription.updated", "subscription.paused", "benefit_grant.revoked")
		b.want(b.get(s), obj{"status": "paused", "pause_at_period_end": false, "paused_at": floetest.Any, "resumes_at": "2026-04-15T12:00:00Z"})
		b.due("2026-04-01T00:00:00Z")
		b.want(b.get(s), obj{"status": "paused"})
		if n := len(b.orders(s)); n != 1 {
			b.t.Errorf("%d orders", n)
		}
		b.refused(b.patch(s, obj{"cancel_at_period_end": true}), 403, "AlreadyCanceledSubscription")
		b.said(b.events(func() { b.due("2026-04-15T13:00:00Z") }, "subscription.", "benefit_grant."),
			"subscription.updated", "subscription.resumed", "benefit_grant.created")
		b.want(b.get(s), obj{"status": "active", "paused_at": nil, "resumes_at": nil})
		if n := len(b.orders(s)); n != 2 {
			b.t.Errorf("%d orders after the pause", n)
		}
		b.ends(s, "2026-05-15")

		forever := b.subscribe(b.fixed(0)).ID()
		b.patch(forever, obj{"pause_at_period_end": true})
		b.due("2026-08-01T00:00:00Z")
		b.want(b.get(forever), obj{"status": "paused", "resumes_at": nil})
		b.want(b.patch(forever, obj{"resume": true}), obj{"status": "active"})
		b.ends(forever, "2026-09-01")
		revoked := b.subscribe(b.fixed(0)).ID()
		b.patch(revoked, obj{"pause_at_period_end": true})
		b.due("2026-11-20T00:00:00Z")
		b.want(b.patch(revoked, obj{"revoke": true}), obj{"status": "canceled"})
	})
}

// TestPauseWithATrial: a pause that was scheduled for the period's end still
// comes at its end, and can be taken back, when a trial has moved that. One that
// would be over by then is dropped.
func TestPauseWithATrial(t *testing.T) {
	each(t, func(b *bench) {
		scheduled := func() string {
			b.at("2026-01-31T00:00:00Z")
			s := b.subscribe(b.fixed(0)).ID()
			b.patch(s, obj{"pause_at_period_end": true, "resumes_at": "2026-03-20T00:00:00Z"})
			b.want(b.patch(s, obj{"trial_end": "2026-03-15T00:00:00Z"}), obj{"status": "trialing", "pause_at_period_end": true, "resumes_at": "2026-03-20T00:00:00Z"})
			return s
		}
		s := scheduled()
		b.said(b.events(func() { b.due("2026-03-15T01:00:00Z") }), "subscription.updated", "subscription.paused")
		b.want(b.get(s), obj{"status": "paused", "resumes_at": "2026-03-20T00:00:00Z"})
		b.due("2026-03-20T01:00:00Z")
		b.want(b.get(s), obj{"status": "active"})

		s = scheduled()
		b.want(b.patch(s, obj{"pause_at_period_end": false}), obj{"status": "trialing", "pause_at_period_end": false, "resumes_at": nil})
		s = scheduled()
		b.want(b.patch(s, obj{"trial_end": "now"}), obj{"status": "paused", "paused_at": floetest.Any})
		if n := len(b.orders(s)); n != 0 {
			b.t.Errorf("%d orders of what is paused", n)
		}
		s = scheduled()
		b.want(b.patch(s, obj{"trial_end": "2026-03-25T00:00:00Z"}), obj{"pause_at_period_end": false, "resumes_at": nil})
	})
}

// A pause that would be over before the end of a new period is dropped.
func TestPauseAfterALongerPeriod(t *testing.T) {
	each(t, func(b *bench) {
		b.at("2026-01-31T00:00:00Z")
		s := b.subscribe(b.fixed(0), invoiced).ID()
		b.patch(s, obj{"pause_at_period_end": true, "resumes_at": "2026-03-20T00:00:00Z"})
		year := b.fixed(0, obj{"recurring_interval": "year"})
		b.want(b.patch(s, obj{"product_id": year}), obj{"recurring_interval": "year", "pause_at_period_end": false, "resumes_at": nil})
	})
}
