// Package internal_test checks rules about the packages in this folder.
package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "floe/internal/"

// TestLayers: no package imports one that stands later in layers.txt, and
// only tests import test support.
func TestLayers(t *testing.T) {
	t.Parallel()
	rank, support := layers(t)
	for name, p := range packages(t, ".") {
		at, listed := rank[name]
		if !listed {
			t.Errorf("internal/%s is missing in layers.txt", name)
			continue
		}
		for _, imported := range p.imports {
			to, ok := rank[imported]
			switch {
			case !ok: // reported for itself
			case to >= at:
				t.Errorf("%s imports %s, which stands above it in the architecture (layers.txt)", name, imported)
			case support[imported] && !support[name]:
				t.Errorf("%s imports %s, which is for tests only", name, imported)
			}
		}
	}
}

// TestMap: CONTRIBUTING.md says of each package where it belongs. What lies in
// the folder of another belongs there.
func TestMap(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for line := range strings.Lines(string(text)) {
		if names, ours := strings.CutPrefix(line, "internal/"); ours {
			names, _, _ = strings.Cut(names, "  ") // what they are for
			told = append(told, strings.FieldsFunc(names, func(r rune) bool { return strings.ContainsRune(", /", r) })...)
		}
	}
	rank, _ := layers(t)
	for name := range rank {
		if !strings.Contains(name, "/") && !slices.Contains(told, name) {
			t.Errorf("CONTRIBUTING.md does not say where internal/%s belongs", name)
		}
	}
}

// TestPackageComments: each package says what it is for.
func TestPackageComments(t *testing.T) {
	t.Parallel()
	for _, root := range []string{".", "../cmd"} {
		for name, p := range packages(t, root) {
			if len(strings.TrimSpace(p.doc)) < 40 {
				t.Errorf("%s/%s has no package comment that says what it is for", root, name)
			}
		}
	}
}

func layers(t *testing.T) (rank map[string]int, support map[string]bool) {
	t.Helper()
	text, err := os.ReadFile("layers.txt")
	if err != nil {
		t.Fatal(err)
	}
	rank, support = map[string]int{}, map[string]bool{}
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		name := fields[0]
		if _, twice := rank[name]; twice {
			t.Errorf("layers.txt names %s twice", name)
		}
		rank[name] = len(rank)
		support[name] = slices.Contains(fields[1:], "test")
	}
	return rank, support
}

type pkg struct {
	doc     string
	imports []string // of ours, without the module's prefix
}

// packages reads what stands at the top of every source file below root. It
// parses instead of asking the go command, to see the files of all systems.
func packages(t *testing.T, root string) map[string]*pkg {
	t.Helper()
	out := map[string]*pkg{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || d.Name() == "node_modules"):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		if out[name] == nil {
			out[name] = &pkg{}
		}
		out[name].add(file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (p *pkg) add(file *ast.File) {
	p.doc += file.Doc.Text()
	for _, spec := range file.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if name, ours := strings.CutPrefix(path, module); err == nil && ours && !slices.Contains(p.imports, name) {
			p.imports = append(p.imports, name)
		}
	}
}
