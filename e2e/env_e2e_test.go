//go:build e2e

package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
)

// httpsClient is a program that brings roots of its own, or reads the system's, and prints what it fetched.
type httpsClient struct {
	name  string
	argv  []string // the URL follows
	alone bool     // no setting of the user's tells it of another authority
}

// `letta-dev run` makes every client accept our certificates, under the address in LETTA_BASE_URL. Without it each refuses them, and with
// it each accepts what it accepted before: here a company's server, whose authority the user's own variables and settings name.
func TestRunEveryClient(t *testing.T) {
	w := newEnvWorld(t)
	for _, c := range w.clients(t) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(c.argv[0]); err != nil {
				t.Skipf("LEFT OUT: %s is not installed", c.name)
			}
			plain := func(url string) string { return w.ask(t, append(c.argv, url)...) }
			run := func(url string) string {
				return w.ask(t, append(append([]string{w.bin, "run", "--project", w.project, "--"}, c.argv...), url)...)
			}
			if said := plain(w.ours); strings.Contains(said, w.marker) {
				t.Errorf("accepts us without run: %s", said)
			}
			if said := run(w.ours); !strings.Contains(said, w.marker) {
				t.Errorf("refuses us with run: %s", said)
			}
			if c.alone {
				return
			}
			if said := plain(w.company); !strings.Contains(said, w.marker) {
				t.Errorf("refuses the company's server without run, so that with it proves nothing: %s", said)
			}
			if said := run(w.company); !strings.Contains(said, w.marker) {
				t.Errorf("refuses the company's server with run: %s", said)
			}
		})
	}
}

// envWorld is a user's home whose variables and settings name a company's authority, that company's server, and ours.
type envWorld struct {
	bin, home, project, marker string
	ours, company              string // URLs
	environ                    []string
}

func newEnvWorld(t *testing.T) *envWorld {
	w := &envWorld{home: t.TempDir(), project: "env-e2e", marker: strings.ToLower(rand.Text())}
	w.bin = filepath.Join(t.TempDir(), "letta-dev")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", w.bin, "../cmd/letta-dev")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	mustRun(t, build)
	handler := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/info/refs") {
			rw.Header().Set("Content-Type", "text/plain")
			fmt.Fprintf(rw, "%040x\trefs/heads/%s\n", 1, w.marker)
			return
		}
		fmt.Fprintln(rw, w.marker)
	})
	authority, leaf := company(t)
	other := httptest.NewUnstartedServer(handler)
	other.TLS = &tls.Config{Certificates: []tls.Certificate{leaf}}
	other.StartTLS()
	upstream := httptest.NewServer(handler)
	t.Cleanup(other.Close)
	t.Cleanup(upstream.Close)
	w.company = strings.Replace(other.URL, "127.0.0.1", "localhost", 1) + "/"
	roots := filepath.Join(w.home, "company.pem")
	must(t, os.WriteFile(roots, authority, 0o644))
	must(t, os.WriteFile(filepath.Join(w.home, ".wgetrc"), []byte("ca_certificate = "+roots+"\n"), 0o600))
	must(t, os.WriteFile(filepath.Join(w.home, ".gitconfig"), []byte("[http]\n\tsslCAInfo = ~/company.pem\n"), 0o600))
	w.environ = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.home, "TMPDIR=" + w.home}
	for _, name := range []string{"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"} {
		w.environ = append(w.environ, name+"="+roots)
	}
	w.proxy(t, upstream.URL)
	if got := w.ask(t, w.bin, "run", "--project", w.project, "--", "sh", "-c", `printf %s/ "$LETTA_BASE_URL"`); got != w.ours {
		t.Fatalf("LETTA_BASE_URL is %q, want %q", got, w.ours)
	}
	return w
}

