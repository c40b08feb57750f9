package clientenv

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/certstest"
	"github.com/letta-dev/letta-dev/certs/truststore"
)

// A company's root that keytool has put into a JVM's own file is accepted with the variables, and ours beside it.
func TestJavaKeepsItsRootsWithTheVariables(t *testing.T) {
	keytool, java := certstest.RequireTool(t, "keytool"), certstest.RequireTool(t, "java")
	real, err := filepath.EvalSymlinks(java)
	certstest.Must(t, err)
	from, ok := truststore.JVMRoots(filepath.Dir(filepath.Dir(real)))
	if !ok {
		t.Skip("NOT PROVEN: that a JVM keeps its roots with the variables. There is none with a file of them")
	}
	env := certstest.RealEnv(t)
	company, ours := openTest(t, certs.Options{CAROOT: certstest.FakeCAROOT(t)}), openTest(t, certs.Options{})
	home := filepath.Join(env.Home, "jdk")
	file := filepath.Join(home, "lib/security/cacerts")
	certstest.Write(t, file, 0o644, string(certstest.Read(t, from)))
	add := exec.CommandContext(t.Context(), keytool, "-importcert", "-noprompt", "-alias", "company", "-file", company.Root().Path, "-keystore", file, "-storepass", "changeit")
	if out, err := add.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	vars, problems, err := Variables(t.Context(), env, ours.Root(), Options{Dir: filepath.Join(env.Home, "roots"),
		Getenv: func(name string) string { return map[string]string{"JAVA_HOME": home}[name] }})
	certstest.Must(t, err)
	i := slices.IndexFunc(vars, func(v Variable) bool { return v.Name == "JDK_JAVA_OPTIONS" })
	if i < 0 {
		t.Fatal(problems)
	}
	class := filepath.Join(env.Home, "Handshake.class")
	certstest.Write(t, class, 0o644, string(certstest.Read(t, "../truststore/handshake/Handshake.class")))
	for name, a := range map[string]*certs.Authority{"the company": company, "ours": ours, "nobody's": openTest(t, certs.Options{})} {
		leaf, err := a.Issue(certs.Names{"letta.localhost"})
		certstest.Must(t, err)
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "accepted") }))
		server.TLS = &tls.Config{Certificates: []tls.Certificate{*leaf}}
		server.Config.ErrorLog = certstest.QuietLog()
		server.StartTLS()
		_, port, err := net.SplitHostPort(server.Listener.Addr().String())
		certstest.Must(t, err)
		ask := exec.CommandContext(t.Context(), java, "-XX:TieredStopAtLevel=1", "-cp", env.Home, "Handshake", "letta.localhost", port)
		ask.Env = []string{"JDK_JAVA_OPTIONS=" + vars[i].Value}
		out, err := ask.Output()
		server.Close()
		if want := name != "nobody's"; (err == nil && strings.Contains(string(out), "accepted")) != want {
			t.Errorf("java accepts %s: %t, %v", name, !want, err)
		}
	}
}
