package truststore

import (
	"context"
	"crypto/tls"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/certstest"
	"github.com/letta-dev/letta-dev/certs/host"
)

// Firefox itself, with profiles that it has never started: refused, accepted once the store has the root, refused again.
// Each start has a profile of its own, because one that was killed comes up in safe mode.
func TestFirefox(t *testing.T) {
	if testing.Short() {
		t.Skip("NOT PROVEN: starting a browser takes seconds")
	}
	browser, err := exec.LookPath("firefox-esr")
	if err != nil {
		browser = certstest.RequireTool(t, "firefox")
	}
	certstest.RequireTool(t, "certutil")
	a := openTest(t, certs.Options{})
	leaf := issueTest(t, a, "letta.localhost")
	for _, tc := range []struct {
		name             string
		trust, untrusted bool
		want             string
	}{
		{"before", false, false, "refused"},
		{"installed", true, false, "accepted"},
		{"uninstalled", true, true, "refused"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			env := machineEnv(t)
			certstest.Write(t, env.InHome(".config/mozilla/firefox/profiles.ini"), 0o644, "[Profile0]\nIsRelative=1\nPath=fresh.default\n")
			profile := env.InHome(".config/mozilla/firefox/fresh.default")
			certstest.Must(t, os.MkdirAll(profile, 0o700))
			other := func(s Store) bool { return s.Name() != "Firefox" }
			stores := slices.DeleteFunc(Stores(env), other)
			if len(stores) != 1 {
				t.Fatalf("stores: %v", stores)
			}
			if tc.trust {
				if r := Install(t.Context(), a, stores, nil)[0]; r.Err != nil || r.Where != profile {
					t.Fatalf("trust: %+v", r)
				}
			}
			if tc.untrusted {
				if r := Uninstall(t.Context(), certs.Claim{Authority: a}, stores, nil)[0]; r.Err != nil {
					t.Fatalf("untrust: %+v", r)
				}
			}
			if got := visit(t, env, leaf, browser, profile); got != tc.want {
				t.Errorf("%s, want %s", got, tc.want)
			}
		})
	}
}

// visit sends a browser to a server and tells what the server saw of it: a request, or an alert.
func visit(t *testing.T, env host.Env, leaf *tls.Certificate, browser, profile string) string {
	t.Helper()
	verdict := make(chan string, 16)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	certstest.Must(t, err)
	defer listener.Close()
	server := &http.Server{
		Handler:   http.HandlerFunc(func(http.ResponseWriter, *http.Request) { offer(verdict, "accepted") }),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{*leaf}},
		ErrorLog:  log.New(alerts(verdict), "", 0),
	}
	defer server.Close()
	go func() { _ = server.ServeTLS(listener, "", "") }()

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	certstest.Must(t, err)
	cmd := exec.CommandContext(ctx, browser, "--headless", "--no-remote", "--profile", profile, "https://letta.localhost:"+port+"/")
	cmd.Env = []string{"HOME=" + env.Home, "PATH=" + os.Getenv("PATH"), "MOZ_CRASHREPORTER_DISABLE=1"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	certstest.Must(t, cmd.Start())
	defer func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	}()
	select {
	case v := <-verdict:
		return v
	case <-ctx.Done():
		return fmt.Sprintf("never came: %v", ctx.Err())
	}
}

func offer(verdict chan<- string, v string) {
	select {
	case verdict <- v:
	default:
	}
}

// alerts turns what net/http logs about a handshake into a verdict.
type alerts chan<- string

func (a alerts) Write(line []byte) (int, error) {
	if strings.Contains(string(line), "remote error: tls: ") {
		offer(a, "refused")
	}
	return len(line), nil
}
