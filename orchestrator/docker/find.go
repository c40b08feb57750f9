package docker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	dctx "github.com/docker/cli/cli/context/docker"
	"github.com/moby/moby/client"
	"github.com/moby/moby/client/pkg/versions"

	"github.com/letta-dev/letta-dev/orchestrator"
)

// minAPI is the API of Docker 20.10, the oldest engine letta-dev is tested with.
const minAPI = "1.41"

// Options say where Find may look. The environment is an argument: nothing here asks the process for it, but for
// DOCKER_API_VERSION, which the Docker client reads itself, and PATH, where ssh:// finds ssh.
type Options struct {
	Host      string                      // --host; empty when not given
	Context   string                      // --context; empty when not given
	Recorded  bool                        // Host or Context is no flag's: they were chosen before, and kept
	LookupEnv func(string) (string, bool) // os.LookupEnv; nil for an empty environment
	Home      string                      // the user's home folder
	GOOS      string                      // runtime.GOOS
	Version   string                      // of letta-dev, for the User-Agent header
	Command   string                      // of letta-dev that needs the engine: "down", which advice says again
	Timeout   time.Duration               // how long an engine may take to answer first; 0: 5 s, and 30 s over ssh
}

// place is somewhere an engine may answer.
type place struct {
	endpoint dctx.Endpoint
	found    string // how it was found
}

// Chosen is the host of the engine that somebody chose, by a flag, the environment or the docker CLI's current context, and how. Both are
// empty where nobody did.
func Chosen(o Options) (host, found string, err error) {
	places, err := o.chosen()
	if err != nil || len(places) == 0 {
		return "", "", err
	}
	return places[0].endpoint.Host, places[0].found, nil
}

// recorded is how an engine was found that was kept.
const recorded = "kept from `up`"

// Find connects to the first engine that answers, in the order the package comment gives, and asks it what it is. It ends with
// *orchestrator.UnreachableError when none does, or when the one that was chosen does not.
func Find(ctx context.Context, o Options) (*Engine, error) {
	if o.LookupEnv == nil {
		o.LookupEnv = func(string) (string, bool) { return "", false }
	}
	return find(ctx, o, knownSockets(o))
}

func find(ctx context.Context, o Options, sockets []string) (*Engine, error) {
	places, err := o.chosen()
	if err != nil {
		return nil, err
	}
	if len(places) == 0 {
		places = answering(sockets)
	}
	advise := func(tried []orchestrator.Attempt) string { return advise(o.thisMachine(), tried) }
	var tried []orchestrator.Attempt
	for _, p := range places {
		e, err := o.connect(ctx, p)
		if err == nil {
			e.login, e.advise = registryLogin(o.configDir()), advise
			return e, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		tried = append(tried, orchestrator.Attempt{Host: p.endpoint.Host, Found: p.found, Err: err})
	}
	return nil, &orchestrator.UnreachableError{Tried: tried, Advice: advise(tried)}
}

// connect pings the engine at p before anything else: the client's own negotiation is lazy and swallows its error, and a request
// in the newest version then gets a confusing answer from an old engine.
func (o Options) connect(ctx context.Context, p place) (*Engine, error) {
	opts, err := p.endpoint.ClientOpts()
	if err != nil {
		return nil, err
	}
	ssh, err := overSSH(p.endpoint.Host)
	if err != nil {
		return nil, err
	}
	api, err := client.New(slices.Concat(opts, ssh, []client.Opt{client.WithUserAgent("letta-dev/" + o.Version)})...)
	if err != nil {
		return nil, err
	}
	patience := o.patience(p.endpoint.Host)
	pingCtx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	e, err := o.greet(pingCtx, api, p)
	if err == nil {
		return e, nil
	}
	_ = api.Close()
	if pingCtx.Err() != nil {
		return nil, fmt.Errorf("no answer within %s", patience)
	}
	return nil, plain(err)
}

// greet negotiates the version, refuses what is too old, and fills in what the engine says of itself.
func (o Options) greet(ctx context.Context, api *client.Client, p place) (*Engine, error) {
	ping, err := api.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true})
	switch v := ping.APIVersion; {
	case v != "" && versions.LessThan(v, minAPI):
		return nil, fmt.Errorf("the engine speaks API %s; letta-dev needs %s, which Docker 20.10 and Podman 4 have", v, minAPI)
	case err != nil:
		return nil, err
	case v == "":
		return nil, &impostor{said: notAnEngine}
	}
	return o.describe(ctx, api, p, ping)
}

// patience is how long an engine may take to answer: ssh asks servers, agents and sometimes fingers.
func (o Options) patience(host string) time.Duration {
	switch {
	case o.Timeout > 0:
		return o.Timeout
	case strings.HasPrefix(host, "ssh://"):
		return 30 * time.Second
	}
	return 5 * time.Second
}

// env is a variable's value, empty when it is not set.
func (o Options) env(name string) string {
	v, _ := o.LookupEnv(name)
	return v
}

// knownSockets lists where engines of the system listen by default, in the order they are tried.
func knownSockets(o Options) []string {
	if o.GOOS == "windows" {
		const pipe = "npipe:////./pipe/"
		return []string{pipe + "docker_engine", pipe + "dockerDesktopLinuxEngine", pipe + "podman-machine-default"}
	}
	sockets := []string{"unix:///var/run/docker.sock"}
	add := func(folder, file string) {
		if folder != "" {
			sockets = append(sockets, "unix://"+path.Join(folder, file))
		}
	}
	add(o.env("XDG_RUNTIME_DIR"), "docker.sock")
	add(o.Home, ".docker/run/docker.sock")
	add(o.Home, ".docker/desktop/docker.sock")
	add(o.Home, ".colima/default/docker.sock")
	add(o.Home, ".orbstack/run/docker.sock")
	add("/run", "podman/podman.sock")
	add(o.env("XDG_RUNTIME_DIR"), "podman/podman.sock")
	return sockets
}

// answering leaves out the sockets that are not there, but for the first: the list of what was tried stays short.
func answering(sockets []string) []place {
	var places []place
	for i, s := range sockets {
		file, isUnix := strings.CutPrefix(s, "unix://")
		if _, err := os.Stat(file); i > 0 && isUnix && errors.Is(err, os.ErrNotExist) {
			continue
		}
		places = append(places, place{dctx.Endpoint{EndpointMeta: dctx.EndpointMeta{Host: s}}, "known socket"})
	}
	return places
}
