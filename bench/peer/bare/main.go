// Command bare is the least that a server written with net/http can do: it
// answers each path with the bytes that it was given on stdin, as one line of
// JSON, and knows nothing else. It ends when stdin does.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: bare ADDRESS <bodies.json")
		os.Exit(2)
	}
	if err := serve(os.Args[1]); err != nil && !errors.Is(err, http.ErrServerClosed) {
		fmt.Fprintln(os.Stderr, "bare:", err)
		os.Exit(1)
	}
}

func serve(address string) error {
	in := bufio.NewReader(os.Stdin)
	line, err := in.ReadBytes('\n')
	if err != nil {
		return err
	}
	bodies := map[string][]byte{}
	if err := json.Unmarshal(line, &bodies); err != nil {
		return err
	}
	bodies["/ready"] = []byte("{}")
	// No limits of time: while others take long turns its connections wait.
	server := &http.Server{Addr: address, Handler: handler(bodies)} //nolint:gosec // loopback, and its parent calls
	go func() { _, _ = io.Copy(io.Discard, in); _ = server.Close() }()
	return server.ListenAndServe()
}

func handler(bodies map[string][]byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := bodies[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header()["Content-Type"] = []string{"application/json"}
		w.Header()["Content-Length"] = []string{strconv.Itoa(len(body))}
		_, _ = w.Write(body)
	})
}
