package truststore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/host"
)

// slowDebian is a system in dir whose update-ca-certificates waits for the other end of a pipe, and, where CERTS_TEST_SUDO is set, takes
// sudo to be run.
func slowDebian(dir string) host.Env {
	env := host.Env{GOOS: "linux", Root: dir, Home: dir, Vars: map[string]string{"PATH": os.Getenv("PATH")}, Run: host.Run,
		LookPath: func(name string) (string, error) {
			if name == "update-ca-certificates" {
				return filepath.Join(dir, name), nil
			}
			if name == "sudo" {
				return name, nil
			}
			return "", errors.New("not installed")
		}}
	if os.Getenv("CERTS_TEST_SUDO") != "" {
		env.UID, env.Elevate = 1000, true
	}
	return env
}

// untrustSlowly removes all roots of ours from a slow system.
func untrustSlowly() int {
	if err := Uninstall(context.Background(), certs.Claim{}, systemStores(slowDebian(os.Getenv("CERTS_TEST_DIR"))), nil)[0].Err; err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
