package main

import (
	"io"
	"os/exec"
	"strings"
	"testing"
)

// A path in a command that is to be typed stays one word, whatever the home folder is called.
func TestQuotedIsOneWord(t *testing.T) {
	if got := quoted("/home/ö/.local/a-b_c.pem"); got != "/home/ö/.local/a-b_c.pem" {
		t.Errorf("a plain path became %s", got)
	}
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("NOT TESTED: quoting by a real shell. There is none")
	}
	for _, word := range []string{"", "a b", "it's", `"$HOME"`, "`id`", `a\`, "a\nb", "*", "~", "#", "a;b&c|d"} {
		if out, err := exec.Command(shell, "-c", "printf %s "+quoted(word)).CombinedOutput(); err != nil || string(out) != word {
			t.Errorf("%q is %q to a shell (%v)", word, out, err)
		}
	}
}

// Every command of ours in a text is written as it is typed here, and our name alone stays our name.
func TestCommandsAsTyped(t *testing.T) {
	t.Setenv("PATH", "/nowhere")
	a := &app{dir: "/work", exe: "/work/bin/letta-dev", stderr: io.Discard, env: func(string) (string, bool) { return "", false }}
	for text, want := range map[string]string{
		"letta-dev up":                               "./bin/letta-dev up",
		"letta-dev down && letta-dev up; x":          "./bin/letta-dev down && ./bin/letta-dev up; x",
		"do it: `letta-dev certs install`":           "do it: `./bin/letta-dev certs install`",
		`a "$(letta-dev certs path)"`:                `a "$(./bin/letta-dev certs path)"`,
		"env -u X letta-dev env\nletta-dev status":   "env -u X ./bin/letta-dev env\n./bin/letta-dev status",
		"letta-dev --help":                           "./bin/letta-dev --help",
		"`letta-dev run --project letta-dev -- CMD`": "`./bin/letta-dev run --project letta-dev -- CMD`",
		"another letta-dev is changing it":           "another letta-dev is changing it",
		"/home/me/letta-dev certs, letta-dev upped":  "/home/me/letta-dev certs, letta-dev upped",
	} {
		if got := a.asTyped(text); got != want || a.asTyped(got) != want {
			t.Errorf("%s is %s, and again %s", text, got, a.asTyped(got))
		}
	}
	for _, cmd := range newRoot(a).Commands() {
		if command := "letta-dev " + cmd.Name(); !cmd.Hidden && a.asTyped(command) != "./bin/"+command {
			t.Errorf("%s stays as it is", command)
		}
	}
	var talk strings.Builder
	a.stderr, a.now = &talk, noon
	a.ui = newUI(a)
	a.ui.note("letta-dev up")
	a.ui.warn("letta-dev down")
	if got := talk.String(); strings.Count(got, " ./bin/letta-dev ") != 2 || a.ui.warnings[0] != "./bin/letta-dev down" {
		t.Errorf("said %q, and for JSON %q", got, a.ui.warnings)
	}
}

// Advice about a project has the --project that its command was given: typed without it, `down --volumes` would delete another's data.
func TestAdviceIsAboutTheSameProject(t *testing.T) {
	for text, want := range map[string]string{
		"letta-dev down --volumes --yes":               "letta-dev down --project letta-dev --volumes --yes",
		"letta-dev logs -f":                            "letta-dev logs --project letta-dev -f",
		"not running; letta-dev up":                    "not running; letta-dev up --project letta-dev",
		"`letta-dev run -- CMD` (letta-dev env)":       "`letta-dev run --project letta-dev -- CMD` (letta-dev env --project letta-dev)",
		"letta-dev up a, or letta-dev up --project b":  "letta-dev up --project letta-dev a, or letta-dev up --project b",
		"letta-dev down  # with the --project of that": "letta-dev down  # with the --project of that",
		"letta-dev up --help":                          "letta-dev up --help",
		"letta-dev certs install && letta-dev --help":  "letta-dev certs install && letta-dev --help",
	} {
		a := &app{global: globalFlags{project: "letta-dev"}}
		if got := a.asTyped(text); got != want || a.asTyped(got) != want {
			t.Errorf("%s is %s, and again %s", text, got, a.asTyped(got))
		}
		a.global.project = "no name;" // who gave that is told so
		if got := a.asTyped(text); got != text {
			t.Errorf("%s is %s", text, got)
		}
	}
}

// A person who is refused for want of a yes is told how to say it of that project.
func TestRefusalNamesTheProject(t *testing.T) {
	home := t.TempDir()
	env := map[string]string{"HOME": home, "USERPROFILE": home}
	var talk strings.Builder
	a := &app{dir: home, now: noon, stdout: io.Discard, stderr: &talk, env: func(name string) (string, bool) { v, ok := env[name]; return v, ok }}
	code := run(t.Context(), a, []string{"down", "--project", "vv", "--volumes"})
	if code != exitUsage || !strings.HasSuffix(talk.String(), "\n  try: letta-dev down --project vv --volumes --yes\n") {
		t.Errorf("ended with %d, said %s", code, talk.String())
	}
}
