package main

import (
	"testing"

	"github.com/letta-dev/letta-dev/compose"
)

// The commands that `up` ends with are about its own project when they are typed in the same folder.
func TestPartingCommandsNameTheProject(t *testing.T) {
	home := t.TempDir()
	env := map[string]string{"HOME": home, "USERPROFILE": home}
	a := &app{dir: t.TempDir(), now: noon, env: func(name string) (string, bool) { v, ok := env[name]; return v, ok }, environList: []string{"HOME=" + home}}
	for project, flag := range map[string]string{"letta-dev": "", "other": " --project other"} {
		a.global.project = project
		r := &upRun{app: a, project: &compose.Project{Name: project}, cfg: serveConfig{CertFile: "/dev.pem"}}
		said := <-r.findWords(t.Context())
		if said.down != "letta-dev down"+flag || said.run != "letta-dev run"+flag+" -- CMD" {
			t.Errorf("%s: %q and %q", project, said.down, said.run)
		}
	}
}
