package main

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"floe/bench/report"
	"floe/bench/server"
)

// machine describes where and with what this was measured.
func machine(ctx context.Context) report.Machine {
	m := report.Machine{
		Date: time.Now().UTC().Format(time.DateOnly), Commit: output(ctx, "git", "rev-parse", "--short", "HEAD"),
		Processors: runtime.NumCPU(), Model: procField("/proc/cpuinfo", "model name"), Commands: []string{commandLine()},
		Versions: map[string]string{"Go": strings.TrimPrefix(runtime.Version(), "go"), "kernel": output(ctx, "uname", "-sr")},
	}
	m.MemoryGB = int((memory() + 1<<29) >> 30)
	if v := server.PostgresVersion(ctx); v != "" {
		m.Versions["PostgreSQL"] = v[strings.LastIndexByte(v, ' ')+1:]
		if f := strings.Fields(v); len(f) > 2 {
			m.Versions["PostgreSQL"] = f[2]
		}
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			switch d.Path {
			case "modernc.org/sqlite":
				m.Versions[d.Path] = d.Version
			}
		}
	}
	if v := output(ctx, "go", "-C", "peer/pocketbase", "list", "-m", "-f", "{{.Version}}", "github.com/pocketbase/pocketbase"); v != "" {
		m.Versions["PocketBase"] = v
	}
	return m
}

// memory is how many bytes the machine has, 0 if it does not say.
func memory() int64 {
	kb, _ := strconv.ParseInt(strings.TrimSuffix(procField("/proc/meminfo", "MemTotal"), " kB"), 10, 64)
	return kb << 10
}

func procField(file, name string) string {
	text, _ := os.ReadFile(file)
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
