package customer

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"floe/internal/db"
)

// gram is three letters, which is what SQLite's search index is made of.
type gram [3]rune

// grams are the different ones of a text, in its order.
func grams(text string) (out []gram) {
	letters := []rune(text)
	seen := make(map[gram]bool, len(letters))
	for i := range max(len(letters)-2, 0) {
		if g := gram(letters[i : i+3]); !seen[g] {
			seen[g] = true
			out = append(out, g)
		}
	}
	return out
}

// sample knows the texts of some customers, spread over all there are, of
// every organization. It tells in microseconds what to expect of a search.
type sample struct {
	rows  int64 // about how many customers there were when it was taken
	texts []string
	holds map[gram][]uint16 // which texts have these letters
	used  atomic.Int64
}

const (
	sampleSize = 2048
	// sampleUses is after how many searches the texts may have become others.
	sampleUses = 20_000
)

// samples keeps the newest one.
type samples struct {
	mu      sync.Mutex
	current atomic.Pointer[sample]
	erased  atomic.Int64 // how often somebody was
}

// get answers a sample, and about how many customers there are now. One that
// is of nearly as many is good for long; who meets an old one while somebody
// takes another uses it.
func (s *samples) get(ctx context.Context, d *db.DB) (*sample, int64, error) {
	now := s.current.Load()
	if now != nil && d.Engine() == "postgres" && now.used.Load()%64 > 0 { // to ask is a round trip
		now.used.Add(1)
		return now, now.rows, nil
	}
	rows, err := db.One[int64](ctx, d, rowsOf[d.Engine()])
	if err != nil {
		return nil, 0, err
	}
	if now != nil && (now.good(rows) || !s.mu.TryLock()) {
		return now, rows, nil
	}
	if now == nil {
		s.mu.Lock()
	}
	defer s.mu.Unlock()
	if now = s.current.Load(); now != nil && now.good(rows) {
		return now, rows, nil
	}
	erased := s.erased.Load()
	texts, err := read(ctx, d, rows)
	if err != nil {
		return nil, 0, err
	}
	now = newSample(rows, texts)
	s.current.Store(now)
	if s.erased.Load() != erased { // who was read may be gone since: this once, and no more
		s.current.Store(nil)
	}
	return now, rows, nil
}

// rowsOf asks about how many customers there are: SQLite has an index of their
// numbers, PostgreSQL knows the size of the table.
var rowsOf = map[string]string{
	"sqlite":   `SELECT COALESCE(MAX(seq), 0) FROM customers`,
	"postgres": `SELECT pg_relation_size('customers') / 512`,
}

// read reads the texts. PostgreSQL chooses pages, on which customers lie who
// came together; so of more pages than need be it takes a part of the rows.
func read(ctx context.Context, d *db.DB, rows int64) ([]string, error) {
	if d.Engine() == "postgres" {
		const partOfPage = 0.125
		return db.All[string](ctx, d, `SELECT search FROM customers TABLESAMPLE SYSTEM (?) WHERE random() < ? LIMIT ?`,
			min(100, 100*sampleSize/partOfPage/float64(max(rows, 1))), max(partOfPage, min(1, sampleSize/float64(max(rows, 1)))), 2*sampleSize)
	}
	step := rows/sampleSize + 1
	return db.All[string](ctx, d, `WITH RECURSIVE place (seq) AS (SELECT 1 UNION ALL SELECT seq + ? FROM place WHERE seq + ? <= ?)
		SELECT search FROM place CROSS JOIN customers USING (seq)`, step, step, rows)
}

// forget has the next search take other texts: in these may be the name of
// somebody who was erased.
func (s *samples) forget() {
	s.erased.Add(1)
	s.current.Store(nil)
}

func newSample(rows int64, texts []string) *sample {
	s := &sample{rows: rows, texts: texts, holds: map[gram][]uint16{}}
	for i, text := range texts {
		for _, g := range grams(text) {
			s.holds[g] = append(s.holds[g], uint16(i)) //nolint:gosec // at most sampleSize
		}
	}
	return s
}

func (s *sample) good(rows int64) bool { return rows <= s.rows+s.rows/2 && s.used.Add(1) < sampleUses }

// outlook is what to expect of a search.
type outlook struct {
	found float64 // which part of all customers has the text
	met   float64 // which part has the letters that the index is asked for
	ask   []gram  // these letters
}

// atLeast and atMost are of how many letters the index is asked for: each
// costs a look into each of its parts, and saves looking at customers.
const (
	atLeast = 3
	atMost  = 8
	// mostLetters of a text are chosen from: the rest of a long one, which may
	// have ten thousands, is looked for in the rows that are found by these.
	mostLetters = 256
)

// firstLetters is the beginning of a text, so many letters long.
func firstLetters(text string, letters int) string {
	for i := range text {
		if letters--; letters < 0 {
			return text[:i]
		}
	}
	return text
}

// look chooses the rarest letters of a folded text until hardly anybody has
// them all who does not have the text. Not all letters are in every index.
func (s *sample) look(text string, indexed func(gram) bool) (o outlook) {
	all := slices.DeleteFunc(grams(firstLetters(text, mostLetters)), func(g gram) bool { return !indexed(g) })
	if len(all) == 0 {
		return outlook{found: 1, met: 1}
	}
	slices.SortStableFunc(all, func(a, b gram) int { return cmp.Compare(len(s.holds[a]), len(s.holds[b])) })
	met := s.holds[all[0]]
	found := s.having(text, met)
	for i, g := range all[:min(atMost, len(all))] {
		if i >= atLeast && len(met) == found {
			break
		}
		met = both(met, s.holds[g])
		o.ask = append(o.ask, g)
	}
	o.found, o.met = s.part(found), s.part(len(met))
	return o
}

// having counts those of some texts that have a text in them.
func (s *sample) having(text string, of []uint16) (n int) {
	for _, i := range of {
		if strings.Contains(s.texts[i], text) {
			n++
		}
	}
	return n
}

// part is a number of texts as a part of all; none in the sample is not none.
func (s *sample) part(n int) float64 {
	return max(float64(n), 0.5) / math.Max(float64(len(s.texts)), 1)
}

// both are the numbers that two rising lists have in common.
func both(a, b []uint16) (out []uint16) {
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0] < b[0]:
			a = a[1:]
		case a[0] > b[0]:
			b = b[1:]
		default:
			out, a, b = append(out, a[0]), a[1:], b[1:]
		}
	}
	return out
}
