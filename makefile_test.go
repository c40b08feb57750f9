package house_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// make install takes PREFIX and DESTDIR as every Makefile does, blanks and ~ included, and says what makes a shell find the program. The go
// command is a stand-in that writes the file it is asked for: what it compiles is not the matter here.
func TestMakeInstall(t *testing.T) {
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("make is not installed")
	}
	for _, file := range []string{"Makefile", "tools/compile.sh"} { // asked for, so that a cached result of this test does not outlive them
		if _, err := os.Stat(file); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	goCommand := filepath.Join(dir, "go")
	script := "#!/bin/sh\n" +
		"if [ \"$1\" = list ]; then echo \"" + dir + "/go bin/letta-dev\"; exit; fi\n" +
		"while [ \"$1\" != -o ]; do shift; done\nmkdir -p \"$(dirname \"$2\")\" && : >\"$2\" && chmod +x \"$2\"\n"
	if err := os.WriteFile(goCommand, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"Go's own folder", nil, dir + "/go bin"},
		{"PREFIX", []string{"PREFIX=" + dir + "/my tools"}, dir + "/my tools/bin"},
		{"home", []string{"PREFIX=~/.local"}, dir + "/.local/bin"},
		{"BINDIR", []string{"BINDIR=" + dir + "/b"}, dir + "/b"},
		{"DESTDIR", []string{"PREFIX=/usr", "DESTDIR=" + dir + "/stage"}, dir + "/stage/usr/bin"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd := exec.Command("make", "--no-print-directory", "install", "GO="+goCommand)
			cmd.Args = append(cmd.Args, c.args...)
			cmd.Env = append(os.Environ(), "HOME="+dir)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if _, err := os.Stat(filepath.Join(c.want, "letta-dev")); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
			if want := "export PATH=\"" + c.want + ":$PATH\""; !strings.Contains(string(out), want) {
				t.Errorf("%s\nwant %s", out, want)
			}
		})
	}
	cmd := exec.Command("make", "install", "GO="+goCommand, "BINDIR="+dir+"/b")
	cmd.Env = append(os.Environ(), "PATH="+dir+"/b:"+os.Getenv("PATH"))
	if out, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(out), "export PATH") {
		t.Errorf("where PATH has it: %v\n%s", err, out)
	}
}
