package server_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"floe/internal/api"
	"floe/internal/floetest"
	"floe/internal/server"
	"floe/internal/token"
)

// never gives no second chance while a test runs.
func never(burst int) api.Rate { return api.Rate{PerSecond: 0.001, Burst: burst} }

func send(f *floetest.Floe, path, token, from string) *floetest.Response {
	r := f.Request("GET", path, token, nil)
	r.RemoteAddr = from + ":1000"
	return f.Send(r)
}

const customers = "/v1/customers/"

// TestRateOfTokens: each token has its own, whatever the address is, and who
// has used it up is told in the way of the reference when to come again.
func TestRateOfTokens(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		other := f.Token()
		for i := range 6 {
			r := send(f, customers, f.AllToken, fmt.Sprint("192.0.2.", i))
			if i < 3 && r.Status != 200 {
				t.Fatalf("call %d: %d", i, r.Status)
			}
			if seconds, _ := strconv.Atoi(r.Header.Get("Retry-After")); i >= 3 && (r.Status != 429 || r.Body != "" || seconds < 900 || seconds > 1000) {
				t.Errorf("call %d: %d %q, Retry-After %q", i, r.Status, r.Body, r.Header.Get("Retry-After"))
			}
		}
		if r := send(f, customers, other, "192.0.2.1"); r.Status != 200 {
			t.Errorf("another token: %d", r.Status)
		}
		if r := send(f, "/healthz", "", "192.0.2.1"); r.Status != 200 {
			t.Errorf("a probe: %d", r.Status)
		}
		if text := f.Do("GET", "/metrics", "letmein", nil).Body; !strings.Contains(text, `floe_http_requests_limited_total{by="token"} 3`) {
			t.Error("the metric does not say so")
		}
	}, func(c *server.Config) { c.Rates.Token, c.MetricsToken = never(3), "letmein" })
}

// TestRateOfStrangers: calls without a token and with bad ones count together
// for an address. Good tokens are served there all the same, once they are
// known, and the bad ones no longer reach the database.
func TestRateOfStrangers(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		const bad, good = "192.0.2.1", "192.0.2.2"
		customer := f.Customer(nil)
		session := f.Do("POST", "/v1/customer-sessions/", f.AllToken, map[string]any{"customer_id": customer.ID()}).Path("token").(string)
		send(f, customers, session, good) // a session is not accepted here, but it is known now
		for i, token := range []string{"", "nonsense", token.Mint(token.Organization), token.Mint(token.MemberSession)} {
			if r := send(f, customers, token, bad); r.Status != 401 {
				t.Errorf("call %d: %d", i, r.Status)
			}
		}
		f.Settle()
		before := f.DB.Stats().Queries
		for i := range 50 {
			r := send(f, customers, token.Mint(token.Organization), bad)
			if r.Status != 429 || r.Header.Get("Retry-After") == "" || r.Body != "" {
				t.Fatalf("bad token %d: %d %s", i, r.Status, r.Body)
			}
		}
		if n := f.DB.Stats().Queries - before; n != 0 {
			t.Errorf("%d statements for tokens that were refused", n)
		}
		if r := send(f, customers, "", bad); r.Status != 429 {
			t.Errorf("without a token: %d", r.Status)
		}
		if r := send(f, customers, f.AllToken, bad); r.Status != 200 {
			t.Errorf("a good token: %d", r.Status)
		}
		if r := send(f, customers, session, bad); r.Status != 401 { // and not 429
			t.Errorf("a good session: %d", r.Status)
		}
		if r := send(f, customers, token.Mint(token.Organization), good); r.Status != 401 {
			t.Errorf("a bad token from elsewhere: %d", r.Status)
		}
	}, func(c *server.Config) { c.Rates.Address = never(4) })
}

