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
	for i := range max(len(letters)-2, 0) {
		if g := gram(letters[i : i+3]); !slices.Contains(out, g) {
			out = append(out, g)
		}
	}
	return out
}

// sample knows the texts of some customers, spread over all there are, of
// every organization. It tells in microseconds what to expect of a search.
type sample struct {
	last  int64 // the number of the newest customer when it was taken
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
}

// get answers a sample, and the number of the newest customer now. One that
// is about as many rows as there are is good for long; who meets an old one
// while somebody takes another uses it.
func (s *samples) get(ctx context.Context, q db.Querier) (*sample, int64, error) {
	last, err := db.One[int64](ctx, q, `SELECT COALESCE(MAX(seq), 0) FROM customers`)
	if err != nil {
		return nil, 0, err
	}
	now := s.current.Load()
	if now != nil && (now.good(last) || !s.mu.TryLock()) {
		return now, last, nil
	}
	if now == nil {
		s.mu.Lock()
	}
	defer s.mu.Unlock()
	if now = s.current.Load(); now != nil && now.good(last) {
		return now, last, nil
	}
	texts, err := db.All[string](ctx, q, `WITH RECURSIVE place (seq) AS (SELECT 1 UNION ALL SELECT seq + ? FROM place WHERE seq + ? <= ?)
		SELECT search FROM place CROSS JOIN customers USING (seq)`, last/sampleSize+1, last/sampleSize+1, last)
	if err != nil {
		return nil, 0, err
	}
	now = newSample(last, texts)
	s.current.Store(now)
	return now, last, nil
}

func newSample(last int64, texts []string) *sample {
	s := &sample{last: last, texts: texts, holds: map[gram][]uint16{}}
	for i, text := range texts {
		for _, g := range grams(text) {
			s.holds[g] = append(s.holds[g], uint16(i)) //nolint:gosec // at most sampleSize
		}
	}
	return s
}

func (s *sample) good(last int64) bool { return last <= s.last+s.last/2 && s.used.Add(1) < sampleUses }

// outlook is what to expect of a search.
type outlook struct {
	found float64 // which part of all customers has the text
	met   float64 // which part has the letters that the index is asked for
	match string  // the question to the index
}

// atLeast and atMost are of how many letters the index is asked for: each
// costs a look into each of its parts, and saves looking at customers.
const (
	atLeast = 3
	atMost  = 8
)

// look chooses the rarest letters of a folded text until hardly anybody has
// them all who does not have the text.
func (s *sample) look(text string) outlook {
	all := grams(text)
	slices.SortStableFunc(all, func(a, b gram) int { return cmp.Compare(len(s.holds[a]), len(s.holds[b])) })
	var terms []string
	met := s.holds[all[0]]
	found := s.having(text, met)
	for i, g := range all[:min(atMost, len(all))] {
		if i >= atLeast && len(met) == found {
			break
		}
		met = both(met, s.holds[g])
		terms = append(terms, `"`+strings.ReplaceAll(string(g[:]), `"`, `""`)+`"`)
	}
	return outlook{s.part(found), s.part(len(met)), strings.Join(terms, " AND ")}
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
