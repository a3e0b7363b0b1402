//go:build unix

package dbtest

import (
	"database/sql"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// Server is a PostgreSQL server that belongs to one test: a primary, or a
// streaming replica of one.
type Server struct {
	// URL is that of its database, which a replica has in common with its
	// primary.
	URL     string
	cluster cluster
	process *exec.Cmd
	log     *os.File
}

// Primary starts an empty server that replicas can follow.
func Primary(t testing.TB) *Server {
	t.Helper()
	s := newServer(t)
	err := s.cluster.initialize("wal_level = replica", "max_wal_senders = 8", "hot_standby = on", "max_connections = 200")
	if err != nil {
		t.Fatal(err)
	}
	s.Start(t)
	return s
}

// Replica starts a streaming replica, made with pg_basebackup.
func (s *Server) Replica(t testing.TB) *Server {
	t.Helper()
	r := newServer(t)
	if err := r.cluster.dropRoot(); os.Getuid() == 0 && err != nil {
		t.Fatal(err)
	}
	out, err := r.cluster.command("pg_basebackup", "-D", r.cluster.data, "-h", s.cluster.data, "-U", "postgres",
		"--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync").CombinedOutput()
	if err != nil {
		t.Fatalf("pg_basebackup: %v\n%s", err, out)
	}
	_ = os.Remove(filepath.Join(r.cluster.data, ".s.PGSQL.5432.lock")) // of the primary's socket, which lies in its folder
	if err := r.cluster.configure("unix_socket_directories = '" + r.cluster.data + "'"); err != nil {
		t.Fatal(err)
	}
	r.Start(t)
	return r
}

// newServer makes the folder. Paths of sockets have to be short.
func newServer(t testing.TB) *Server {
	t.Helper()
	if _, err := programs(); err != nil {
		if os.Getenv("FLOE_REQUIRE_ALL") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	dir, err := os.MkdirTemp("", "floe-pg-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // the server's user has to pass
		t.Fatal(err)
	}
	s := &Server{cluster: cluster{data: filepath.Join(dir, "data")}}
	if err := os.Mkdir(s.cluster.data, 0o700); err != nil {
		t.Fatal(err)
	}
	if s.log, err = os.Create(filepath.Join(dir, "log")); err != nil {
		t.Fatal(err)
	}
	s.URL = s.cluster.address()
	t.Cleanup(func() { s.Kill(); _ = s.log.Close() })
	return s
}

// Start starts the server and waits until it answers.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	s.process = s.cluster.command("postgres", "-D", s.cluster.data)
	s.process.Stdout, s.process.Stderr = s.log, s.log
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	for begin := time.Now(); !answers(s.URL); time.Sleep(20 * time.Millisecond) {
		if time.Since(begin) > startTime {
			text, _ := os.ReadFile(s.log.Name())
			t.Fatalf("the server does not answer:\n%s", text)
		}
	}
}

// Kill ends the server at once, without what it owes to anybody.
func (s *Server) Kill() {
	if s.process == nil {
		return
	}
	_ = s.process.Process.Signal(syscall.SIGQUIT) // which its children obey, too
	_ = s.process.Wait()
	s.process = nil
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
