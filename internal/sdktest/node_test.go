package sdktest_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// sdks is the folder that holds node_modules with both SDKs, or the reason why
// there is none.
var sdks = sync.OnceValues(func() (string, error) {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			return "", fmt.Errorf("%s is missing: install Node.js 20 or newer to drive the official SDKs", program)
		}
	}
	if err := checkNode(); err != nil {
		return "", err
	}
	return install()
})

// oldest is the first major version of Node.js with all that SDK 1.0.1 uses.
const oldest = 20

func checkNode() error {
	out, err := exec.CommandContext(context.Background(), "node", "--version").Output()
	if err != nil {
		return fmt.Errorf("node does not start: %w", err)
	}
	major, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(string(out)), "v"), ".")
	if n, err := strconv.Atoi(major); err != nil || n < oldest {
		return fmt.Errorf("node %s is too old: install Node.js %d or newer to drive the official SDKs", bytes.TrimSpace(out), oldest)
	}
	return nil
}

// install puts the packages of package-lock.json into a folder of the user's
// cache, once for each state of that file. It is made under another name and
// renamed when complete, because several test processes may be at it.
func install() (string, error) {
	lock, err := os.ReadFile("package-lock.json")
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	sum := sha256.Sum256(lock)
	dir := filepath.Join(cache, "floe-test", "sdk-"+hex.EncodeToString(sum[:6]))
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	draft, err := os.MkdirTemp(filepath.Dir(dir), "draft-*")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(draft) }()
	if err := fetch(draft); err != nil {
		return "", err
	}
	if err := os.Rename(draft, dir); err != nil && !errors.Is(err, os.ErrExist) {
		if _, gone := os.Stat(dir); gone != nil {
			return "", err
		}
	}
	return dir, nil
}

func fetch(dir string) error {
	for _, name := range []string{"package.json", "package-lock.json"} {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	npm := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
	npm.Dir = dir
	if out, err := npm.CombinedOutput(); err != nil {
		line, _, _ := bytes.Cut(bytes.TrimSpace(out), []byte("\n"))
		return fmt.Errorf("npm ci cannot fetch the official SDKs: %w: %s", err, line)
	}
	return nil
}

// need skips the test where something is missing, and fails it where nothing
// may be.
func need(t *testing.T, err error) {
	t.Helper()
	switch {
	case err == nil:
	case os.Getenv("FLOE_REQUIRE_ALL") == "1":
		t.Fatal(err)
	default:
		t.Skip(err)
	}
}

// line is what a client prints for each check.
type line struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

// drive runs the scripts of a client, one after the other, and makes a subtest
// of each of their checks.
func drive(t *testing.T, scripts []string, config map[string]any) {
	t.Helper()
	config["scripts"] = scripts
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	node := client(ctx, t, "main.mjs", config)
	var stdout, stderr bytes.Buffer
	node.Stdout, node.Stderr = &stdout, &stderr
	err := node.Run()
	ended := 0
	for s := bufio.NewScanner(&stdout); s.Scan(); {
		var l line
		if json.Unmarshal(s.Bytes(), &l) != nil || l.Name == "" {
			t.Errorf("the client printed %q", s.Text())
			continue
		}
		if l.Name == "end" {
			ended++
			continue
		}
		t.Run(l.Name, func(t *testing.T) {
			if !l.OK {
				t.Error(l.Detail)
			}
		})
	}
	if err != nil || ended != len(scripts) {
		t.Errorf("the client stopped early: %v\n%s", err, stderr.String())
	}
}

// client is a program of this folder, to be run with the SDKs beside it.
func client(ctx context.Context, t *testing.T, script string, config map[string]any) *exec.Cmd {
	t.Helper()
	dir, err := sdks()
	need(t, err)
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	node := exec.CommandContext(ctx, "node", filepath.Join(workspace(t, dir), script))
	file := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	node.Env = append(os.Environ(), "FLOE_SDK_TEST="+file)
	return node
}

// caller calls methods of the SDK one by one; see call.mjs.
type caller struct {
	t   *testing.T
	in  *json.Encoder
	out *bufio.Scanner
}

func newCaller(t *testing.T, config map[string]any) *caller {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Minute)
	node := client(ctx, t, "call.mjs", config)
	stdin, err := node.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr := &bytes.Buffer{}
	node.Stderr = stderr
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		defer cancel()
		_ = stdin.Close()
		if err := node.Wait(); err != nil {
			t.Errorf("the client: %v\n%s", err, stderr)
		}
	})
	out := bufio.NewScanner(stdout)
	out.Buffer(nil, 16<<20)
	return &caller{t, json.NewEncoder(stdin), out}
}

// call calls a method and answers what it returned, or its error's text.
func (c *caller) call(method string, args ...any) (value json.RawMessage, failed string) {
	c.t.Helper()
	if args == nil {
		args = []any{}
	}
	if err := c.in.Encode(map[string]any{"call": method, "args": args}); err != nil {
		c.t.Fatal(err)
	}
	if !c.out.Scan() {
		c.t.Fatalf("the client has ended: %v", c.out.Err())
	}
	var answer struct {
		Value json.RawMessage
		Error string
	}
	if err := json.Unmarshal(c.out.Bytes(), &answer); err != nil {
		c.t.Fatalf("the client answers %q", c.out.Text())
	}
	return answer.Value, answer.Error
}

// workspace is a folder with the clients and, beside them, the SDKs: Node.js
// looks for packages from the file that imports them.
func workspace(t *testing.T, installed string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("client")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(installed, "node_modules"), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	return dir
}
