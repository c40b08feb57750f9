//go:build e2e

package e2e_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// A volume that Postgres cannot use is told with its cause while the container runs on, and works once the cause is gone.
func TestPostgresThatCannotStart(t *testing.T) {
	const image = "letta/letta:0.16.8"
	t.Cleanup(func() { _ = exec.Command("docker", "volume", "rm", "--force", "ldt-stuck-data").Run() }) // after that of the world
	w := newWorld(t, "ldt-stuck")
	w.env()
	w.write("compose.yaml", "services: {letta: {image: '"+image+"', container_name: ldt-stuck, volumes: ['data:/var/lib/postgresql/data']}}\nvolumes: {data: {name: ldt-stuck-data, external: true}}\n")
	inVolume := func(argv ...string) {
		w.docker(append([]string{"run", "--rm", "--volume", "ldt-stuck-data:/data", "--entrypoint", argv[0], image}, argv[1:]...)...)
	}
	fails := func(what, cause string) {
		t.Helper()
		r := w.try("up", "-d")
		contains(t, what, r.all(), "exit 4\n", "the Postgres inside it does not start: ", cause, "the last ")
	}
	w.docker("volume", "create", "--driver", "local", "--opt", "type=tmpfs", "--opt", "device=tmpfs", "--opt", "o=size=10m", "ldt-stuck-data")
	fails("up on a full volume", "disk is full, or the data volume")

	w.docker("volume", "rm", "ldt-stuck-data")
	w.docker("volume", "create", "ldt-stuck-data")
	inVolume("mkdir", "/data/lost+found")
	fails("up on a file system's own folder", "something that is not a database")

	inVolume("rmdir", "/data/lost+found")
	w.up()

	// The container runs on with a dead Postgres, as after a restart of the machine: up says so in its plan, and starts it anew.
	inVolume("mv", "/data/global/pg_control", "/data/away")
	w.docker("restart", "--time", "1", "ldt-stuck")
	for end := time.Now().Add(limit); strings.Count(w.docker("logs", "--tail", "10", "ldt-stuck"), "Waiting for PostgreSQL") < 5; time.Sleep(time.Second) {
		if time.Now().After(end) {
			t.Fatal("its start script does not wait for Postgres")
		}
	}
	inVolume("mv", "/data/away", "/data/global/pg_control")
	const anew = "start container ldt-stuck because the Postgres inside it does not run: the data volume holds a part of a database only"
	if steps := w.plan(); !slices.Contains(steps, anew) {
		t.Errorf("the plan is %q", steps)
	}
	w.up()
}
