package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/letta-dev/letta-dev/compose"
	"github.com/letta-dev/letta-dev/orchestrator"
	"github.com/letta-dev/letta-dev/orchestrator/demo"
)

// environ is the environment as compose wants it, from the same source as everything else: only the names that a stack mentions
// are ever looked up there.
func (a *app) environ() []string {
	if a.environList != nil {
		return a.environList
	}
	return os.Environ()
}

// loadStack reads the stack of the working folder: the files named with -f, else those of COMPOSE_FILE, else its
// compose.yaml, else the embedded one.
func (a *app) loadStack(ctx context.Context, files []string, image string) (*compose.Project, error) {
	environ := a.environ()
	if image != "" {
		environ = append(slices.Clip(environ), "LETTA_IMAGE="+image)
	}
	p, err := compose.Load(ctx, compose.Options{Files: files, Dir: a.dir, Environ: environ, Name: a.global.project})
	if err != nil {
		return nil, err
	}
	if image != "" {
		p.Server().Image = image
	}
	a.debugProject(p, listOr(p.Files, "the built-in stack"))
	return p, nil
}

// loadSettings reads the settings of the working folder for a server that no stack describes.
func (a *app) loadSettings(ctx context.Context) (*compose.Project, error) {
	p, err := compose.LoadSettings(ctx, compose.Options{Dir: a.dir, Environ: a.environ(), Name: a.global.project})
	if err == nil {
		a.debugProject(p, "x-letta-dev alone: no stack describes this server")
	}
	return p, err
}

// projectName is the project that commands without a stack are about: --project, else the name that `up` would use here.
func (a *app) projectName(ctx context.Context) (string, error) {
	if a.global.project != "" {
		return a.global.project, nil
	}
	p, err := a.loadStack(ctx, nil, "")
	if err != nil {
		return "", fmt.Errorf("finding the name of the project here: %w", err)
	}
	return p.Name, nil
}

// demoStack is the stack of `up --demo`, with these settings: one container made from this program. On a system whose programs cannot run in Linux
// containers the error says so.
func (a *app) demoStack(settings *compose.Project) (*compose.Project, func(io.Writer) error, error) {
	exe, err := os.Open(a.exe)
	if err != nil {
		return nil, nil, fmt.Errorf("reading letta-dev's own program for the demo image: %w", err)
	}
	defer exe.Close()
	info, err := exe.Stat()
	if err != nil {
		return nil, nil, err
	}
	img, err := demo.NewImage(exe, info.Size(), demo.ImageOptions{Command: []string{"demo-server"}})
	if err != nil {
		return nil, nil, err
	}
	write := func(w io.Writer) error {
		exe, err := os.Open(a.exe)
		if err != nil {
			return err
		}
		defer exe.Close()
		again, err := demo.NewImage(exe, info.Size(), demo.ImageOptions{Command: []string{"demo-server"}})
		if err != nil {
			return err
		}
		_, err = again.WriteTo(w)
		return err
	}
	stack := *settings
	server := compose.Service{
		Name: orchestrator.ServerName, ContainerName: containerName(stack.Name), Image: img.Ref,
		Ports:    []compose.Port{{Target: orchestrator.RESTPort, HostIP: "127.0.0.1", Protocol: "tcp"}},
		Networks: []compose.Attachment{{Network: "default"}},
	}
	stack.Services, stack.Settings.Server = []compose.Service{server}, server.Name
	stack.Networks = map[string]compose.Network{"default": {Name: stack.Name + "_default"}}
	return &stack, write, nil
}

func containerName(project string) string {
	if project == "letta-dev" {
		return orchestrator.ServerName
	}
	return project + "-" + orchestrator.ServerName
}

// inClone says whether the working folder is a clone of letta-dev, where the image can be built from the packages of Debian and PyPI.
func (a *app) inClone() bool {
	_, err := os.Stat(filepath.Join(a.dir, "e2e", "image", "build.sh"))
	return err == nil && runtime.GOOS == "linux"
}
