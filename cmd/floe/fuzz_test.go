package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A file of configuration is read or refused with the line that is wrong, and
// what it says is what stands in it.
func FuzzConfigFile(f *testing.F) {
	for _, s := range []string{"listen=:8080\n# comment\nexport FLOE_DATA_DIR='/x y'\n", "a", "=", "a=b\na=c", "FLOE_A_B=\"=\"", "a=\"", "\ufeffa=b", "a=b\r\nc=d"} {
		f.Add(s)
	}
	path := filepath.Join(f.TempDir(), "config")
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := readConfigFile(path)
		if err != nil {
			if !strings.Contains(err.Error(), ", line ") {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		lines := strings.Split(text, "\n")
		for name, value := range got.values {
			line := lines[got.lines[name]-1]
			if !strings.Contains(line, value) || strings.ContainsAny(name+value, "\n") {
				t.Errorf("%s is %q, and line %d is %q", name, value, got.lines[name], line)
			}
		}
	})
}

// A stream of any lines is read or refused, and nothing comes out of it that
// does not stand in it.
func FuzzStream(f *testing.F) {
	for _, s := range []string{"id: 7\ndata: {\"id\":\"7\",\"type\":\"customer.created\"}\n\n", ": beat\n", "data: {}\ndata: [\n", "id\n", "data:{\"customer_seq\":1e400}\n", "event: x\nid:  y\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		to := make(chan heard, strings.Count(text, "\n")+1)
		r := &follower{}
		for line := range strings.SplitSeq(text, "\n") {
			if err := r.line(context.Background(), line, to); err != nil {
				return
			}
		}
		if len(to) > strings.Count(text, "data") {
			t.Errorf("%d events in %q", len(to), text)
		}
	})
}

// What is written as it is kept is read as it was.
func FuzzOptions(f *testing.F) {
	for _, s := range []string{"auto", "off", "100", "100:500", "0.5:1", "1e9", "-1", "NaN", "Inf:1", "10.0.0.0/8,::1", "30d", "15m", "1h1ns", "0d", "999999999d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var r, again rate
		if r.UnmarshalText([]byte(text)) == nil {
			if err := again.UnmarshalText([]byte(r.String())); err != nil || again != r {
				t.Errorf("the rate %q is %+v, then %+v: %v", text, r, again, err)
			}
		}
		var n, more nets
		if n.UnmarshalText([]byte(text)) == nil {
			if err := more.UnmarshalText([]byte(n.String())); err != nil || more.String() != n.String() {
				t.Errorf("the networks %q are %q, then %q: %v", text, n, more, err)
			}
		}
		if d, err := parseSpan(text); err == nil && (d <= 0 || d > maxDays*24*3600*1e9) {
			t.Errorf("the span %q is %s", text, d)
		}
	})
}