// proxy is ours, in front of a server.
func (w *envWorld) proxy(t *testing.T, upstream string) {
	cmd := exec.CommandContext(t.Context(), w.bin, "proxy", "--project", w.project, "--trust", "none", "--listen", "127.0.0.1:0", "--upstream", upstream)
	cmd.Env = w.environ
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	address := regexp.MustCompile(`https://localhost:\d+`)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if url := address.FindString(lines.Text()); url != "" {
			w.ours = url + "/"
			return
		}
	}
	t.Fatal("the proxy ended")
}

// ask runs a program as the user and returns all it said.
func (w *envWorld) ask(t *testing.T, argv ...string) string {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env, cmd.Dir = w.environ, w.home
	out, _ := cmd.CombinedOutput() // what it fetched counts
	return string(out)
}

// clients are installed once, into the cache folder; those of the machine where it has them.
func (w *envWorld) clients(t *testing.T) []httpsClient {
	python := filepath.Join(mustRun(t, exec.Command("bash", "clients/install.sh", "https")), "bin/python")
	modules := filepath.Join(mustRun(t, exec.Command("bash", "clients/install.sh", "runtimes")), "node_modules")
	fetch := func(name string) string {
		path, err := filepath.Abs("trust/clients/" + name)
		must(t, err)
		return path
	}
	return []httpsClient{
		{name: "curl", argv: []string{"curl", "-q", "-sS", "--max-time", "20"}},
		{name: "wget", argv: []string{"wget", "-nv", "-O-", "--tries=1", "--timeout=20"}},
		{name: "git", argv: []string{"git", "ls-remote"}},
		{name: "Python urllib", argv: []string{python, "-c", "import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read())"}},
		{name: "Python requests", argv: []string{python, "-c", "import sys, requests; print(requests.get(sys.argv[1]).text)"}},
		{name: "Python httpx", argv: []string{python, "-c", "import sys, httpx; print(httpx.get(sys.argv[1]).text)"}},
		{name: "Python aiohttp", argv: []string{python, "-c", withAiohttp}},
		{name: "Node", argv: []string{"node", fetch("fetch.mjs")}},
		{name: "Bun", argv: []string{only(t, modules, "@oven/bun-*/bin/bun"), fetch("fetch.mjs")}},
		{name: "Deno", argv: []string{only(t, modules, "@deno/*/deno"), "run", "--allow-net", fetch("fetch.mjs")}},
		{name: "Go", argv: []string{buildGo(t)}},
		{name: "Java", argv: []string{"java", fetch("Fetch.java")}, alone: true}, // its own settings are a trust store, which stays
	}
}

const withAiohttp = `
import aiohttp, asyncio, sys
async def main():
    async with aiohttp.ClientSession() as session, session.get(sys.argv[1]) as response:
        print(await response.text())
asyncio.run(main())`

const withGo = `package main

import ("io"; "log"; "net/http"; "os")

func main() {
	response, err := http.Get(os.Args[1])
	if err != nil { log.Fatal(err) }
	io.Copy(os.Stdout, response.Body)
}
`

func buildGo(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte(withGo), 0o644))
	build := exec.Command("go", "build", "-o", "client", "main.go")
	build.Dir = dir
	mustRun(t, build)
	return filepath.Join(dir, "client")
}

// only is the one file that a pattern matches: the packages hold a program for this system and this processor.
func only(t *testing.T, dir, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	must(t, err)
	if len(found) == 0 {
		return pattern + " for " + runtime.GOOS
	}
	return found[0]
}

// company is an authority that knows nothing of ours, and a leaf of it for localhost.
func company(t *testing.T) (authority []byte, leaf tls.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	ca.Subject.CommonName = "company"
	root, err := x509.CreateCertificate(rand.Reader, ca, ca, key.Public(), key)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: ca.NotBefore, NotAfter: ca.NotAfter, DNSNames: []string{"localhost", "api.letta.com"},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	template.Subject.CommonName = "server"
	der, err := x509.CreateCertificate(rand.Reader, template, ca, key.Public(), key)
	must(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root}), tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func mustRun(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, &stderr)
	}
	return strings.TrimSpace(string(out))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
