package main

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"
)

// An authority goes by the clock of the app, which makes none where it only looks.
func TestAuthorityGoesByOurClock(t *testing.T) {
	home := t.TempDir()
	env := map[string]string{"HOME": home, "USERPROFILE": home}
	a := &app{now: time.Now, env: func(name string) (string, bool) { v, ok := env[name]; return v, ok }}
	files, err := a.paths("test")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := a.loadAuthority(files); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before there is one: %v", err)
	}
	made, _, _, err := a.authority(files)
	if err != nil {
		t.Fatal(err)
	}
	end := made.NotAfter()
	a.now = func() time.Time { return end.Add(time.Hour) }
	for name, open := range map[string]func() error{
		"authority":     func() error { _, _, _, err := a.authority(files); return err },
		"loadAuthority": func() error { _, _, err := a.loadAuthority(files); return err },
	} {
		if err := open(); err == nil || !strings.Contains(err.Error(), "the authority ended on "+day(end)) {
			t.Errorf("%s an hour after the end: %v", name, err)
		}
	}
}
