package docker

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/docker/cli/cli/config"
	dcontext "github.com/docker/cli/cli/context"
	dctx "github.com/docker/cli/cli/context/docker"
	"github.com/docker/cli/cli/context/store"

	"github.com/letta-dev/letta-dev/orchestrator"
)

// chosen is the one place somebody chose, or none. Flags come before the environment, as everywhere in letta-dev and in docker.
func (o Options) chosen() ([]place, error) {
	if o.Host != "" && o.Context != "" {
		return nil, errors.New("--host and --context both choose the engine: give one of them")
	}
	envHost, envContext := o.env("DOCKER_HOST"), o.env("DOCKER_CONTEXT")
	switch {
	case o.Host != "" && o.Recorded:
		return o.atHost(o.Host, recorded)
	case o.Host != "":
		return o.atHost(o.Host, "--host")
	case o.Context != "" && o.Context != "default":
		return o.inContext(o.Context, "--context")
	case envHost != "":
		return o.atHost(envHost, "DOCKER_HOST")
	case o.Context == "default":
		return nil, nil
	case envContext != "":
		return o.inContext(envContext, "DOCKER_CONTEXT")
	}
	file, err := config.Load(o.configDir())
	if err != nil {
		return nil, fmt.Errorf("the docker CLI's configuration names the engine to use: %w", err)
	}
	return o.inContext(file.CurrentContext, "context "+file.CurrentContext)
}

// configDir is the docker CLI's configuration folder.
func (o Options) configDir() string {
	if dir := o.env("DOCKER_CONFIG"); dir != "" {
		return dir
	}
	return filepath.Join(o.Home, ".docker")
}

// atHost is the engine at a URL, with the TLS files the environment names, as the docker CLI uses them.
func (o Options) atHost(host, found string) ([]place, error) {
	if err := o.refusePassword(host, found); err != nil {
		return nil, err
	}
	ep := dctx.Endpoint{EndpointMeta: dctx.EndpointMeta{Host: host}}
	verify := o.env("DOCKER_TLS_VERIFY") != ""
	if verify || o.env("DOCKER_TLS") != "" {
		tls, err := o.tlsFiles()
		if err != nil {
			return nil, fmt.Errorf("reading the TLS files for %s: %w", host, err)
		}
		ep.TLSData, ep.SkipTLSVerify = tls, !verify
	}
	return []place{{ep, found}}, nil
}

// tlsFiles reads ca.pem, cert.pem and key.pem from DOCKER_CERT_PATH, else from the docker CLI's folder, where each may be missing.
func (o Options) tlsFiles() (*dcontext.TLSData, error) {
	dir := o.env("DOCKER_CERT_PATH")
	mayMiss := dir == ""
	if mayMiss {
		dir = o.configDir()
	}
	var data dcontext.TLSData
	for name, to := range map[string]*[]byte{"ca.pem": &data.CA, "cert.pem": &data.Cert, "key.pem": &data.Key} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil && !(mayMiss && errors.Is(err, os.ErrNotExist)) {
			return nil, err
		}
		*to = b
	}
	return &data, nil
}

// inContext is the engine of a context as `docker context create` stored it, TLS files and ssh:// included.
func (o Options) inContext(name, found string) ([]place, error) {
	if name == "" || name == "default" {
		return nil, nil
	}
	ep, err := readContext(filepath.Join(o.configDir(), "contexts"), name)
	if err != nil {
		tried := []orchestrator.Attempt{{Host: name, Found: found, Err: err}}
		return nil, &orchestrator.UnreachableError{Tried: tried, Advice: "docker context ls"}
	}
	found = "context " + name
	if err := o.refusePassword(ep.Host, found); err != nil {
		return nil, err
	}
	return []place{{ep, found}}, nil
}

func readContext(dir, name string) (dctx.Endpoint, error) {
	s := store.New(dir, store.NewConfig(func() any { return &map[string]any{} },
		store.EndpointTypeGetter(dctx.DockerEndpoint, func() any { return &dctx.EndpointMeta{} })))
	metadata, err := s.GetMetadata(name)
	if err != nil {
		return dctx.Endpoint{}, err
	}
	meta, err := dctx.EndpointFromContext(metadata)
	if err != nil {
		return dctx.Endpoint{}, err
	}
	return dctx.WithTLSData(s, name, meta)
}
