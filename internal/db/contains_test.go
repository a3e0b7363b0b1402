package db_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"floe/internal/db"
	"floe/internal/db/dbtest"
)

// A search finds what has the text in it, whatever its case in ASCII, and both
// engines say the same.
func FuzzContains(f *testing.F) {
	for _, s := range [][2]string{
		{"100%", "%"}, {"a_b", "_"}, {`a\b`, `\`}, {"ABC", "b"}, {"ÄPFEL", "äp"}, {"e\u0301", "é"}, {"İ", "i"}, {"K", "k"}, {"x'y", "'"}, {"", ""}, {"日本", "本"}, {"😀", "\U0001f600"},
	} {
		f.Add(s[0], s[1])
	}
	engines := []*db.DB{dbtest.SQLite(f), dbtest.Postgres(f)}
	f.Fuzz(func(t *testing.T, text, part string) {
		if !utf8.ValidString(text) || !utf8.ValidString(part) || strings.Contains(text+part, "\x00") {
			return // inputs let neither through
		}
		var said []int64
		for _, d := range engines {
			w := db.Where("1 = 1").Contains(&part, "CAST(? AS text)")
			args := w.Args()
			if len(args) > 0 { // the column stands before the pattern
				args = []any{strings.ToLower(text), args[0]}
			}
			n, err := db.One[int64](t.Context(), d, `SELECT COUNT(*) FROM (SELECT 1 AS one) AS x`+w.SQL(), args...)
			if err != nil {
				t.Fatalf("%s: %q in %q: %v", d.Engine(), part, text, err)
			}
			said = append(said, n)
		}
		want := int64(0)
		if strings.Contains(strings.ToLower(text), strings.ToLower(part)) {
			want = 1
		}
		for i, d := range engines {
			if said[i] != want {
				t.Errorf("%s finds %q in %q %d times, not %d", d.Engine(), part, text, said[i], want)
			}
		}
	})
}
