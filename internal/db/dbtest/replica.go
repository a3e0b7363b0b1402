//go:build unix

package dbtest

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"floe/internal/db/pgserver"
)

// Server is a PostgreSQL server that belongs to one test: a primary, or a
// streaming replica of one.
type Server struct {
	// URL is that of its database, which a replica has in common with its
	// primary.
	URL     string
	server  *pgserver.Server
	process *exec.Cmd
	ended   chan struct{} // closed when the process has
	log     *os.File
}

// Primary starts an empty server that replicas can follow.
func Primary(t testing.TB) *Server {
	t.Helper()
	return newServer(t, func(data string) (*pgserver.Server, error) {
		return pgserver.New(data, "shared_buffers = 64MB", "fsync = off",
			"wal_level = replica", "max_wal_senders = 8", "hot_standby = on", "max_connections = 200")
	})
}

// Replica starts a streaming replica, made with pg_basebackup.
func (s *Server) Replica(t testing.TB) *Server {
	t.Helper()
	return newServer(t, func(data string) (*pgserver.Server, error) {
		r, err := pgserver.In(data)
		if err != nil {
			return nil, err
		}
		out, err := r.Command("pg_basebackup", "-D", data, "-h", s.server.Data, "-U", "postgres",
			"--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync").CombinedOutput()
		if err != nil {
			return nil, fmt.Errorf("pg_basebackup: %w\n%s", err, out)
		}
		_ = os.Remove(filepath.Join(data, ".s.PGSQL.5432.lock")) // of the primary's socket, which lies in its folder
		return r, r.Configure("unix_socket_directories = '" + data + "'")
	})
}

// newServer starts a server in a folder of its own. Paths of sockets have to be
// short.
func newServer(t testing.TB, files func(data string) (*pgserver.Server, error)) *Server {
	t.Helper()
	dir, err := os.MkdirTemp("", "floe-pg-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // the server's user has to pass
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	s := &Server{}
	switch s.server, err = files(data); {
	case errors.Is(err, pgserver.ErrMissing) && os.Getenv("FLOE_REQUIRE_ALL") != "1":
		t.Skip(err)
	case err != nil:
		t.Fatal(err)
	}
	if s.log, err = os.Create(filepath.Join(dir, "log")); err != nil {
		t.Fatal(err)
	}
	s.URL = s.server.URL("postgres")
	t.Cleanup(func() { s.Kill(); _ = s.log.Close() })
	s.Start(t)
	return s
}

// Start starts the server and waits until it answers. As long as processes of
// one that has crashed are not quite gone, the next one refuses to start.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	s.launch(t)
	for begin := time.Now(); !answers(s.URL); time.Sleep(20 * time.Millisecond) {
		if time.Since(begin) > startTime {
			text, _ := os.ReadFile(s.log.Name())
			t.Fatalf("the server does not answer:\n%s", text)
		}
		select {
		case <-s.ended:
			s.launch(t)
		default:
		}
	}
}

func (s *Server) launch(t testing.TB) {
	t.Helper()
	s.process = s.server.Command("postgres", "-D", s.server.Data)
	s.process.Stdout, s.process.Stderr = s.log, s.log
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	s.ended = ended
	go func(p *exec.Cmd) { _ = p.Wait(); close(ended) }(s.process)
}

// Kill ends the server at once, without what it owes to anybody.
func (s *Server) Kill() {
	if s.process == nil {
		return
	}
	_ = s.process.Process.Signal(syscall.SIGQUIT) // which its children obey, too
	<-s.ended
	s.process = nil
}

// Crash kills every process of the server in the way in which none learns of
// it. Start has it recover.
func (s *Server) Crash(t testing.TB) {
	t.Helper()
	pid := s.process.Process.Pid
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil { // it starts no others meanwhile
		t.Fatal(err)
	}
	for _, child := range append(children(pid), pid) {
		_ = syscall.Kill(child, syscall.SIGKILL)
	}
	<-s.ended
	s.process = nil
}

// children are the processes that a process has started. Where the system does
// not tell, there are none: those of PostgreSQL end by themselves when their
// parent is gone.
func children(parent int) (list []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		text, _ := os.ReadFile(file)
		var pid, of int
		var state string
		_, rest, _ := strings.Cut(string(text), ") ") // its name may be anything
		if _, err := fmt.Sscanf(rest, "%s %d", &state, &of); err != nil || of != parent {
			continue
		}
		if _, err := fmt.Sscanf(string(text), "%d", &pid); err == nil {
			list = append(list, pid)
		}
	}
	return list
}

// Exec runs a statement as the owner of the server.
func (s *Server) Exec(t testing.TB, text string) {
	t.Helper()
	pool, err := sql.Open("pgx", s.URL)
	if err != nil {
		t.Fatal(err)
	}
	_, err = pool.ExecContext(t.Context(), text)
	if err = errors.Join(err, pool.Close()); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}
