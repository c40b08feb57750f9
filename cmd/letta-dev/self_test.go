package main

import (
	"os/exec"
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
