package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

type word = func(ts *testscript.TestScript, neg bool, args []string)

// words are what stories can say beside testscript's own words.
func words() map[string]word {
	return map[string]word{
		"exits":     cmdExits,
		"advised":   cmdAdvised,
		"json":      cmdJSON,
		"jsonenv":   cmdJSONEnv,
		"jsonlines": cmdJSONLines,
		"mode":      cmdMode,
		"start":     cmdStart,
		"says":      cmdSays,
		"signal":    cmdSignal,
		"ends":      cmdEnds,
		"hold":      cmdHold,
		"kill9":     cmdKill9,
		"gone":      cmdGone,
		"freeport":  cmdFreePort,
		"again":     cmdAgain,
		"becomes":   cmdBecomes,
		"tap":       cmdTap,
		"control":   cmdControl,
	}
}

// exits CODE PROGRAM ARG... runs a program that ends with exactly that code.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) >= 2, "exits CODE PROGRAM ARG...")
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	keepTrust(ts, args[1:])
	if got := exitCode(ts, ts.Exec(args[1], args[2:]...)); got != want {
		ts.Fatalf("%s ended with %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

func exitCode(ts *testscript.TestScript, err error) int {
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		ts.Check(err)
	}
	if exit == nil {
		return 0
	}
	return exit.ExitCode()
}

// keepTrust refuses commands that would put a certificate into the stores of the machine that runs the tests.
func keepTrust(ts *testscript.TestScript, args []string) {
	i := slices.IndexFunc(args, func(arg string) bool { return arg == "letta-dev" || arg == "crashing" })
	if i < 0 || slices.Contains(args[:i], "private-trust") {
		return
	}
	says := func(word string) bool { return slices.Contains(args[i:], word) }
	if !slices.ContainsFunc([]string{"up", "proxy", "install", "uninstall"}, says) {
		return
	}
	if slices.ContainsFunc([]string{"--trust", "--help", "--dry-run", "--bogus"}, says) {
		return
	}
	ts.Fatalf("in a story, up and proxy need --trust none, and certs private-trust: they would change the trust stores of this machine")
}

// advised REGEXP says that the last line of standard error is advice, and what it advises.
func cmdAdvised(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "advised REGEXP")
	lines := strings.Split(strings.TrimRight(ts.ReadFile("stderr"), "\n"), "\n")
	advice, ok := strings.CutPrefix(lines[len(lines)-1], "  try: ")
	if !ok || !regexp.MustCompile("^(?:"+args[0]+")$").MatchString(advice) {
		ts.Fatalf("the last line is %q, not the advice %s", lines[len(lines)-1], args[0])
	}
}

// json FILE PATH [REGEXP] says that a JSON file, or stdout, has something at a path like data.listeners.0.port, and that all of it
// matches. Strings are themselves, everything else is as JSON writes it. With ! there is nothing there.
func cmdJSON(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg && len(args) == 3, len(args) == 2 || len(args) == 3, "[!] json FILE PATH [REGEXP]")
	got, found := jsonAt(ts, args[0], args[1])
	switch {
	case neg && found:
		ts.Fatalf("%s has %s: %s", args[0], args[1], got)
	case !neg && !found:
		ts.Fatalf("%s has no %s", args[0], args[1])
	case len(args) == 3 && !regexp.MustCompile("(?s)^(?:"+args[2]+")$").MatchString(got):
		ts.Fatalf("%s of %s is %s, not %s", args[1], args[0], got, args[2])
	}
}

// jsonenv VARIABLE FILE PATH keeps what is at a path.
func cmdJSONEnv(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 3, "jsonenv VARIABLE FILE PATH")
	got, found := jsonAt(ts, args[1], args[2])
	if !found {
		ts.Fatalf("%s has no %s", args[1], args[2])
	}
	theStory(ts).keep(ts, args[0], got)
}

