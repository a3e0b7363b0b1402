package internal_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// pages are the texts for people, by their paths from here.
func pages(t *testing.T) map[string]string {
	t.Helper()
	found, err := filepath.Glob("../*.md")
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir("../docs", func(path string, _ fs.DirEntry, err error) error {
		if filepath.Ext(path) == ".md" {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, path := range found {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		out[path] = string(text)
	}
	return out
}

var (
	links  = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	titles = regexp.MustCompile("(?m)^#+ (.+)$")
	fences = regexp.MustCompile("(?ms)^```.*?^```")
	signs  = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// anchors are what can follow the # of a link to a page, made as GitHub does.
func anchors(page string) map[string]bool {
	out := map[string]bool{}
	for _, title := range titles.FindAllStringSubmatch(fences.ReplaceAllString(page, ""), -1) {
		out[strings.ReplaceAll(signs.ReplaceAllString(strings.ToLower(title[1]), ""), " ", "-")] = true
	}
	return out
}

// TestLinks: links between pages lead to files, and to headings, that are there.
func TestLinks(t *testing.T) {
	t.Parallel()
	all := pages(t)
	for path, text := range all {
		for _, link := range links.FindAllStringSubmatch(text, -1) {
			to, heading, _ := strings.Cut(link[1], "#")
			if strings.Contains(to, ":") {
				continue // the web
			}
			target := path
			if to != "" {
				target = filepath.Join(filepath.Dir(path), to)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s, which is not there", path, link[1])
			} else if heading != "" && !anchors(all[target])[heading] {
				t.Errorf("%s links to %s: that page has no such heading", path, link[1])
			}
		}
	}
}

// The commands may be broken into two lines.
var (
	testRuns = regexp.MustCompile(`go\s+test(?:\s+-\w+)*\s+\./(internal/[\w/]+)\s([^\n` + "`" + `#]*(?:\n[^\n` + "`" + `#]*` + "`" + `)?)`)
	patterns = regexp.MustCompile(`-(run|bench) (?:'([^']*)'|(\S+))`)
	options  = regexp.MustCompile(`\s-([a-z]+\.[a-z.]+)\b`)
	named    = regexp.MustCompile("`(?:(Test\\w+)|((?:internal|cmd|bench|\\.ci)/[\\w./-]+))`")
)

// TestNamesInPages: what pages tell to run or to look at is there. A -run that
// matches nothing passes.
func TestNamesInPages(t *testing.T) {
	t.Parallel()
	tests := testsOf(t)
	var whole strings.Builder
	for _, text := range tests {
		whole.WriteString(text)
	}
	for path, text := range pages(t) {
		for _, run := range testRuns.FindAllStringSubmatch(text, -1) {
			in := tests[run[1]]
			for _, p := range patterns.FindAllStringSubmatch(run[2], -1) {
				kind := map[string]string{"run": "(?:Test|Fuzz)", "bench": "Benchmark"}[p[1]]
				for part := range strings.SplitSeq(p[2]+p[3], "|") {
					if part != "^$" && !regexp.MustCompile(`(?m)^func `+kind+`\w*`+part).MatchString(in) &&
						!regexp.MustCompile(`(?m)^func `+part).MatchString(in) {
						t.Errorf("%s: -%s %s matches nothing in %s", path, p[1], part, run[1])
					}
				}
			}
			for _, o := range options.FindAllStringSubmatch(run[2], -1) {
				if !strings.Contains(in, `"`+o[1]+`"`) {
					t.Errorf("%s: the tests of %s have no option -%s", path, run[1], o[1])
				}
			}
		}
		if path == "../CHANGELOG.md" {
			continue // it may name what is gone
		}
		for _, n := range named.FindAllStringSubmatch(text, -1) {
			if n[1] != "" && !strings.Contains(whole.String(), "\nfunc "+n[1]) {
				t.Errorf("%s: there is no test %s", path, n[1])
			}
			if n[2] != "" {
				if _, err := os.Stat(filepath.Join("..", n[2])); err != nil {
					t.Errorf("%s: there is no %s", path, n[2])
				}
			}
		}
	}
}

// testsOf are the texts of all tests, by the path of their package.
func testsOf(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, root := range []string{"../internal", "../cmd"} {
		err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			out[strings.TrimPrefix(filepath.Dir(path), "../")] += "\n" + string(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}
