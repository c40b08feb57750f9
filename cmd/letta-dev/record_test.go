package main

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/letta-dev/letta-dev/orchestrator"
)

// An engine is found again with all that said how to speak to it.
func TestChoiceOf(t *testing.T) {
	env := map[string]string{"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "keys"}
	a := &app{dir: t.TempDir(), env: func(name string) (string, bool) { v, ok := env[name]; return v, ok }}
	for _, tc := range []struct {
		info orchestrator.EngineInfo
		want engineChoice
	}{
		{orchestrator.EngineInfo{Host: "unix:///x.sock", Found: "known socket"}, engineChoice{Host: "unix:///x.sock"}},
		{orchestrator.EngineInfo{Host: "ssh://me@there", Found: "context far"}, engineChoice{Host: "ssh://me@there", Context: "far"}},
		{orchestrator.EngineInfo{Host: "tcp://there:2376", Found: "DOCKER_HOST"},
			engineChoice{Host: "tcp://there:2376", TLS: map[string]string{"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": filepath.Join(a.dir, "keys")}}},
	} {
		if got := a.choiceOf(tc.info); !reflect.DeepEqual(got, tc.want) {
			t.Errorf("the choice of %+v is %+v, want %+v", tc.info, got, tc.want)
		}
	}
}

func TestRecord(t *testing.T) {
	p := paths{State: t.TempDir()}
	if r, err := p.readRecord(); err != nil || !reflect.DeepEqual(r, record{}) {
		t.Errorf("none: %+v, %v", r, err)
	}
	want := record{Folder: "/there", Engine: engineChoice{Host: "unix:///x.sock"}}
	if err := p.writeRecord(want); err != nil {
		t.Fatal(err)
	}
	if r, err := p.readRecord(); err != nil || !reflect.DeepEqual(r, want) {
		t.Errorf("kept: %+v, %v, want %+v", r, err, want)
	}
	if err := p.writeRecord(record{}); err != nil {
		t.Fatal(err)
	}
	if files, err := os.ReadDir(p.State); err != nil || len(files) > 0 {
		t.Errorf("forgotten: %v, %v, want an empty folder", files, err)
	}
	if err := os.WriteFile(p.recordFile(), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	var broken *recordError
	if _, err := p.readRecord(); !errors.As(err, &broken) || broken.Hint() != "rm "+p.recordFile() {
		t.Errorf("half a file: %v, want a *recordError that says what to remove", err)
	}
}

// A socket has as many paths as its folder has links.
func TestSameEngine(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "run"), 0o700), os.Symlink("run", filepath.Join(dir, "link"))); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		a, b string
		want bool
	}{
		{"unix://" + dir + "/run/a.sock", "unix://" + dir + "/link/a.sock", true},
		{"unix://" + dir + "/run/a.sock", "unix://" + dir + "/run/b.sock", false},
		{"tcp://there:1", "tcp://there:1/", true},
		{"tcp://there:1", "tcp://there:2", false},
	} {
		if got := sameEngine(tc.a, tc.b); got != tc.want {
			t.Errorf("sameEngine(%s, %s) = %v", tc.a, tc.b, got)
		}
	}
}
