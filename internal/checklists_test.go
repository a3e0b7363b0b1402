package internal_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestChecklists: every case of a checklist stands in checklists.txt once, with
// tests that there are and that name it, or a reason why there is none.
func TestChecklists(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("checklists.txt")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]map[int]bool{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		fields := strings.SplitN(line, " ", 3)
		if len(fields) != 3 {
			t.Fatalf("%q is no line of checklist, numbers, package and test", line)
		}
		list := fields[0]
		if seen[list] == nil {
			seen[list] = map[int]bool{}
		}
		texts := map[string]string{}
		if !strings.HasPrefix(fields[2], "- ") {
			texts = textsOf(t, fields[2])
		}
		for n := range numbersOf(t, fields[1]) {
			if seen[list][n] {
				t.Errorf("%s %d stands there twice", list, n)
			}
			seen[list][n] = true
			for name, text := range texts {
				if !names(text, n) {
					t.Errorf("%s does not name case %d of %s, which it tests", name, n, list)
				}
			}
		}
	}
	for list, cases := range map[string]int{"customers": 123, "subscriptions": 92, "orders": 70, "benefits": 70, "webhooks": 68, "organizations": 25} {
		for n := 1; n <= cases; n++ {
			if !seen[list][n] {
				t.Errorf("case %d of %s is missing", n, list)
			}
		}
		if len(seen[list]) != cases {
			t.Errorf("%s has %d cases, want %d", list, len(seen[list]), cases)
		}
	}
}

// numbersOf are the numbers of "7" or "3-6".
func numbersOf(t *testing.T, text string) map[int]bool {
	t.Helper()
	from, to, ranged := strings.Cut(text, "-")
	if !ranged {
		to = from
	}
	first, err := strconv.Atoi(from)
	if err != nil {
		t.Fatal(err)
	}
	last, err := strconv.Atoi(to)
	if err != nil {
		t.Fatal(err)
	}
	out := map[int]bool{}
	for n := first; n <= last; n++ {
		out[n] = true
	}
	return out
}

// textsOf are the tests of "package TestA TestB package TestC".
func textsOf(t *testing.T, list string) map[string]string {
	t.Helper()
	out, pkg := map[string]string{}, ""
	for word := range strings.FieldsSeq(list) {
		if !strings.HasPrefix(word, "Test") {
			pkg = word
			continue
		}
		text := textOf(t, pkg, word)
		if text == "" {
			t.Errorf("there is no test %s in internal/%s", word, pkg)
		}
		out[pkg+" "+word] = text
	}
	if len(out) == 0 {
		t.Errorf("no test in %q", list)
	}
	return out
}

// textOf is a test with the comment above it; nothing, if there is no such test.
func textOf(t *testing.T, pkg, name string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(filepath.FromSlash(pkg), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		above, test, found := strings.Cut(string(text), "\nfunc "+name+"(t *testing.T)")
		if !found {
			continue
		}
		test, _, _ = strings.Cut(test, "\n}\n")
		return above[strings.LastIndex(above, "\n\n")+1:] + test
	}
	return ""
}

var mentions = regexp.MustCompile(`\b(\d+)(?:(?: to |-)(\d+))?\b`)

// names says whether a text has a number, alone or in a range.
func names(text string, n int) bool {
	return slices.ContainsFunc(mentions.FindAllStringSubmatch(text, -1), func(found []string) bool {
		from, err := strconv.Atoi(found[1])
		if err != nil {
			return false
		}
		to, err := strconv.Atoi(found[2])
		return n == from || err == nil && from <= n && n <= to
	})
}
