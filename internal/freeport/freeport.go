// Package freeport finds ports for servers of our own that stop and start
// again, as those of tests and of floe torture do.
package freeport

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"sync"
)

// lowest is the first port that is given out.
const lowest = 10_000

var given sync.Map

// Address is 127.0.0.1 with a port that nothing listens on and that stays free:
// it is none of those from which the system chooses for outgoing connections,
// which would take it while its server is away, and this process gives it once.
func Address(ctx context.Context) (string, error) {
	var err error
	for range 100 {
		port := lowest + rand.IntN(outgoing()-lowest) //nolint:gosec // spreads, guards nothing
		address := fmt.Sprintf("127.0.0.1:%d", port)
		var l net.Listener
		if l, err = new(net.ListenConfig).Listen(ctx, "tcp", address); err != nil {
			continue
		}
		if err = l.Close(); err != nil {
			return "", err
		}
		if _, again := given.LoadOrStore(port, true); !again {
			return address, nil
		}
		err = errors.New("all were given already")
	}
	return "", fmt.Errorf("find a free port: %w", err)
}

// outgoing is the first port that the system itself chooses: what Linux says,
// and elsewhere what the registry of ports has for it (RFC 6335, section 6).
func outgoing() int {
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err == nil {
		var first int
		if _, err := fmt.Sscan(string(text), &first); err == nil && first > lowest {
			return first
		}
	}
	return 49_152
}
