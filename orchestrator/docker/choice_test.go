package docker

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	dctx "github.com/docker/cli/cli/context/docker"
	"github.com/docker/cli/cli/context/store"
	"github.com/letta-dev/letta-dev/orchestrator"
)

// writeContext makes a context as the docker CLI does.
func writeContext(t *testing.T, o Options, name, host string) {
	t.Helper()
	s := store.New(filepath.Join(o.configDir(), "contexts"), store.NewConfig(func() any { return &map[string]any{} },
		store.EndpointTypeGetter(dctx.DockerEndpoint, func() any { return &dctx.EndpointMeta{} })))
	err := s.CreateOrUpdate(store.Metadata{Name: name, Endpoints: map[string]any{dctx.DockerEndpoint: dctx.EndpointMeta{Host: host}}})
	if err != nil {
		t.Fatal(err)
	}
}

// dockerCLI runs the real docker command on a configuration of the test's own.
func dockerCLI(t *testing.T, o Options, args ...string) {
	t.Helper()
	path, err := exec.LookPath("docker")
	if err != nil {
		t.Skip("NOT TESTED, no docker command: ", err)
	}
	c := exec.Command(path, append([]string{"--config", o.configDir()}, args...)...)
	c.Env = []string{"HOME=" + o.Home, "PATH=" + os.Getenv("PATH")}
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("docker %v: %v\n%s", args, err, out)
	}
}

// socketOf is the file of the engine the tests use.
func socketOf(t *testing.T, e *Engine) string {
	t.Helper()
	file, ok := strings.CutPrefix(e.Info().Host, "unix://")
	if !ok {
		t.Skipf("NOT TESTED: the engine at %s has no socket file", e.Info().Host)
	}
	return file
}

