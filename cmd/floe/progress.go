package main

import (
	"fmt"
	"os"
	"time"

	"github.com/mattn/go-isatty"
)

// progress overwrites the line it wrote before; an empty text clears it. It
// writes nothing where that would fill a log.
func (s *streams) progress(format string, args ...any) {
	f, ok := s.err.(*os.File)
	if !ok || !isatty.IsTerminal(f.Fd()) {
		return
	}
	fmt.Fprintf(s.err, "\r\x1b[K"+format, args...)
}

// ticking is progress that says for how long it has not changed, so that what
// takes minutes is seen to live.
func ticking(progress func(format string, args ...any)) (show func(text string), stop func()) {
	texts, done := make(chan string), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		var text string
		var since time.Time
		for {
			select {
			case next, ok := <-texts:
				if !ok {
					progress("")
					return
				}
				text, since = next, time.Now()
				progress("%s", text)
			case <-tick.C:
				if text != "" {
					progress("%s  %s", text, time.Since(since).Round(time.Second))
				}
			}
		}
	}()
	return func(text string) { texts <- text }, func() { close(texts); <-done }
}
