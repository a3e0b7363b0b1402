package arbitrary_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"floe/internal/arbitrary"
	"floe/internal/floetest"
)

var (
	requests = flag.Int("arbitrary.requests", 2000, "how many requests to make up for each test")
	seed     = flag.Uint64("arbitrary.seed", 1, "where to begin to choose; another one each time when 0")
)

func TestMain(m *testing.M) {
	flag.Parse()
	if *seed == 0 {
		*seed = rand.Uint64() //nolint:gosec // printed, to be repeated
	}
	os.Exit(m.Run())
}

func random(n uint64) *rand.Rand { return rand.New(rand.NewPCG(*seed, n)) } //nolint:gosec // to be repeated

// TestEnginesAgree sends the same requests to a server on each engine. What is
// random is given names in the order in which it appears; everything else in
// the answers, down to the last byte, must be the same.
//
// It runs alone: ids of one instant stand in the order in which they were made
// only as long as nobody in the process makes ids of another instant between
// them, as tests with clocks of their own do.
func TestEnginesAgree(t *testing.T) { //nolint:paralleltest // see above
	a, b := newSide(t, floetest.New(t)), newSide(t, floetest.Postgres(t))
	m := arbitrary.New(a.f.Server.Document(), random(1))
	m.Known.Add("organization_id", a.plain([]byte(a.f.Org.ID)))
	b.plain([]byte(b.f.Org.ID))
	// While a test clock stands still, what is made at the same instant is in the
	// order of its ids, which are random then: age makes time pass instead.
	m.Skip = func(id string) bool { return strings.HasPrefix(id, "test-clock:") }
	tally := newTally()
	words := 0
	word := func() string { words++; return fmt.Sprintf("word%d", words) }
	both := func(operation, method, path string, body any) fields {
		r := arbitrary.Request{Method: method, Path: path, ID: operation}
		if body != nil {
			r.Body, _ = json.Marshal(body)
		}
		got, other := a.send(r), b.send(r)
		if got != other || got.status > 299 && words < 60 { // later something may be switched off
			t.Fatalf("-arbitrary.seed %d: %s:\n%s", *seed, r, differs(got, other))
		}
		m.Known.Hear(operation, []byte(got.body))
		var out fields
		_ = json.Unmarshal([]byte(got.body), &out)
		return out
	}
	for i := range *requests {
		if i%500 == 0 {
			furnish(t, both, word, "https://hooks.example.com/in")
			age(both, i)
		}
		r := m.Next()
		got, other := a.send(r), b.send(r)
		if got != other {
			t.Fatalf("request %d of -arbitrary.seed %d:\n%s\n%s", i, *seed, r, differs(got, other))
		}
		tally.add(r.ID, got.status)
		m.Known.Hear(r.ID, []byte(got.body))
		if i%50 == 49 {
			a.work(t)
			b.work(t)
		}
	}
	compareFeeds(t, a, b)
	tally.report(t, m.Operations())
}

// age lets two months pass for those who are there.
func age(send do, i int) {
	clock := send("test-clock:create", "POST", "/v1/test-clock", fields{"now": floetest.Start.AddDate(0, i/100, 0)})
	if now, ok := clock["now"].(string); ok {
		from, _ := time.Parse(time.RFC3339, now)
		send("test-clock:advance", "POST", "/v1/test-clock/advance", fields{"to": from.AddDate(0, 2, 0)})
		send("test-clock:get", "GET", "/v1/test-clock", nil)
		send("test-clock:release", "DELETE", "/v1/test-clock", nil)
	}
}

// side is a server, and the names of what is random in its answers.
type side struct {
	f       *floetest.Floe
	byValue map[string]string
	byName  map[string]string
}

func newSide(_ *testing.T, f *floetest.Floe) *side {
	return &side{f: f, byValue: map[string]string{}, byName: map[string]string{}}
}

type answer struct {
	status       int
	media, allow string
	body         string
}

func (a answer) String() string {
	return fmt.Sprintf("%d %s %s %s", a.status, a.media, a.allow, a.body)
}

// differs shows two answers around the first place where they differ.
func differs(a, b answer) string {
	x, y := a.String(), b.String()
	at := 0
	for at < min(len(x), len(y)) && x[at] == y[at] {
		at++
	}
	around := func(s string) string { return s[max(0, at-300):min(len(s), at+300)] }
	return fmt.Sprintf("SQLite answers     %s\nPostgreSQL answers %s\nfrom byte %d of\n%s", around(x), around(y), at, x[:min(len(x), 2000)])
}