func TestContextOfTheCLI(t *testing.T) {
	host := "unix://" + socketOf(t, testEngine(t))
	o := withEnv(t, map[string]string{"DOCKER_CONFIG": t.TempDir()})
	dockerCLI(t, o, "context", "create", "mine", "--docker", "host="+host)
	dockerCLI(t, o, "context", "use", "mine")
	e, err := find(t.Context(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if i := e.Info(); i.Host != host || i.Found != "context mine" || i.Version == "" {
		t.Errorf("found %+v", i)
	}
	dockerCLI(t, o, "context", "use", "default")
	if _, err := find(t.Context(), o, []string{"unix:///nonexistent/x.sock"}); err == nil {
		t.Error("the context default is a choice")
	}
}

func TestContextWithTLS(t *testing.T) {
	real := socketOf(t, testEngine(t))
	files := newTLSFiles(t)
	host := "tcp://" + files.forward(t, real)
	o := withEnv(t, map[string]string{"DOCKER_CONFIG": t.TempDir()})
	dockerCLI(t, o, "context", "create", "secure", "--docker", "host="+host+",ca="+files.ca+",cert="+files.cert+",key="+files.key)
	o.Context = "secure"
	e, err := Find(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if i := e.Info(); i.Host != host || i.Direct {
		t.Errorf("found %+v", i)
	}
	env := map[string]string{"DOCKER_HOST": host, "DOCKER_CERT_PATH": filepath.Dir(files.ca), "DOCKER_TLS_VERIFY": "1"}
	byEnv, err := Find(t.Context(), withEnv(t, env))
	if err != nil {
		t.Fatalf("by DOCKER_TLS_VERIFY: %v", err)
	}
	defer byEnv.Close()
	delete(env, "DOCKER_TLS_VERIFY")
	_, err = Find(t.Context(), withEnv(t, env))
	unreachable(t, err) // plain HTTP to a TLS port
	env["DOCKER_TLS_VERIFY"], env["DOCKER_CERT_PATH"] = "1", t.TempDir()
	if _, err = Find(t.Context(), withEnv(t, env)); err == nil || !strings.Contains(err.Error(), env["DOCKER_CERT_PATH"]) {
		t.Errorf("a folder without the files: %v", err)
	}
}

// An ssh:// engine is reached through the ssh command, here one that runs the remote command on this machine.
func TestContextOverSSH(t *testing.T) {
	real := socketOf(t, testEngine(t))
	bin := t.TempDir()
	log := filepath.Join(bin, "argv")
	script := "#!/bin/sh\necho \"$@\" >>" + log + "\nexec docker -H unix://" + real + " system dial-stdio\n"
	if err := os.WriteFile(filepath.Join(bin, "ssh"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	o := withEnv(t, map[string]string{"DOCKER_CONFIG": t.TempDir(), "DOCKER_CONTEXT": "away"})
	dockerCLI(t, o, "context", "create", "away", "--docker", "host=ssh://me@127.0.0.1:2222")
	for _, set := range []func(*Options){func(*Options) {}, func(o *Options) { o.Host = "ssh://me@127.0.0.1:2222" }} {
		set(&o)
		e, err := Find(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if i := e.Info(); i.Host != "ssh://me@127.0.0.1:2222" || i.Local || i.Direct {
			t.Errorf("found %+v", i)
		}
		_ = e.Close()
	}
	argv, err := os.ReadFile(log)
	if err != nil || !strings.Contains(string(argv), "-l me -p 2222") || !strings.Contains(string(argv), "docker system dial-stdio") {
		t.Errorf("ssh was called with %q, %v", argv, err)
	}
}

func TestSSHThatFails(t *testing.T) {
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "ssh"), []byte("#!/bin/sh\necho no route to me >&2\nexit 255\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	o := withEnv(t, nil)
	o.Host = "ssh://me@nowhere"
	_, err := Find(t.Context(), o)
	u := unreachable(t, err)
	if !strings.Contains(err.Error(), "no route to me") || u.Hint() != "docker --host ssh://me@nowhere version" {
		t.Errorf("%v (%s)", err, u.Hint())
	}
}

// The end of ssh may be seen by a write first, also while a read waits, and its reason is what both get.
func TestSSHThatEndsBeforeItIsWrittenTo(t *testing.T) {
	for _, broken := range []error{syscall.EPIPE, os.ErrClosed} {
		reason := errors.New("no route to me")
		conn := &explained{halfCloser: endedConn{why: reason, broken: broken}}
		for range 2 {
			if _, err := conn.Write([]byte("GET")); !errors.Is(err, reason) {
				t.Errorf("got %v, want the reader's", err)
			}
		}
		conn = &explained{halfCloser: endedConn{why: io.EOF, broken: broken}}
		if _, err := conn.Write([]byte("GET")); !errors.Is(err, broken) {
			t.Errorf("got %v; a reader that only saw the end knows no better", err)
		}
	}
}

// endedConn is a connection through a command that has ended.
type endedConn struct {
	halfCloser
	why, broken error // for who reads, and for who writes
}

func (c endedConn) Read([]byte) (int, error)  { return 0, c.why }
func (c endedConn) Write([]byte) (int, error) { return 0, c.broken }

// tlsFiles are ca.pem, cert.pem and key.pem for both sides of a connection to 127.0.0.1.
type tlsFiles struct{ ca, cert, key string }

func newTLSFiles(t *testing.T) tlsFiles {
	t.Helper()
	dir := t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "engine"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	f := tlsFiles{filepath.Join(dir, "ca.pem"), filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")}
	writeFile(t, f.ca, cert)
	writeFile(t, f.cert, cert)
	writeFile(t, f.key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})))
	return f
}

// forward ends TLS, client certificates required, in front of an engine's socket, and gives the address.
func (f tlsFiles) forward(t *testing.T, socket string) string {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(pair.Leaf)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert,
	})
	if err != nil {
		t.Fatal(err)
	}
	relay(t, l, socket)
	return l.Addr().String()
}

// relay carries every connection of l to a socket until the test ends; what it gives cuts those that are open.
func relay(t *testing.T, l net.Listener, socket string) (cut func()) {
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() { _ = l.Close(); cancel() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			engine, err := net.Dial("unix", socket)
			if err != nil {
				_ = c.Close()
				continue
			}
			both := func() { _ = c.Close(); _ = engine.Close() }
			context.AfterFunc(ctx, both)
			go func() { _, _ = io.Copy(engine, c); both() }()
			go func() { _, _ = io.Copy(c, engine); both() }()
		}
	}()
	return func() { _ = l.Close(); cancel() }
}

// A password in an address is refused before anything is asked there, and is shown nowhere.
func TestPasswordInAnAddress(t *testing.T) {
	for host, without := range map[string]string{
		"tcp://u:hush@127.0.0.1:1":   "tcp://127.0.0.1:1",
		"ssh://u:hush@h":             "ssh://u@h",
		"http://u:hush@h:1":          "http://h:1",
		"u:hush@h:1":                 "",
		"tcp://u:hu/sh@h:1":          "tcp://h:1",
		"tcp://u:hu@sh@h:1":          "tcp://h:1",
		"tcp://:hush@h:1":            "tcp://h:1",
		"unix://u:hush@/x":           "unix:///x",
		"tcp://u:hush@h:%zz":         "",
		"tcp://u:hush@h:1/a folder ": "",
	} {
		for name, o := range map[string]Options{
			"--host":      {Host: host, Command: "down"},
			"DOCKER_HOST": {LookupEnv: func(k string) (string, bool) { return map[string]string{"DOCKER_HOST": host}[k], k == "DOCKER_HOST" }},
			recorded:      {Host: host, Recorded: true, Command: "down"},
		} {
			_, err := Find(t.Context(), o)
			var unreachable *orchestrator.UnreachableError
			if !errors.As(err, &unreachable) {
				t.Fatalf("%s %s: %v", name, host, err)
			}
			if said := unreachable.Error() + unreachable.Hint(); strings.Contains(said, "hu") || strings.Contains(said, "sh@") || !strings.Contains(said, "a password stands in the address") {
				t.Errorf("%s %s: said %q", name, host, said)
			}
			if hint := unreachable.Hint(); without != "" && !strings.Contains(hint, without+"  #") || without == "" && !strings.HasPrefix(hint, "docker context ls") {
				t.Errorf("%s %s: advised %q", name, host, hint)
			}
		}
	}
	for _, host := range []string{"unix:///run/u:1@2/docker.sock", "ssh://u@h:22", "tcp://h:1", "tcp://[::1]:1"} {
		if shown, _ := hidePassword(host); shown != host {
			t.Errorf("%s is shown as %s", host, shown)
		}
	}
}
