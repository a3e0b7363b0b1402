package listing_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"floe/internal/listing"
)

var orderBy = regexp.MustCompile(`^ ORDER BY (created_at|name_key|id) (ASC|DESC)( NULLS (FIRST|LAST))?(, name_key (ASC|DESC)( NULLS (FIRST|LAST))?|, created_at (ASC|DESC))?, id (ASC|DESC)$| ORDER BY id ASC$`)

// Whatever callers sort by that is known, the order is SQL of ours, and the id
// ends it.
func FuzzOrder(f *testing.F) {
	f.Add("created_at,-name")
	f.Add("-name,-name,created_at")
	f.Add("")
	keys := listing.Keys{"created_at": {SQL: "created_at"}, "name": {SQL: "name_key", Nullable: true}}
	f.Fuzz(func(t *testing.T, text string) {
		var criteria []string
		for c := range strings.SplitSeq(text, ",") { // inputs let no others through
			if slices.Contains([]string{"created_at", "-created_at", "name", "-name"}, c) {
				criteria = append(criteria, c)
			}
		}
		if got := keys.Order(criteria); !orderBy.MatchString(got) {
			t.Errorf("%q: %q", criteria, got)
		}
	})
}
