package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// Every command fails when its answer cannot be written, with its help and its JSON too. A command that is added here or in the tree
// without the other fails the test.
func TestAnswersThatCannotBeWritten(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no /dev/full here")
	}
	defer full.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"version":"1","status":"ok"}`)) // as Letta's health check has it
	}))
	defer server.Close()
	home := t.TempDir()
	answers := map[string]string{
		"letta-dev":                       "",
		"letta-dev up":                    "up --trust none --listen 127.0.0.1:0 --upstream " + server.URL,
		"letta-dev down":                  "down --project none",
		"letta-dev status":                "status",
		"letta-dev logs":                  "logs",
		"letta-dev env":                   "env",
		"letta-dev run":                   "run --help", // the answer is the program's
		"letta-dev proxy":                 "proxy --trust none --listen 127.0.0.1:0 --upstream " + server.URL,
		"letta-dev version":               "version",
		"letta-dev help":                  "help up",
		"letta-dev completion":            "completion",
		"letta-dev completion bash":       "completion bash",
		"letta-dev completion zsh":        "completion zsh",
		"letta-dev completion fish":       "completion fish",
		"letta-dev completion powershell": "completion powershell",
		"letta-dev certs":                 "certs",
		"letta-dev certs init":            "certs init",
		"letta-dev certs path":            "certs path",
		"letta-dev certs create":          "certs create --overwrite --cert-file " + filepath.Join(home, "a.pem") + " --key-file " + filepath.Join(home, "a-key.pem") + " a.localhost",
		"letta-dev certs renew":           "certs renew",
		"letta-dev certs status":          "certs status",
		"letta-dev certs install":         "certs install --dry-run",
		"letta-dev certs uninstall":       "certs uninstall --dry-run",
	}
	var lines []string
	everyCommand(newRoot(&app{}), func(c *cobra.Command) {
		line, known := answers[c.CommandPath()]
		if !known {
			t.Errorf("%s is not tried here", c.CommandPath())
		}
		delete(answers, c.CommandPath())
		lines = append(lines, strings.TrimPrefix(c.CommandPath()+" --help", "letta-dev "), line)
		if !strings.HasPrefix(line, "completion") && !strings.Contains(line, "help") && line != "" && line != "certs" {
			lines = append(lines, line+" --json")
		}
	})
	for path := range answers {
		t.Errorf("%s is no command", path)
	}
	lines = append(lines, "--version", "up --trust none --dry-run --upstream "+server.URL, "__complete st")
	journal := filepath.Join(home, ".local/state/letta-dev/letta-dev/journal.jsonl") // for logs to have an answer
	if err := errors.Join(os.MkdirAll(filepath.Dir(journal), 0o700), os.WriteFile(journal, journalEntry{Time: time.Now(), Source: "proxy", Line: "begun"}.encode(), 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		env := map[string]string{"HOME": home, "PATH": os.Getenv("PATH"), "DOCKER_HOST": "unix://" + home + "/no-engine"}
		if strings.HasPrefix(line, "down") { // which fails where a named engine does not answer, and nothing would be left to write
			env["DOCKER_HOST"] = ""
		}
		var talk strings.Builder
		a := &app{stdout: full, stderr: &talk, dir: home, exe: "/bin/letta-dev", now: time.Now, environList: []string{"HOME=" + home},
			env: func(name string) (string, bool) { v, ok := env[name]; return v, ok && v != "" }}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		if code := run(ctx, a, strings.Fields(line)); code != exitFailed || strings.Count(talk.String(), "writing the answer: write /dev/full: no space left on device") != 1 {
			t.Errorf("%s: exit code %d, and it said: %s", line, code, talk.String())
		}
		cancel()
	}
}

// A reader that goes away had what it wanted: that is no failure, and a server that was started goes on.
func TestAReaderThatGoesAway(t *testing.T) {
	out := &output{to: writerFunc(func([]byte) (int, error) {
		return 0, &os.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.EPIPE}
	})}
	if _, err := out.Write([]byte("x")); err == nil {
		t.Error("a writer that goes on for ever does not hear of it")
	}
	if err := out.err(); err != nil {
		t.Error(err)
	}
}
