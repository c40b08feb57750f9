package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/letta-dev/letta-dev/orchestrator"
)

// Who interrupts a deletion is not told that their data stays.
func TestInterruptedDeletionPromisesNothing(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	var deleted atomic.Int32
	volume := func(name string) string {
		return fmt.Sprintf(`{"Name":%q,"Labels":{%q:"true",%q:"vv"}}`, name, orchestrator.LabelManaged, orchestrator.LabelProject)
	}
	engine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", "1.47")
		w.Header().Set("Content-Type", "application/json")
		switch path := r.URL.Path; {
		case r.Method == http.MethodDelete:
			if deleted.Add(1) == 1 {
				w.WriteHeader(http.StatusNoContent)
				return
			}
			interrupt()
			<-r.Context().Done()
		case strings.HasSuffix(path, "/volumes"):
			fmt.Fprintf(w, `{"Volumes":[%s,%s]}`, volume("vv_a"), volume("vv_b"))
		case strings.Contains(path, "/volumes/"):
			fmt.Fprint(w, volume(path[strings.LastIndex(path, "/")+1:]))
		case strings.HasSuffix(path, "/json"), strings.HasSuffix(path, "/networks"):
			fmt.Fprint(w, "[]")
		default:
			fmt.Fprint(w, `{"Version":"28.0.0","ApiVersion":"1.47"}`)
		}
	}))
	defer engine.Close()
	home := t.TempDir()
	env := map[string]string{"HOME": home, "USERPROFILE": home, "XDG_STATE_HOME": home, "XDG_RUNTIME_DIR": home}
	var talk strings.Builder
	a := &app{dir: home, now: noon, stdout: io.Discard, stderr: &talk, env: func(name string) (string, bool) { v, ok := env[name]; return v, ok }}
	host := "tcp://" + engine.Listener.Addr().String()
	code := run(ctx, a, []string{"down", "--project", "vv", "--volumes", "--yes", "--host", host})
	if code != exitInterrupted || deleted.Load() != 2 || !strings.HasSuffix(talk.String(), "letta-dev: interrupted; what was removed stays removed\n") {
		t.Errorf("ended with %d after %d deletions, said %s", code, deleted.Load(), talk.String())
	}
}
