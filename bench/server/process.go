// Package server starts the servers that are measured, each as a process of
// its own, and reads from the system what they take of processor and memory.
package server

import (
	"bytes"
	"context"
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
)

// Process is a server that was started.
type Process struct {
	Address string
	// Ready is how long it took from the start to the first answer of 200.
	Ready time.Duration
	cmd   *exec.Cmd
	stdin io.Closer
	with  []int // other processes that work for it
}

// command is what is started: a program that listens on the address that
// stands for {address} in its arguments.
type command struct {
	program string
	args    []string
	env     []string
	log     string // file for what it prints
	stdin   []byte // what it is told; it ends when its parent does
	ready   string // the path that answers 200
	token   string
}

func (c command) start(ctx context.Context) (*Process, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	log, err := os.Create(c.log)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	args := make([]string, len(c.args))
	for i, a := range c.args {
		args[i] = strings.ReplaceAll(a, "{address}", address)
	}
	p := &Process{Address: address, cmd: exec.Command(c.program, args...)} //nolint:gosec,noctx // stopped by Stop
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.Env = log, log, append(os.Environ(), c.env...)
	if c.stdin != nil {
		pipe, err := p.cmd.StdinPipe()
		if err != nil {
			return nil, err
		}
		p.stdin = pipe
		go func() { _, _ = pipe.Write(c.stdin) }()
	}
	begin := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	if err := p.wait(ctx, c.ready, c.token); err != nil {
		text, _ := os.ReadFile(c.log)
		return nil, errors.Join(fmt.Errorf("%s does not start: %w\n%s", filepath.Base(c.program), err, text), p.Stop())
	}
	p.Ready = time.Since(begin)
	return p, nil
}

func freeAddress(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// wait asks every millisecond until the answer is 200.
func (p *Process) wait(ctx context.Context, path, token string) error {
	for start := time.Now(); ; time.Sleep(time.Millisecond) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.Address+path, nil)
		if err != nil {
			return err
		}
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		answer, err := http.DefaultClient.Do(r)
		if err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
			err = fmt.Errorf("%s answers %s", path, answer.Status)
		}
		if time.Since(start) > 2*time.Minute || ctx.Err() != nil {
			return errors.Join(err, ctx.Err(), fmt.Errorf("no answer from %s", p.Address))
		}
	}
}

// Stop ends the process and waits for it.
func (p *Process) Stop() error {
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

// CPU is the time in the processor that the server has taken, with that of the
// database server behind it; 0 where that is not known.
func (p *Process) CPU() (sum time.Duration) {
	for _, pid := range append([]int{p.cmd.Process.Pid}, p.with...) {
		sum += cpuOf(pid)
	}
	return sum
}

// cpuOf is the time of a process and of its children, also those that ended.
func cpuOf(pid int) (sum time.Duration) {
	for _, child := range append(childrenOf(pid), pid) {
		text, err := os.ReadFile("/proc/" + strconv.Itoa(child) + "/stat")
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(text), ") ") // the name may hold anything
		fields := strings.Fields(rest)
		if len(fields) < 15 {
			continue
		}
		const tick = 10 * time.Millisecond    // USER_HZ is 100 on every Linux
		for _, field := range fields[11:15] { // user, system, and both of children who ended
			n, _ := strconv.Atoi(field)
			sum += time.Duration(n) * tick
		}
	}
	return sum
}

func childrenOf(pid int) (out []int) {
	lists, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/children")
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for _, field := range strings.Fields(string(text)) {
			if n, err := strconv.Atoi(field); err == nil {
				out = append(out, n)
			}
		}
	}
	return out
}

// ForgetPeak has the peak of the memory begin with what is in use now
// (proc_pid_clear_refs(5)).
func (p *Process) ForgetPeak() error {
	return os.WriteFile("/proc/"+strconv.Itoa(p.cmd.Process.Pid)+"/clear_refs", []byte("5"), 0)
}

// MemoryMiB is the memory that the process has now, and the most it has had; 0
// where that is not known. That of a database server behind it is not in it.
func (p *Process) MemoryMiB() (now, peak int) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/status")
	if err != nil {
		return 0, 0
	}
	for line := range bytes.Lines(text) {
		for name, to := range map[string]*int{"VmRSS:": &now, "VmHWM:": &peak} {
			if rest, ok := strings.CutPrefix(string(line), name); ok {
				kb, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
				*to = kb / 1024
			}
		}
	}
	return now, peak
}

// OwnCPU is the time in the processor that this process has taken.
func OwnCPU() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