// jsonlines FILE says that every line of a file is a JSON object with a time and a status.
func cmdJSONLines(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "jsonlines FILE")
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		var said struct{ Time, Status string }
		if err := json.Unmarshal([]byte(line), &said); err != nil || said.Status == "" || said.Time == "" {
			ts.Fatalf("not a line of progress (%v): %s", err, line)
		}
	}
}

func jsonAt(ts *testscript.TestScript, file, path string) (string, bool) {
	var v any
	if err := json.Unmarshal([]byte(ts.ReadFile(file)), &v); err != nil {
		ts.Fatalf("%s is not one JSON value: %v", file, err)
	}
	for key := range strings.SplitSeq(path, ".") {
		switch in := v.(type) {
		case map[string]any:
			v = in[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i >= len(in) {
				return "", false
			}
			v = in[i]
		default:
			return "", false
		}
	}
	if s, ok := v.(string); ok {
		return s, true
	}
	b, err := json.Marshal(v)
	ts.Check(err)
	return string(b), v != nil
}

// mode PERMISSIONS FILE says who may use a file, in octal.
func cmdMode(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 2, "mode PERMISSIONS FILE")
	info, err := os.Lstat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[0] {
		ts.Fatalf("%s has mode %s, want %s", args[1], got, args[0])
	}
}

// start NAME PROGRAM ARG... begins a program in the background.
func cmdStart(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) >= 2, "start NAME PROGRAM ARG...")
	keepTrust(ts, args[1:])
	theStory(ts).start(ts, args[0], args[1:])
}

// says NAME REGEXP [VARIABLE] waits until a program in the background says something, and keeps what the first group matched.
func cmdSays(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 2 || len(args) == 3, "says NAME REGEXP [VARIABLE]")
	found := named(ts, args[0]).says(ts, regexp.MustCompile("(?m)"+args[1]))
	if len(args) == 3 {
		theStory(ts).keep(ts, args[2], found[1])
	}
}

// signal NAME interrupt|terminate|hangup|kill|suspend|continue sends a signal to a program in the background; interrupt is what Ctrl-C
// sends, and suspend does what Ctrl-Z does.
func cmdSignal(ts *testscript.TestScript, neg bool, args []string) {
	signals := map[string]os.Signal{"interrupt": os.Interrupt, "terminate": syscall.SIGTERM, "hangup": syscall.SIGHUP, "kill": os.Kill}
	maps.Copy(signals, jobControl())
	usage(ts, neg, len(args) == 2 && signals[args[1]] != nil, "signal NAME interrupt|terminate|hangup|kill|suspend|continue")
	ts.Check(named(ts, args[0]).cmd.Process.Signal(signals[args[1]]))
}

// ends NAME CODE waits for the end of a program in the background. What it said is in the files NAME.out and NAME.err.
func cmdEnds(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 2, "ends NAME CODE")
	p := named(ts, args[0])
	code := p.end(ts)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".out"), p.said.out.Bytes(), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".err"), p.said.err.Bytes(), 0o600))
	if got := strconv.Itoa(code); got != args[1] {
		ts.Fatalf("%s ended with %s, want %s:\n%s%s", args[0], got, args[1], &p.said.out, &p.said.err)
	}
}

// hold VARIABLE has another program listen on a port: VARIABLE is the port, VARIABLE_PID the program.
func cmdHold(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "hold VARIABLE")
	p := theStory(ts).start(ts, "port-holder "+args[0], []string{"port-holder"})
	theStory(ts).keep(ts, args[0], p.says(ts, regexp.MustCompile(`(\d+)\n`))[1])
	theStory(ts).keep(ts, args[0]+"_PID", strconv.Itoa(p.cmd.Process.Pid))
}

// kill9 PID ends a process as a crash does, and returns when it is gone.
func cmdKill9(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "kill9 PID")
	p, err := os.FindProcess(pidOf(ts, args[0]))
	ts.Check(err)
	ts.Check(p.Kill())
	eventually(ts, "the process is gone", func() bool { return isGone(p.Pid) }) // nobody tells those who are not its parent
}

