//go:build unix

package host_test

import (
	"path/filepath"
	"testing"

	"github.com/letta-dev/letta-dev/certs/certstest"
	"github.com/letta-dev/letta-dev/certs/host"
)

// Commands are looked for in the PATH that was handed in, whatever the process has.
func TestCommandsAreFoundInThePathGiven(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("PATH", filepath.Join(dir, "process"))
	certstest.Write(t, filepath.Join(dir, "process/only-here"), 0o755, "")
	certstest.Write(t, filepath.Join(dir, "given/tool"), 0o755, "")
	certstest.Write(t, filepath.Join(dir, "given/no-program"), 0o644, "")
	certstest.Write(t, filepath.Join(dir, "relative/near"), 0o755, "")
	variables := map[string]string{"HOME": dir, "PATH": "relative:" + filepath.Join(dir, "given")}
	env, err := host.Detect(func(name string) string { return variables[name] })
	certstest.Must(t, err)
	tool := filepath.Join(dir, "given/tool")
	for name, want := range map[string]string{"tool": tool, tool: tool, "only-here": "", "no-program": "", "near": ""} {
		if got, err := env.LookPath(name); got != want || (err == nil) != (want != "") {
			t.Errorf("%s is %q, %v, want %q", name, got, err, want)
		}
	}
}
