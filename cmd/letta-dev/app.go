package main

import (
	"context"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/letta-dev/letta-dev/orchestrator/docker"
)

// app is what a command may use of the world. Tests hand in another one; nothing below reads os.Args, os.Stdout or the environment.
type app struct {
	stdin       *os.File // to ask whether it is a terminal; never read without one
	stdout      io.Writer
	stderr      io.Writer
	env         environment
	environList []string // the whole of it, for compose files that name any of it; nil: the process's own
	dir         string   // the working directory
	exe         string   // this program, to start it again in the background
	now         func() time.Time

	global  globalFlags
	command string // that runs: "certs install"
	ui      *ui

	toldRelative bool // which variables with relative paths are ignored
}

// globalFlags are those of every command.
type globalFlags struct {
	project  string
	context  string
	host     string
	progress string
	color    string
	json     bool
	debug    bool
}

// environment looks a variable up: os.LookupEnv, or a test's map.
type environment func(string) (string, bool)

func (e environment) get(name string) string {
	v, _ := e(name)
	return v
}

func systemApp() *app {
	// Where these fail the commands that need them say so: an empty folder or path is an error at its use.
	dir, _ := os.Getwd()
	exe, _ := os.Executable()
	return &app{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, env: os.LookupEnv, dir: dir, exe: exe, now: time.Now}
}

// engine finds the container engine. It can fail and it can be slow, so only the commands that need one call it.
func (a *app) engine(ctx context.Context) (*docker.Engine, error) {
	return a.findEngine(ctx, a.engineOptions())
}

func (a *app) findEngine(ctx context.Context, o docker.Options) (*docker.Engine, error) {
	engine, err := docker.Find(ctx, o)
	if err == nil {
		a.debugEngine(engine.Info())
	}
	return engine, err
}

func (a *app) engineOptions() docker.Options {
	return docker.Options{Host: a.global.host, Context: a.global.context, LookupEnv: a.env, Home: a.home(), GOOS: runtime.GOOS, Version: version(), Command: a.command}
}

// buildVersion is set by the linker in a release: -ldflags "-X main.buildVersion=1.2.3".
var buildVersion string

// version is the release, else what the Go toolchain recorded of the source, else "devel".
func version() string {
	if buildVersion != "" {
		return buildVersion
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}
