package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"floe/internal/bench"
)

// process is a server that was started.
type process struct {
	cmd     *exec.Cmd
	address string
	stdin   io.Closer
}

// startFloe starts the server with its defaults, logging each request, on a
// port of its own.
func startFloe(ctx context.Context, binary, log string, args ...string) (*process, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	file, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	cmd := exec.Command(binary, append([]string{"serve", "--listen", address}, args...)...) //nolint:gosec,noctx // stopped by stop
	cmd.Stdout, cmd.Stderr = io.Discard, file
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, address: address}
	if err := p.ready(ctx, "/readyz"); err != nil {
		text, _ := os.ReadFile(log)
		return nil, errors.Join(fmt.Errorf("floe does not start: %w\n%s", err, text), p.stop())
	}
	return p, nil
}

// startBare starts this program once more as a server that answers with the
// given bytes, so that both servers are processes of their own.
func startBare(ctx context.Context, bodies map[string][]byte) (*process, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(bareConfig{address, bodies})
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, "--bare") //nolint:gosec,noctx // stopped by stop
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, address: address, stdin: stdin}
	if _, err := stdin.Write(append(text, '\n')); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	return p, p.ready(ctx, "/ready")
}

type bareConfig struct {
	Address string
	Bodies  map[string][]byte
}

// serveBare is the other side of startBare. It ends with its parent.
func serveBare(ctx context.Context) error {
	in := bufio.NewReader(os.Stdin)
	line, err := in.ReadBytes('\n')
	if err != nil {
		return err
	}
	var c bareConfig
	if err := json.Unmarshal(line, &c); err != nil {
		return err
	}
	c.Bodies["/ready"] = []byte("{}")
	server := &http.Server{Addr: c.Address, Handler: bench.BareHandler(c.Bodies), ReadHeaderTimeout: 10 * time.Second}
	ctx, stop := context.WithCancel(ctx)
	go func() { _, _ = io.Copy(io.Discard, in); stop() }()
	go func() { <-ctx.Done(); _ = server.Close() }()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func freeAddress(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

func (p *process) ready(ctx context.Context, path string) error {
	for start := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.address+path, nil)
		if err != nil {
			return err
		}
		answer, err := http.DefaultClient.Do(r)
		if err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
		if time.Since(start) > time.Minute || ctx.Err() != nil {
			return errors.Join(err, ctx.Err(), fmt.Errorf("no answer from %s", p.address))
		}
	}
}

// stop ends the process and waits for it.
func (p *process) stop() error {
	if p.stdin != nil {
		_ = p.stdin.Close()
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	ended := make(chan error, 1)
	go func() { ended <- p.cmd.Wait() }()
	select {
	case err := <-ended:
		if e, ok := errors.AsType[*exec.ExitError](err); ok && !e.Exited() {
			return nil // by our signal
		}
		return err
	case <-time.After(15 * time.Second):
		return errors.Join(fmt.Errorf("%s does not stop", p.cmd.Path), p.cmd.Process.Kill())
	}
}

// cpu is the time that the process has spent in the processor, 0 where that is
// not known.
func (p *process) cpu() time.Duration {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/stat")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), ") ") // the name may hold anything
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	const tick = 10 * time.Millisecond // USER_HZ is 100 on every Linux
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * tick
}

// peakMB is the most memory the process has had, 0 where that is not known.
func (p *process) peakMB() int { return statusMB(p.cmd.Process.Pid) }

func statusMB(pid int) int {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(text) {
		if rest, ok := strings.CutPrefix(string(line), "VmHWM:"); ok {
			kb, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
			return kb / 1024
		}
	}
	return 0
}

// build compiles floe as users do.
func build(ctx context.Context, dir string) (string, error) {
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", errors.New("run floebench inside the repository, or say --floe")
	}
	binary := filepath.Join(dir, "floe")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", binary, "./cmd/floe") //nolint:gosec // our own arguments
	cmd.Dir = strings.TrimSpace(string(root))
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build floe: %w\n%s", err, out)
	}
	return binary, nil
}
