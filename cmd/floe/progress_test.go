package main

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestTicking: what takes long says for how long, each anew, and leaves nothing
// behind.
func TestTicking(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var said []string
		show, stop := ticking(func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) })
		show("1 of 2  file")
		time.Sleep(2500 * time.Millisecond)
		show("2 of 2  sync")
		time.Sleep(time.Second)
		stop()
		want := []string{"1 of 2  file", "1 of 2  file  1s", "1 of 2  file  2s", "2 of 2  sync", "2 of 2  sync  1s", ""}
		if !slices.Equal(said, want) {
			t.Errorf("%q", said)
		}
	})
}
