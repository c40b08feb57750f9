package certs

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"
)

// slowDebian is a system in dir whose update-ca-certificates waits for the other end of a pipe, and, where CERTS_TEST_SUDO is set, takes
// sudo to be run.
func slowDebian(dir string) Env {
	env := Env{GOOS: "linux", Root: dir, Home: dir, Vars: map[string]string{"PATH": os.Getenv("PATH")}, Run: run,
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
	return report(Untrust(context.Background(), Claim{}, systemStores(slowDebian(os.Getenv("CERTS_TEST_DIR"))), nil)[0].Err)
}

// lookForLong runs a command that changes nothing and does not end.
func lookForLong() int {
	script := "exec > " + quote(filepath.Join(os.Getenv("CERTS_TEST_DIR"), "gate")) + "; echo looking; exec sleep 3600"
	_, err := run(context.Background(), Command{Argv: []string{"sh", "-c", script}, Limit: time.Hour})
	return report(err)
}