// gone PID says that a process has been told to end: it is gone, or on the last steps of its way.
func cmdGone(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "gone PID")
	pid := pidOf(ts, args[0])
	eventually(ts, "process "+args[0]+" is gone", func() bool { return isGone(pid) })
}

func pidOf(ts *testscript.TestScript, s string) int {
	pid, err := strconv.Atoi(s)
	ts.Check(err)
	return pid
}

// isGone counts a process that nobody waited for yet as gone.
func isGone(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(stat), ") Z ")
}

// freeport VARIABLE... keeps ports that nothing listens on.
func cmdFreePort(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) > 0, "freeport VARIABLE...")
	for _, name := range args {
		p := theStory(ts).start(ts, "free", []string{"port-holder"})
		theStory(ts).keep(ts, name, p.says(ts, regexp.MustCompile(`(\d+)\n`))[1])
		p.kill()
	}
}

// again PROGRAM ARG... runs a program until it ends well: for what others do in their own time.
func cmdAgain(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) > 0, "again PROGRAM ARG...")
	cmdBecomes(ts, neg, append([]string{"0"}, args...))
}

// becomes CODE PROGRAM ARG... runs a program until it ends with that code.
func cmdBecomes(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) > 1, "becomes CODE PROGRAM ARG...")
	eventually(ts, strings.Join(args, " "), func() bool {
		return strconv.Itoa(exitCode(ts, ts.Exec(args[1], args[2:]...))) == args[0]
	})
}

func eventually(ts *testscript.TestScript, what string, is func() bool) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(patience); !is(); {
		select {
		case <-tick.C:
		case <-late:
			ts.Fatalf("not in time: %s", what)
		}
	}
}

// control VARIABLE PROJECT keeps where the control socket of a project is, which the length of the story's folder decides.
func cmdControl(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 2, "control VARIABLE PROJECT")
	env := func(name string) (string, bool) { return ts.Getenv(name), true }
	files, err := (&app{env: env}).paths(args[1])
	ts.Check(err)
	path := files.socket()
	theStory(ts).keep(ts, args[0], path)
	if dir := filepath.Dir(path); dir != files.State {
		ts.Defer(func() { _ = os.RemoveAll(dir) })
	}
}

// tap open puts a socket between the story and the engine of DOCKER_HOST, which is then reached through it; tap close ends the socket
// and all that goes through it, as the engine's end does, and tap open brings it back.
func cmdTap(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1 && (args[0] == "open" || args[0] == "close"), "tap open|close")
	s := theStory(ts)
	if args[0] == "close" {
		s.tap.close()
		return
	}
	if s.tap == nil {
		dir, err := os.MkdirTemp("/tmp", "tap") // the story's own folder may be too long a path for a socket
		ts.Check(err)
		ts.Defer(func() { _ = os.RemoveAll(dir) })
		s.tap = &tap{engine: ts.Getenv("DOCKER_HOST"), socket: filepath.Join(dir, "tap.sock")}
		ts.Setenv("DOCKER_HOST", "unix://"+s.tap.socket)
		ts.Defer(s.tap.close)
	}
	ts.Check(s.tap.open())
}

func usage(ts *testscript.TestScript, neg, ok bool, words string) {
	if neg && !strings.HasPrefix(words, "[!]") || !ok {
		ts.Fatalf("usage: %s", words)
	}
}

// keep sets a variable, for programs in the background too.
func (s *story) keep(ts *testscript.TestScript, name, value string) {
	ts.Setenv(name, value)
	s.variables = append(s.variables, name)
}

func theStory(ts *testscript.TestScript) *story { return ts.Value(storyKey{}).(*story) }

func named(ts *testscript.TestScript, name string) *process {
	p := theStory(ts).processes[name]
	if p == nil {
		ts.Fatalf("no program was started as %s", name)
	}
	return p
}

// lookPath finds a program on the script's PATH.
func lookPath(ts *testscript.TestScript, program string) (string, error) {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if path, err := exec.LookPath(filepath.Join(dir, program)); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("no %s on PATH", program)
}
