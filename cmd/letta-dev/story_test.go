package main

// The command is tested by stories: scripts under testdata/script that type commands as a person does and look at what came of
// it. Each part begins with what letta-dev owes its user. `go doc github.com/rogpeppe/go-internal/testscript` has the language;
// story_words_test.go has the words we add, and testdata/bin the places a command can be run in.
//
// A story sees nothing of the machine it runs on: no home folder but its own, no engine but a socket that does not exist, no CI. It
// leaves nothing running, and fails when it does.

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"letta-dev": main, "port-holder": holdPort, "unwilling": unwilling, "crashing": crashing})
}

// crashing is letta-dev with a bug: whatever asks for the time panics, or has a goroutine panic that is none of ours.
func crashing() {
	bug := func() { panic("a bug with a secret") }
	a := systemApp()
	a.now = func() time.Time {
		if os.Getenv("BUG") == "elsewhere" {
			go bug()
			select {}
		}
		bug()
		return time.Time{}
	}
	program(a)
}

// holdPort is a program that is in the way: it listens on a free port, says which, and stays until its standard input ends.
func holdPort() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(l.Addr().(*net.TCPAddr).Port)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func TestStories(t *testing.T) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP) // what the tests run under may ignore it (nohup), and so would what they start
	t.Cleanup(func() { signal.Stop(hangups) })
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", Setup: hermetic, Cmds: words(), Condition: condition, RequireUniqueNames: true,
		Deadline: time.Now().Add(3 * patience), // a command that hangs is ended, and its story tells which
	})
}

// story is what the words of one story share.
type story struct {
	variables []string            // names of the environment that programs in the background get
	processes map[string]*process // in the background, by name
	tap       *tap                // between the story and the engine; nil until it is opened
}

type storyKey struct{}

// hermetic is the world of a story.
func hermetic(env *testscript.Env) error {
	bin, err := filepath.Abs("testdata/bin")
	if err != nil {
		return err
	}
	home := filepath.Join(env.WorkDir, "home")
	for name, value := range map[string]string{
		"HOME": home, "USERPROFILE": home,
		"PATH":        env.Getenv("PATH") + string(os.PathListSeparator) + bin,
		"NO_COLOR":    "1",
		"DOCKER_HOST": "unix:///nonexistent/no-engine.sock",
		"GORACE":      "atexit_sleep_ms=10", // the second that it usually takes is most of what our commands take
	} {
		env.Setenv(name, value)
	}
	s := &story{variables: []string{"LOCAL_HTTPS"}, processes: map[string]*process{}}
	for _, kv := range env.Vars {
		name, _, _ := strings.Cut(kv, "=")
		s.variables = append(s.variables, name)
	}
	env.Values[storyKey{}] = s
	env.Defer(func() { s.nothingLeft(env) })
	// People type commands in a folder of their own, and so do stories.
	env.Cd = filepath.Join(env.WorkDir, "project")
	return errors.Join(os.MkdirAll(home, 0o700), os.MkdirAll(env.Cd, 0o755))
}

// nothingLeft ends what a story left running, which fails the story.
func (s *story) nothingLeft(env *testscript.Env) {
	for _, p := range s.processes {
		p.kill()
	}
	// One that was stopped has let go of everything it held before it is gone.
	late := time.After(patience)
	left := processesIn(env.WorkDir)
	for ended := false; len(left) > 0 && !ended; left = processesIn(env.WorkDir) {
		select {
		case <-late:
			ended = true
		case <-time.After(10 * time.Millisecond):
		}
	}
	for pid, command := range left {
		if p, err := os.FindProcess(pid); err == nil {
			_ = p.Kill() // one of ours: its environment names the story's own folder
		}
		env.T().Log("still running at the end of the story:", pid, command)
	}
	if t, ok := env.T().(interface{ Fail() }); ok && len(left) > 0 {
		t.Fail()
	}
}

// processesIn finds the processes whose environment names a story's folder, and what they run. It needs /proc, and finds none
// elsewhere.
func processesIn(dir string) map[int]string {
	found := map[int]string{}
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range files {
		environ, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(environ, []byte("WORK="+dir+"\x00")) {
			continue
		}
		command, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline"))
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
			found[pid] = string(bytes.ReplaceAll(command, []byte{0}, []byte{' '}))
		}
	}
	return found
}

// condition is what a story asks of the machine: that one of the places of testdata/bin can be had.
func condition(name string) (bool, error) {
	switch name {
	case "no-engine", "no-ports", "private-trust", "read-only-home", "sudoer":
		return runtime.GOOS == "linux" && exec.Command(filepath.Join("testdata", "bin", name), "true").Run() == nil, nil
	}
	return false, fmt.Errorf("no such condition: %s", name)
}
