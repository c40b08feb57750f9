package house_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// A package of more files or lines than these is a house of its own: it stands here with its reason, or it is divided.
const (
	mostFiles = 40
	mostLines = 4000
)

// large are the packages that are larger, and why.
var large = map[string]string{
	"cmd/letta-dev": "the serving process and the timeline are still to become packages",
	"proxy":         "an exchange holds a request, its answer and its connection together: its parts cannot be packages",
}

// TestArchitectureNamesFiles finds each path that ARCHITECTURE.md and CONTRIBUTING.md name.
func TestArchitectureNamesFiles(t *testing.T) {
	for _, page := range []string{"ARCHITECTURE.md", "CONTRIBUTING.md"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		named := regexp.MustCompile("`((?:certs|cmd|compose|crash|docs|e2e|orchestrator|proxy|tools)/[^`* A-Z]+)`").FindAllSubmatch(text, -1)
		if len(named) < 10 {
			t.Errorf("%s names %d paths only: the test does not see them", page, len(named))
		}
		for _, path := range named {
			if _, err := os.Stat(string(path[1])); err != nil {
				t.Errorf("%s names %s: %v", page, path[1], err)
			}
		}
	}
}

// TestSize counts the files of each package for all systems, tests left out, and their lines.
func TestSize(t *testing.T) {
	files, lines := map[string]int{}, map[string]int{}
	err := filepath.WalkDir(".", func(path string, entry os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "testdata" || entry.Name() == "e2e"):
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		data, err := os.ReadFile(path)
		folder := filepath.ToSlash(filepath.Dir(path))
		files[folder]++
		lines[folder] += bytes.Count(data, []byte("\n"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if files["proxy"] == 0 {
		t.Fatal("the package proxy was not found")
	}
	for folder, n := range files {
		isLarge := n > mostFiles || lines[folder] > mostLines
		switch reason, told := large[folder]; {
		case isLarge && reason == "":
			t.Errorf("%s has %d files and %d lines, more than %d and %d: divide it, or give the reason here", folder, n, lines[folder], mostFiles, mostLines)
		case told && !isLarge:
			t.Errorf("%s has %d files and %d lines: its reason here is not needed any more", folder, n, lines[folder])
		}
	}
}

// TestREADMEIsAPage holds what README may grow to: the rest is in docs.
func TestREADMEIsAPage(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if len(lines) > 110 {
		t.Errorf("README.md has %d lines, more than 110", len(lines))
	}
	for i, line := range lines {
		if n := utf8.RuneCountInString(line); n > 140 {
			t.Errorf("README.md:%d has %d characters, more than 140", i+1, n)
		}
	}
}