var (
	uuid   = regexp.MustCompile(`(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	secret = regexp.MustCompile(`(polar_[a-z]+|whsec)_[A-Za-z0-9_-]+|"digest":"[0-9a-f]{64}|\*{4}-[0-9A-F]{6}|-TW[A-Z]{6,10}-[0-9]{4}|(sig|signature|token)=[A-Za-z0-9_%.-]+`)
)

// real puts the values of this side into a request that speaks in names.
func (s *side) real(text string) string {
	return uuid.ReplaceAllStringFunc(text, func(name string) string {
		value, ok := s.byName[strings.ToLower(name)]
		switch {
		case !ok:
			return name
		case strings.ToLower(name) != name:
			return strings.ToUpper(value)
		}
		return value
	})
}

// plain is an answer that speaks in names.
func (s *side) plain(text []byte) string {
	text = uuid.ReplaceAllFunc(text, func(b []byte) []byte {
		value := strings.ToLower(string(b))
		if s.byName[value] != "" || strings.HasPrefix(value, "00000000-") || strings.HasPrefix(value, "01e6b9a2-") {
			return b // chosen by the caller
		}
		name, ok := s.byValue[value]
		if !ok {
			name = fmt.Sprintf("ffffffff-0000-4000-8000-%012d", len(s.byValue)+1)
			s.byValue[value], s.byName[name] = name, value
		}
		if value != string(b) {
			name = strings.ToUpper(name)
		}
		return []byte(name)
	})
	return string(secret.ReplaceAll(text, []byte("secret")))
}

func (s *side) send(r arbitrary.Request) answer {
	var body any
	if r.Body != nil {
		body = s.real(string(r.Body))
	}
	path, query, _ := strings.Cut(r.Path, "?")
	out := s.f.Do(r.Method, s.real(path)+"?"+s.real(query), s.f.AllToken, body)
	a := answer{status: out.Status, media: out.Header.Get("Content-Type"), allow: out.Header.Get("Allow")}
	if a.media != "application/pdf" {
		a.body = s.plain([]byte(out.Body))
	}
	if out.Cut {
		a.body += " (cut off)"
	}
	return a
}

// work does what is due, except sending webhooks to addresses that are nobody's.
func (s *side) work(t *testing.T) {
	t.Helper()
	for {
		n, err := s.f.Server.Jobs.Drain(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
}

// compareFeeds reads all that has happened.
func compareFeeds(t *testing.T, a, b *side) {
	t.Helper()
	for _, path := range []string{"/v1/changes?limit=100&full=true&after=%s", "/v1/audit?limit=100&after=%s"} {
		after := "0"
		for {
			r := arbitrary.Request{Method: "GET", Path: fmt.Sprintf(path, url.QueryEscape(after))}
			got, other := a.send(r), b.send(r)
			if got != other {
				t.Fatalf("-arbitrary.seed %d: %s\n%s", *seed, r, differs(got, other))
			}
			next := lastSeq(got.body)
			if next == "" || next == after {
				break
			}
			after = next
		}
	}
}

var seq = regexp.MustCompile(`"seq":(\d+)`)

func lastSeq(body string) string {
	all := seq.FindAllStringSubmatch(body, -1)
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1][1]
}

// tally counts how requests ended.
type tally struct {
	total map[int]int
	fine  map[string]int
	all   map[string]int
}

func newTally() *tally {
	return &tally{total: map[int]int{}, fine: map[string]int{}, all: map[string]int{}}
}

func (c *tally) add(operation string, status int) {
	c.total[status]++
	c.all[operation]++
	if status < 300 {
		c.fine[operation]++
	}
}

// report fails a test that has not tried everything: it would prove little.
func (c *tally) report(t *testing.T, operations []string) {
	t.Helper()
	var failed bytes.Buffer
	fine := 0
	for _, id := range operations {
		if c.fine[id] > 0 {
			fine++
			continue
		}
		fmt.Fprintf(&failed, " %s(%d)", id, c.all[id])
	}
	t.Logf("-arbitrary.seed %d: answers by status: %v; of %d operations %d have succeeded, not%s", *seed, c.total, len(operations), fine, failed.String())
	if fine < len(operations)*2/3 {
		t.Errorf("only %d of %d operations have succeeded", fine, len(operations))
	}
}
