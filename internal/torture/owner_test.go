//go:build unix

package torture

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"sync"
	"syscall"
	"testing"
	"time"

	"floe/internal/db"
	"floe/internal/db/pgserver"
)

// estate is what a customer has, and what the journal says of its end.
type estate struct {
	There, Anonymised            bool
	Email                        string
	Subscriptions, Live          int
	Grants, Granted              int
	Keys, Usable                 int
	Orders, Billed, Drafts       int // Billed still say to whom, and Drafts of them are drafts
	Deleted, Canceled, TakenBack int // entries of the journal
}

const estateRow = `SELECT c.deleted_at IS NULL AS there, c.anonymized_at IS NOT NULL AS anonymised, c.email,
	(SELECT COUNT(*) FROM subscriptions s WHERE s.organization_id = c.organization_id AND s.customer_id = c.id) AS subscriptions,
	(SELECT COUNT(*) FROM subscriptions s WHERE s.organization_id = c.organization_id AND s.customer_id = c.id AND s.ended_at IS NULL) AS live,
	(SELECT COUNT(*) FROM benefit_grants g WHERE g.organization_id = c.organization_id AND g.customer_id = c.id) AS grants,
	(SELECT COUNT(*) FROM benefit_grants g WHERE g.organization_id = c.organization_id AND g.customer_id = c.id AND g.granted_at IS NOT NULL) AS granted,
	(SELECT COUNT(*) FROM license_keys k WHERE k.organization_id = c.organization_id AND k.customer_id = c.id) AS keys,
	(SELECT COUNT(*) FROM license_keys k WHERE k.organization_id = c.organization_id AND k.customer_id = c.id AND k.status = 'granted') AS usable,
	(SELECT COUNT(*) FROM orders o WHERE o.organization_id = c.organization_id AND o.customer_id = c.id) AS orders,
	(SELECT COUNT(*) FROM orders o WHERE o.organization_id = c.organization_id AND o.customer_id = c.id AND o.billing_name = 'An Owner') AS billed,
	(SELECT COUNT(*) FROM orders o WHERE o.organization_id = c.organization_id AND o.customer_id = c.id AND o.billing_name = 'An Owner'
		AND o.status = 'draft') AS drafts,
	(SELECT COUNT(*) FROM journal j WHERE j.organization_id = c.organization_id AND j.customer_id = c.id AND j.type = 'customer.deleted') AS deleted,
	(SELECT COUNT(*) FROM journal j WHERE j.organization_id = c.organization_id AND j.customer_id = c.id AND j.type = 'subscription.revoked') AS canceled,
	(SELECT COUNT(*) FROM journal j WHERE j.organization_id = c.organization_id AND j.customer_id = c.id AND j.type = 'benefit_grant.revoked') AS taken_back
	FROM customers c WHERE c.id = ?`

func (t *run) estate(ctx context.Context, customer string) (estate, error) {
	d, err := db.Open(ctx, t.database(true))
	if err != nil {
		return estate{}, err
	}
	defer func() { _ = d.Close() }()
	return db.One[estate](ctx, d, estateRow, customer)
}

// after is what must be left of a estate when its customer is deleted.
func (h estate) after(anonymise bool, now estate) estate {
	h.There, h.Anonymised, h.Email = false, anonymise, now.Email
	h.Deleted, h.Canceled, h.TakenBack = 1, h.Live, h.Granted
	h.Live, h.Granted, h.Usable = 0, 0, 0
	if anonymise { // an invoice is a part of the books, a draft of one is not
		h.Billed, h.Drafts = h.Billed-h.Drafts, 0
	}
	return h
}

// owner makes a customer who has one of everything: subscriptions that are free
// and that await payment, orders that are a draft and paid, grants, and a
// license key in use.
func (t *run) owner(ctx context.Context, s *shop, external string) (string, error) {
	type object = map[string]any
	var failed error
	post := func(path string, body object) (made struct{ ID string }) {
		if failed != nil {
			return made
		}
		status, answer, err := t.server.do(ctx, "POST", path, body)
		if err != nil || status >= 300 {
			failed = errors.Join(fmt.Errorf("POST %s: %d %s", path, status, answer), err)
			return made
		}
		_ = json.Unmarshal(answer, &made)
		return made
	}
	c := post("/v1/customers/", object{"email": external + "@example.com", "external_id": external, "name": "An Owner"}).ID
	for _, product := range []string{s.free, s.free, s.dear} {
		post("/v1/subscriptions/", object{"customer_id": c, "product_id": product, "collection_method": "send_invoice"})
	}
	post("/v1/orders/", object{"customer_id": c, "product_id": s.once})
	bought := post("/v1/orders/", object{"customer_id": c, "product_id": s.once}).ID
	post("/v1/orders/"+bought+"/finalize", object{"collection_method": "send_invoice"})
	post("/v1/orders/"+bought+"/payments", object{"status": "succeeded", "amount": price, "reference": external})
	if failed != nil {
		return "", failed
	}
	someone := &client{shop: s, server: t.server}
	key, ok := someone.key(&person{thing: thing{id: c}, things: []*thing{{kind: kindSubscription, state: "active"}}})
	if !ok {
		return "", errors.New("the customer was granted no license key")
	}
	post("/v1/license-keys/activate", object{"key": key, "organization_id": s.organization, "label": "Laptop"})
	return c, failed
}

