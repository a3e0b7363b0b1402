package crash_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"floe/internal/db"
	"floe/internal/db/dbtest"
)

// rounds is how often each server is killed; FLOE_CRASH_ROUNDS asks for more.
func rounds() int {
	if n, err := strconv.Atoi(os.Getenv("FLOE_CRASH_ROUNDS")); err == nil {
		return n
	}
	return 4
}

const clients = 16

func TestKilled(t *testing.T) {
	t.Parallel()
	binary := build(t)
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		dir := filepath.Join(t.TempDir(), "data")
		run(t, &server{binary: binary, args: []string{"--data-dir", dir}}, db.Config{DataDir: dir}, (*server).kill)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		url := dbtest.EmptyURL(t)
		run(t, &server{binary: binary, args: []string{"--database-url", url}}, db.Config{URL: url}, (*server).kill)
	})
	// Here the server lives on, and loses every connection to its database.
	t.Run("connections", func(t *testing.T) {
		t.Parallel()
		url := dbtest.EmptyURL(t)
		run(t, &server{binary: binary, args: []string{"--database-url", url}}, db.Config{URL: url}, func(*server) { disconnect(t, url) })
	})
}

func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "floe")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "floe/cmd/floe").CombinedOutput()
	if err != nil {
		t.Fatalf("build floe: %v\n%s", err, out)
	}
	return binary
}

// run works, breaks off and looks, again and again.
func run(t *testing.T, s *server, config db.Config, breakOff func(*server)) {
	t.Helper()
	defer s.kill()
	s.start(t)
	list := make([]*client, clients)
	for i := range list {
		list[i] = &client{number: i, random: rand.New(rand.NewPCG(uint64(i), 1))} //nolint:gosec // the same work each time
	}
	for round := range rounds() {
		var stop sync.WaitGroup
		done, end := context.WithCancel(t.Context())
		for _, c := range list {
			stop.Go(func() { c.work(done, s) })
		}
		time.Sleep(time.Duration(100+50*round%300) * time.Millisecond)
		breakOff(s)
		time.Sleep(50 * time.Millisecond)
		end()
		stop.Wait()
		s.start(t)
		look(t, s, config, list)
		if t.Failed() {
			s.kill()
			t.Fatalf("after round %d; the server says:\n%s", round+1, s.log)
		}
	}
	acknowledged := 0
	for _, c := range list {
		acknowledged += c.acknowledged
	}
	if acknowledged < clients {
		t.Errorf("only %d writes were acknowledged: nothing was tested", acknowledged)
	}
	t.Logf("%d writes were acknowledged", acknowledged)
}

// server is a process that serves.
type server struct {
	binary, address, token string
	args                   []string
	process                *exec.Cmd
	log                    *bytes.Buffer // whole once the process has ended
}

var welcome = regexp.MustCompile(`polar_oat_\w+`)

// start starts the process unless it runs, and waits until it serves.
func (s *server) start(t *testing.T) {
	t.Helper()
	if s.process == nil {
		s.launch(t)
	}
	for begin := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		status, _, err := s.do(t.Context(), "GET", "/v1/customers/?limit=1", nil)
		if err == nil && status == 200 {
			return
		}
		if time.Since(begin) > 30*time.Second {
			t.Fatalf("the server does not serve: %d, %v", status, err)
		}
	}
}

func (s *server) launch(t *testing.T) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = l.Addr().String()
	_ = l.Close()
	// Not the context of the test: the end of the process is what is tested.
	s.process = exec.Command(s.binary, append([]string{"serve", "--listen", s.address}, s.args...)...) //nolint:gosec,noctx // our own program
	s.log = &bytes.Buffer{}
	s.process.Stderr = s.log
	s.process.Env = append(os.Environ(), "FLOE_LOG_LEVEL=error")
	out, err := s.process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); s.token == "" && lines.Scan(); {
		s.token = welcome.FindString(lines.Text())
	}
}

// kill ends the process in the way in which it learns nothing of it.
func (s *server) kill() {
	if s.process != nil {
		_ = s.process.Process.Kill()
		_ = s.process.Wait()
		s.process = nil
	}
}

func disconnect(t *testing.T, url string) {
	d, err := db.Open(t.Context(), db.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	n, err := db.One[int64](t.Context(), d, `SELECT COUNT(*) FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid()) AS ended`)
	if err != nil || n == 0 {
		t.Errorf("ended %d connections, %v", n, err)
	}
}

// fail is a description of what is wrong with a customer.
func fail(t *testing.T, c *customer, format string, args ...any) {
	t.Helper()
	t.Errorf("%s: %s", c.email, fmt.Sprintf(format, args...))
}
