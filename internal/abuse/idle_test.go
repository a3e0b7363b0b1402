package abuse_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"testing"

	"floe/internal/floetest"
)

// idleVariable has, in the process that holds the clients, the server's address.
// Both ends of ten thousand connections are more files than one process may
// often have.
const idleVariable = "FLOE_ABUSE_IDLE"

const idle = 10_000

func TestMain(m *testing.M) {
	if address := os.Getenv(idleVariable); address != "" {
		if err := hold(address); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// hold makes connections, has one request answered on each, and keeps them
// until it is told to end.
func hold(address string) error {
	all := make([]net.Conn, 0, idle)
	buf := make([]byte, 4096)
	for i := range idle {
		c, err := net.Dial("tcp", address)
		if err != nil {
			return fmt.Errorf("connection %d: %w", i, err)
		}
		if _, err := io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			return err
		}
		if _, err := c.Read(buf); err != nil {
			return fmt.Errorf("connection %d: %w", i, err)
		}
		all = append(all, c)
	}
	fmt.Println("held")
	_, _ = io.Copy(io.Discard, os.Stdin)
	for _, c := range all {
		_ = c.Close()
	}
	return nil
}

// TestIdleConnections: ten thousand clients that are connected and say nothing
// cost some kilobytes each, and nobody else anything.
func TestIdleConnections(t *testing.T) {
	f := floetest.New(t)
	s := serve(t, f)
	peace := s.typical(t)
	before := memory()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	clients := exec.CommandContext(t.Context(), self) //nolint:gosec // this program
	clients.Env = append(os.Environ(), idleVariable+"="+s.address)
	end, err := clients.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := clients.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := clients.Start(); err != nil {
		t.Fatal(err)
	}
	said, _ := bufio.NewReader(out).ReadString('\n')
	if said != "held\n" {
		t.Fatalf("the clients: %s(a process must be allowed %d files, see ulimit -n)", said, idle+100)
	}
	each := (memory() - before) / idle
	t.Logf("%d idle connections; each takes %d bytes", s.open.Load(), each)
	if n := s.open.Load(); n < idle {
		t.Errorf("%d connections", n)
	}
	if each > 40<<10 {
		t.Errorf("an idle connection takes %d bytes", each)
	}
	s.unharmed(t, peace)
	_ = end.Close()
	if err := clients.Wait(); err != nil {
		t.Error(err)
	}
	s.cutOff(t)
}

// memory is what the program holds on its heap and its stacks.
func memory() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse) //nolint:gosec // far from the end
}