// TestRateOutside: pages and documents count as calls of strangers; probes do
// not.
func TestRateOutside(t *testing.T) {
	t.Parallel()
	f := floetest.New(t, func(c *server.Config) { c.Rates.Address = never(4) })
	for i, path := range []string{"/docs", "/openapi.json", "/", "/documents?kind=invoice"} {
		if r := send(f, path, "", "192.0.2.1"); r.Status == 429 {
			t.Errorf("call %d: %d", i, r.Status)
		}
	}
	for _, path := range []string{"/docs", "/openapi.json", "/", "/documents?kind=invoice", customers} {
		if r := send(f, path, "", "192.0.2.1"); r.Status != 429 || r.Header.Get("Retry-After") == "" || r.Body != "" {
			t.Errorf("%s: %d %q", path, r.Status, r.Body)
		}
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if r := send(f, path, "", "192.0.2.1"); r.Status != 200 {
			t.Errorf("%s: %d", path, r.Status)
		}
	}
	if r := send(f, "/docs", "", "192.0.2.2"); r.Status != 200 {
		t.Errorf("from elsewhere: %d", r.Status)
	}
}

// TestRateBehindProxies: those behind a trusted proxy are told apart.
func TestRateBehindProxies(t *testing.T) {
	t.Parallel()
	f := floetest.New(t, func(c *server.Config) {
		c.Rates.Address, c.Proxies = never(1), []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
		c.KeyLimit = api.Limit{Calls: 1, Per: time.Hour, Block: time.Hour}
	})
	status := func(path, proxy, client string) int {
		r := f.Request("GET", path, "", nil)
		r.RemoteAddr = proxy + ":1000"
		r.Header.Set("X-Forwarded-For", "9.9.9.9, "+client)
		return f.Send(r).Status
	}
	for i, c := range []struct {
		proxy, client string
		status        int
	}{
		{"10.0.0.1", "192.0.2.1", 401},
		{"10.0.0.2", "192.0.2.1", 429},
		{"10.0.0.1", "192.0.2.2", 401},
		{"192.0.2.9", "192.0.2.3", 401},
		{"192.0.2.9", "192.0.2.4", 429}, // it says what it likes
	} {
		if got := status(customers, c.proxy, c.client); got != c.status {
			t.Errorf("%d: %d, want %d", i, got, c.status)
		}
	}
}

// withoutAndWith are a read by id by a server without limits, and by one with both.
func withoutAndWith(t testing.TB) (serve [2]func()) {
	plenty := api.Rate{PerSecond: 1e9, Burst: 1e9}
	for i, rates := range []api.Rates{{}, {Token: plenty, Address: plenty}} {
		f := floetest.New(t, func(config *server.Config) { config.Rates = rates })
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/v1/customers/"+f.Customer(nil).ID(), nil)
		r.Header.Set("Authorization", "Bearer "+f.AllToken)
		serve[i] = func() { f.Handler.ServeHTTP(discard{http.Header{}}, r) }
	}
	return serve
}

// TestRatesAllocateNothing: a limit costs no memory that is to be collected.
func TestRatesAllocateNothing(t *testing.T) { // alone, because others allocate
	serve := withoutAndWith(t)
	without, with := testing.AllocsPerRun(1000, serve[0]), testing.AllocsPerRun(1000, serve[1])
	if with > without {
		t.Errorf("a request costs %v allocations with limits, and %v without", with, without)
	}
}

// BenchmarkRates serves a read by id without limits and with both, in turns,
// and reports how many times as long and how many allocations more the second
// takes.
func BenchmarkRates(b *testing.B) {
	serve := withoutAndWith(b)
	more := testing.AllocsPerRun(1000, serve[1]) - testing.AllocsPerRun(1000, serve[0])
	var took [2][]time.Duration
	for b.Loop() {
		for i := range serve {
			begun := time.Now()
			serve[i]()
			took[i] = append(took[i], time.Since(begun))
		}
	}
	for i := range took {
		slices.Sort(took[i])
	}
	middle := len(took[0]) / 2
	b.ReportMetric(float64(took[1][middle])/float64(took[0][middle]), "times")
	b.ReportMetric(more, "more-allocs")
}
