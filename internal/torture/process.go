//go:build unix

package torture

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"floe/internal/freeport"
)

// process is a floe that serves, again and again.
type process struct {
	binary string
	args   []string // of serve
	log    *words
	client *http.Client

	mu      sync.Mutex
	address string
	token   string
	cmd     *exec.Cmd
	ended   chan struct{}
}

var welcome = regexp.MustCompile(`polar_oat_\w+`)

// startTime is how long a server may take until it serves. After a crash of
// PostgreSQL that includes its recovery.
const startTime = 60 * time.Second

// start starts the server with orders and waits until it serves.
func (p *process) start(ctx context.Context, o Orders) error {
	orders, err := json.Marshal(o)
	if err != nil {
		return err
	}
	address, err := freeport.Address(ctx)
	if err != nil {
		return err
	}
	cmd := exec.Command(p.binary, append([]string{"torture-child", "--listen", address}, p.args...)...) //nolint:gosec,noctx // its end is what is tested
	cmd.Env = append(environment(), Variable+"="+string(orders), "FLOE_LOG_LEVEL=error", "FLOE_LOG_FORMAT=json")
	cmd.Stderr = p.log
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return unable("start %s: %w", p.binary, err)
	}
	ended := make(chan struct{})
	greeted := make(chan string, 1)
	go func() {
		greet(out, greeted)
		_ = cmd.Wait()
		close(ended)
	}()
	p.mu.Lock()
	p.cmd, p.address, p.ended = cmd, address, ended
	p.mu.Unlock()
	return p.serves(ctx, greeted, ended)
}

// words are what the servers say: they go to the log, and the last ones are
// remembered, because the log may lie on a disk without room.
type words struct {
	to   io.Writer
	mu   sync.Mutex
	last []byte
}

// Write takes words; a server is not to end because nobody hears it.
func (w *words) Write(b []byte) (int, error) {
	const most = 2048
	_, _ = w.to.Write(b)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = append(w.last, b...)
	w.last = w.last[max(0, len(w.last)-most):]
	return len(b), nil
}

// line is the last one that was said.
func (w *words) line() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := strings.TrimSpace(string(w.last))
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// environment is what the server gets of ours: none of the variables that say
// which database to use.
func environment() (out []string) {
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "FLOE_") {
			out = append(out, pair)
		}
	}
	return out
}

// greet looks for the token that the first start prints.
func greet(out io.Reader, to chan<- string) {
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if token := welcome.FindString(lines.Text()); token != "" {
			to <- token
		}
	}
}

func (p *process) serves(ctx context.Context, greeted <-chan string, ended <-chan struct{}) error {
	deadline := time.After(startTime)
	for {
		select {
		case token := <-greeted:
			p.mu.Lock()
			p.token = token
			p.mu.Unlock()
		case <-ended:
			return fmt.Errorf("the server ended while it was starting: %s", p.log.line())
		case <-deadline:
			return fmt.Errorf("the server does not serve after %s", startTime)
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
			if status, _, err := p.do(ctx, "GET", "/v1/customers/?limit=1", nil); err == nil && status == 200 {
				return nil
			}
		}
	}
}

// signal sends a signal to the server, unless it has ended.
func (p *process) signal(s syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		_ = p.cmd.Process.Signal(s)
	}
}

// pid of the server, zero when there is none.
func (p *process) pid() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return 0
	}
	return p.cmd.Process.Pid
}

// ends waits for the server to end by itself.
func (p *process) ends(within time.Duration) bool {
	p.mu.Lock()
	ended := p.ended
	p.mu.Unlock()
	if ended == nil {
		return true
	}
	select {
	case <-ended:
		p.mu.Lock()
		p.cmd, p.ended = nil, nil
		p.mu.Unlock()
		return true
	case <-time.After(within):
		return false
	}
}

// kill ends the server in the way in which it learns nothing of it.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	_ = p.ends(time.Minute)
}

// do sends a request. An error says that there was no answer.
func (p *process) do(ctx context.Context, method, path string, body any) (status int, answer []byte, err error) {
	var text io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return 0, nil, err
		}
		text = bytes.NewReader(b)
	}
	p.mu.Lock()
	address, token := p.address, p.token
	p.mu.Unlock()
	r, err := http.NewRequestWithContext(ctx, method, "http://"+address+path, text)
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	w, err := p.client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = w.Body.Close() }()
	answer, err = io.ReadAll(w.Body)
	return w.StatusCode, answer, err
}

// get reads an object, or says why not.
func (p *process) get(ctx context.Context, path string, into any) error {
	status, answer, err := p.do(ctx, "GET", path, nil)
	if err != nil {
		return err
	}
	if status != 200 {
		return fmt.Errorf("GET %s: %d %s", path, status, answer)
	}
	return json.Unmarshal(answer, into)
}
