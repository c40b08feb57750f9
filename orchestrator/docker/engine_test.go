package docker

import (
	"context"
	"os"
	"runtime"
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/letta-dev/letta-dev/orchestrator/enginetest"
)

// testEngine is the engine at DOCKER_HOST, or at the usual socket; the test is skipped where none answers.
func testEngine(t *testing.T) *Engine {
	t.Helper()
	host := os.Getenv("DOCKER_HOST")
	if host == "" {
		host = "unix:///var/run/docker.sock"
	}
	e, err := Find(t.Context(), Options{Host: host, Home: t.TempDir(), GOOS: runtime.GOOS, Version: "test"})
	if err != nil {
		t.Skipf("NOT TESTED, no engine: %v", err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// forgetImage removes an image at the end of the test.
func forgetImage(t *testing.T, e *Engine, ref string) {
	t.Cleanup(func() {
		_, err := e.api.ImageRemove(context.Background(), e.qualify(ref), client.ImageRemoveOptions{PruneChildren: true})
		if err != nil {
			t.Errorf("removing image %s: %v", ref, err)
		}
	})
}

func TestEngineKeepsTheContract(t *testing.T) {
	e := testEngine(t)
	archive := probeArchive(t)
	forgetImage(t, e, probeImage)
	enginetest.Contract(t, enginetest.Subject{
		Engine: e, Prefix: "ldt-docker-", Image: probeImage, Archive: archive,
		Pause: func(ctx context.Context, name string) error {
			_, err := e.api.ContainerPause(ctx, name, client.ContainerPauseOptions{})
			return err
		},
		Leave: func(ctx context.Context, network, name string) error {
			_, err := e.api.NetworkDisconnect(ctx, network, client.NetworkDisconnectOptions{Container: name, Force: true})
			return err
		},
		Copy: func(ctx context.Context, of, name string) error {
			image := probeImage + "-copy"
			if _, err := e.api.ContainerCommit(ctx, of, client.ContainerCommitOptions{Reference: image, Config: &container.Config{}}); err != nil {
				return err
			}
			forgetImage(t, e, image)
			_, err := e.api.ContainerCreate(ctx, client.ContainerCreateOptions{Name: name, Config: &container.Config{Image: e.qualify(image)}})
			t.Cleanup(func() {
				if _, err := e.api.ContainerRemove(context.Background(), name, client.ContainerRemoveOptions{Force: true}); err != nil {
					t.Error(err)
				}
			})
			return err
		},
	})
}