// deaf takes the endpoints away: deliveries have commits of their own, which the
// server would die at.
func (t *run) deaf(ctx context.Context) error {
	var list struct{ Items []struct{ ID string } }
	if err := t.server.get(ctx, "/v1/webhooks/endpoints", &list); err != nil {
		return err
	}
	for _, e := range list.Items {
		if status, answer, err := t.server.do(ctx, "DELETE", "/v1/webhooks/endpoints/"+e.ID, nil); err != nil || status != 204 {
			return fmt.Errorf("delete an endpoint: %d %s %w", status, answer, err)
		}
	}
	return nil
}

// TestOwnerDeleted: whenever the server dies while it deletes a customer who
// has all that customers can have, all of it has happened or none.
func TestOwnerDeleted(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "floe")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "floe/cmd/floe").CombinedOutput(); err != nil {
		t.Fatalf("build floe: %v\n%s", err, out)
	}
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			if _, err := pgserver.Programs(); engine == "postgres" && err != nil && os.Getenv("FLOE_REQUIRE_ALL") != "1" {
				t.Skip(err)
			}
			dir, err := os.MkdirTemp("", "floe-torture-*")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.RemoveAll(dir) })
			if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // PostgreSQL's user has to pass
				t.Fatal(err)
			}
			run := &run{config: Config{Binary: binary, Dir: dir, Engine: engine, Clients: 1}, report: &Report{}, random: rand.New(rand.NewPCG(1, 1))} //nolint:gosec // the same each time
			t.Cleanup(run.end)
			if err := run.open(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := run.deaf(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, p := range []db.Point{db.Committing, db.Committed, ""} {
				for _, anonymise := range []bool{false, true} {
					run.diesDeleting(t, p, anonymise)
				}
			}
		})
	}
}

// diesDeleting lets the server die at a point, at the first commit or one of the
// next, since it may have others to make, until that of the deletion was met;
// or, without a point, at moments that are spread over the deletion.
func (t *run) diesDeleting(test *testing.T, p db.Point, anonymise bool) {
	test.Helper()
	ctx, s := test.Context(), t.clients[0].shop
	must := func(err error) {
		test.Helper()
		if err != nil {
			test.Fatalf("%q, anonymise %v: %v", p, anonymise, err)
		}
	}
	var killed sync.WaitGroup
	customer, outcomes := "", map[string]int{}
	met := func() bool {
		return p == db.Committing && outcomes["outlived"] > 0 || p == db.Committed && outcomes["all"] > 0
	}
	for try := 0; p == "" && try < 8 || p != "" && !met() && try < 30; try++ {
		if customer == "" {
			var err error
			customer, err = t.owner(ctx, s, fmt.Sprintf("owner-%d-%v-%d", len(p), anonymise, try))
			must(err)
		}
		before, err := t.estate(ctx, customer)
		must(err)
		if before.Live != 3 || before.Granted != 6 || before.Usable != 2 || before.Billed < 3 || before.Drafts != 1 {
			test.Fatalf("the customer has %+v", before)
		}
		t.server.kill()
		must(t.server.start(ctx, Orders{Die: p, After: int64(try % 3)}))
		t.server.signal(syscall.SIGUSR1)
		time.Sleep(50 * time.Millisecond)
		if p == "" {
			killed.Go(func() {
				time.Sleep(time.Millisecond << try)
				t.server.signal(syscall.SIGKILL)
			})
		}
		status, _, err := t.server.do(ctx, "DELETE", fmt.Sprintf("/v1/customers/%s?anonymize=%v", customer, anonymise), nil)
		killed.Wait()
		t.server.kill()
		t.over(ctx)
		must(t.server.start(ctx, Orders{}))
		now, failed := t.estate(ctx, customer)
		must(failed)
		switch {
		case reflect.DeepEqual(now, before) && err != nil:
			outcomes["nothing"]++
		case reflect.DeepEqual(now, before.after(anonymise, now)):
			if customer = ""; err == nil && status == 204 {
				outcomes["outlived"]++
			} else {
				outcomes["all"]++
			}
		default:
			test.Errorf("%q, anonymise %v, answer %d %v: of %+v was left %+v", p, anonymise, status, err, before, now)
			customer = ""
		}
	}
	test.Logf("%q, anonymise %v: %v", p, anonymise, outcomes)
	if p != "" && !met() {
		test.Errorf("%q, anonymise %v: the deletion was never met: %v", p, anonymise, outcomes)
	}
}
