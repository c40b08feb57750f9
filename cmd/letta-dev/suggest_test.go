package main

import (
	"io"
	"testing"
)

// What is misspelt, or called as other tools call it, is answered with what there is.
func TestMeant(t *testing.T) {
	for _, c := range []struct {
		typed []string
		want  string
	}{
		{[]string{"rn"}, "letta-dev run"},
		{[]string{"ps"}, "letta-dev status"},
		{[]string{"pu"}, "letta-dev up"},
		{[]string{"x"}, "letta-dev --help"},
		{[]string{"certs", "instal"}, "letta-dev certs install"},
		{[]string{"hepl"}, "letta-dev help"},
		{[]string{"up", "--dettach"}, "letta-dev up --detach"},
		{[]string{"up", "-detach"}, "letta-dev up --detach"},
		{[]string{"up", "--detahc=true"}, "letta-dev up --detach"},
		{[]string{"dwn"}, "letta-dev down"},
		{[]string{"up", "--wait"}, "letta-dev up --wait-timeout"},
		{[]string{"up", "-p", "mine"}, "letta-dev up --project"},
		{[]string{"up", "--project-name", "mine"}, "letta-dev up --project"},
		{[]string{"up", "--bogus"}, "letta-dev up --help"},
		{[]string{"up", "-x"}, "letta-dev up --help"},
		{[]string{"down", "-v"}, "letta-dev down --volumes"},
		{[]string{"down", "-t", "10"}, "letta-dev down --wait-timeout"},
		{[]string{"logs", "-n", "10"}, "letta-dev logs --tail"},
		{[]string{"logs", "-tail", "10"}, "letta-dev logs --tail"},
		{[]string{"logs", "-follow"}, "letta-dev logs --follow"},
		{[]string{"status", "-n"}, "letta-dev status --help"},
		{[]string{"status", "--jsn"}, "letta-dev status --json"},
		{[]string{"certs", "status", "--jsno"}, "letta-dev certs status --json"},
		{[]string{"status", "--progress", "plian"}, "letta-dev --progress plain"},
		{[]string{"env", "--shell", "fsh"}, "letta-dev env --shell fish"},
		{[]string{"env", "--shell", "tcsh"}, "letta-dev env --help"},
	} {
		a := &app{stdout: io.Discard, stderr: io.Discard, env: func(string) (string, bool) { return "", false }}
		root := newRoot(a)
		root.SetArgs(c.typed)
		root.SetOut(io.Discard)
		root.SetErr(io.Discard)
		_, err := root.ExecuteContextC(t.Context())
		if err == nil || explain(err).Hint != c.want {
			t.Errorf("letta-dev %q: %v; the advice is %q, want %q", c.typed, err, explain(err).Hint, c.want)
		}
	}
}

func FuzzDistance(f *testing.F) {
	f.Add("detach", "dettach")
	f.Add("", "up")
	f.Fuzz(func(t *testing.T, a, b string) {
		if len(a)+len(b) > 200 {
			return
		}
		d := distance(a, b)
		if d != distance(b, a) || (d == 0) != (a == b) || d > max(len(a), len(b)) || d < max(len(a)-len(b), len(b)-len(a)) {
			t.Errorf("distance(%q, %q) is %d, and the other way %d", a, b, d, distance(b, a))
		}
	})
}
