package freeport

import (
	"net"
	"testing"
)

func TestAddress(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 200 {
		address, err := Address(t.Context())
		if err != nil || seen[address] {
			t.Fatalf("%s, %v", address, err)
		}
		seen[address] = true
		a, err := net.ResolveTCPAddr("tcp", address)
		if err != nil || a.Port < lowest || a.Port >= outgoing() {
			t.Errorf("%v, %v", a, err)
		}
	}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if port := l.Addr().(*net.TCPAddr).Port; port < outgoing() {
		t.Errorf("the system has chosen %d, and outgoing ports are said to begin at %d", port, outgoing())
	}
}
