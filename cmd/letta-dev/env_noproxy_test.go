package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/certs/clientenv"
)

// exempted is what noProxyVariables makes of an environment.
func exempted(environ []string, hosts ...string) []string {
	get := func(name string) string {
		for _, kv := range slices.Backward(environ) {
			if value, ok := strings.CutPrefix(kv, name+"="); ok {
				return value
			}
		}
		return ""
	}
	var set []string
	for _, v := range noProxyVariables(get, environ, hosts) {
		set = append(set, v.Name+"="+v.Value)
	}
	return set
}

func TestNoProxyVariables(t *testing.T) {
	const ours = "localhost,.localhost,127.0.0.1,127.0.0.0/8,::1"
	const java = "localhost|*.localhost|127.*|[::1]|"
	both := func(value string) []string { return []string{"NO_PROXY=" + value, "no_proxy=" + value} }
	for _, c := range []struct {
		name    string
		environ []string
		hosts   []string
		want    []string
	}{
		{"no proxy at all", []string{"NO_PROXY=corp", "HTTPS_PROXY=", "PATH=/bin"}, nil, nil},
		{"a proxy", []string{"HTTPS_PROXY=http://p:1"}, nil, both(ours)},
		{"in lower case", []string{"http_proxy=p"}, nil, both(ours)},
		{"for everything", []string{"ALL_PROXY=socks5h://p"}, nil, both(ours)},
		{"of npm alone", []string{"npm_config_proxy=p"}, nil, both(ours)},
		{"what was exempted stays", []string{"all_proxy=p", "NO_PROXY=.corp.example, 10.0.0.0/8 ,"}, nil, both(".corp.example, 10.0.0.0/8," + ours)},
		{"for who reads the lower case too", []string{"all_proxy=p", "no_proxy=corp"}, nil, both("corp," + ours)},
		{"each its own", []string{"all_proxy=p", "NO_PROXY=a", "no_proxy=b"}, nil, []string{"NO_PROXY=a," + ours, "no_proxy=b," + ours}},
		{"nothing twice", []string{"all_proxy=p", "NO_PROXY=localhost,127.0.0.1"}, nil, both("localhost,127.0.0.1,.localhost,127.0.0.0/8,::1")},
		{"nor in a run of a run", []string{"all_proxy=p", "NO_PROXY=" + ours, "no_proxy=" + ours}, nil, both(ours)},
		{"everything is exempted", []string{"all_proxy=p", "NO_PROXY=*"}, nil, nil},
		{"everything for some", []string{"all_proxy=p", "NO_PROXY=*", "no_proxy=corp"}, nil, []string{"no_proxy=corp," + ours}},
		{"the server's other names", []string{"all_proxy=p"}, []string{"dev.example.test", "*.dev.example.test", "x.localhost", "localhost", "127.0.0.9", "127.0.0.1"},
			both(ours + ",dev.example.test,.dev.example.test,127.0.0.9")},

		{"Java", []string{"JAVA_TOOL_OPTIONS=-Dhttps.proxyHost=p"}, nil, []string{"JAVA_TOOL_OPTIONS=-Dhttps.proxyHost=p -Dhttp.nonProxyHosts=" + java}},
		{"Java with exceptions", []string{`JDK_JAVA_OPTIONS=-Dhttp.nonProxyHosts="a|b" -Xmx1g`, "_JAVA_OPTIONS=-Dhttp.proxyHost=p"}, nil,
			[]string{`JDK_JAVA_OPTIONS=-Dhttp.nonProxyHosts=` + java + `"a|b" -Xmx1g`}},
		{"Java that was told of none", []string{"JDK_JAVA_OPTIONS=-Dhttp.nonProxyHosts= -Dhttp.proxyHost=p"}, nil,
			[]string{"JDK_JAVA_OPTIONS=-Dhttp.nonProxyHosts=" + java + " -Dhttp.proxyHost=p"}},
		{"Java in a run of a run", []string{"JDK_JAVA_OPTIONS=-Dhttp.nonProxyHosts=" + java + "a"}, nil, []string{"JDK_JAVA_OPTIONS=-Dhttp.nonProxyHosts=" + java + "a"}},
		{"Java without a proxy", []string{"JDK_JAVA_OPTIONS=-Xmx1g"}, nil, nil},
	} {
		if got := exempted(c.environ, c.hosts...); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// A variable that both parts of env set, as JDK_JAVA_OPTIONS, is set once.
func TestMergeVariables(t *testing.T) {
	got := mergeVariables([]clientenv.Variable{{Name: "A", Value: "1"}, {Name: "B", Value: "2"}}, []clientenv.Variable{{Name: "A", Value: "1 and more"}})
	if want := []clientenv.Variable{{Name: "B", Value: "2"}, {Name: "A", Value: "1 and more"}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// The clients themselves, each behind a proxy that counts who comes to it. Without the variables all do, which shows that the count is
// worth something.
func TestClientsPassTheProxyBy(t *testing.T) {
	asked := make(chan string, 100)
	company := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Host
		http.Error(w, "the company's proxy", http.StatusForbidden)
	}))
	defer company.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	listener.Close() // who comes there has passed the proxy by, and is refused

	python := func(module, call string) []string {
		return []string{"python3", "-c", "import sys, " + module + "; " + call + "(sys.argv[1], timeout=5)"}
	}
	loopback := []string{"localhost", "letta.localhost", "127.0.0.1", "127.0.0.9", "[::1]"}
	for _, client := range []struct {
		argv  []string
		knows []string // the hosts that it can be told of
	}{
		{[]string{"curl", "-q", "-sS", "-m", "5"}, loopback},
		{[]string{"git", "ls-remote"}, loopback},
		{[]string{"wget", "-nv", "-O-", "--tries=1", "--timeout=5"}, []string{"localhost", "letta.localhost", "127.0.0.1"}},
		{python("urllib.request", "urllib.request.urlopen"), []string{"localhost", "letta.localhost", "127.0.0.1"}},
		{python("requests", "requests.get"), loopback},
		{python("httpx", "httpx.get"), []string{"localhost", "letta.localhost", "127.0.0.1"}},
	} {
		t.Run(strings.Join(client.argv, " "), func(t *testing.T) {
			if _, err := exec.LookPath(client.argv[0]); err != nil {
				t.Skipf("NOT PROVEN: %s is not installed", client.argv[0])
			}
			environ := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "HTTPS_PROXY=" + company.URL, "https_proxy=" + company.URL}
			if module, ok := strings.CutPrefix(client.argv[len(client.argv)-1], "import sys, "); ok {
				module, _, _ = strings.Cut(module, ";")
				if exec.Command("python3", "-c", "import "+module).Run() != nil {
					t.Skipf("NOT PROVEN: Python's %s is not installed", module)
				}
			}
			for _, host := range client.knows {
				if said := ask(t, environ, client.argv, host, port); len(asked) == 0 {
					t.Fatalf("%s without the variables: nobody came to the proxy: %s", host, said)
				}
				drain(asked)
				said := ask(t, append(slices.Clone(environ), exempted(environ)...), client.argv, host, port)
				if len(asked) != 0 {
					t.Errorf("%s: it went to the company's proxy: %s", host, said)
				}
				drain(asked)
			}
		})
	}
}

// Java has its proxies in options.
func TestJavaPassesTheProxyBy(t *testing.T) {
	if _, err := exec.LookPath("javac"); err != nil {
		t.Skip("NOT PROVEN: no javac is installed")
	}
	program := filepath.Join(t.TempDir(), "Select.java")
	const source = `class Select { public static void main(String[] urls) {
	for (String url : urls) System.out.println(java.net.ProxySelector.getDefault().select(java.net.URI.create(url))); } }`
	if err := os.WriteFile(program, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	for options, want := range map[string]string{
		"":                      "DPDDDP", // what Java does by itself; the last host is the company's own
		"-Dhttp.nonProxyHosts=": "DDDDDP",
		`-Dhttp.nonProxyHosts="a.example|b.example"`:                 "DDDDDP",
		"-Dhttp.nonProxyHosts=corp.example -Dfile.encoding=US-ASCII": "DDDDDD",
	} {
		environ := []string{"PATH=" + os.Getenv("PATH"), "JDK_JAVA_OPTIONS=-Dhttps.proxyHost=p " + options}
		if options != "" {
			environ = append(environ, exempted(environ)...)
		}
		cmd := exec.CommandContext(t.Context(), "java", program, "https://localhost", "https://letta.localhost", "https://127.0.0.1", "https://127.0.0.9", "https://[::1]", "https://corp.example")
		cmd.Env = environ
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for line := range strings.Lines(string(out)) {
			got += map[bool]string{true: "D", false: "P"}[strings.Contains(line, "DIRECT")]
		}
		if got != want {
			t.Errorf("with %q: %s, want %s", options, got, want)
		}
	}
}

// ask has a client fetch https://host:port, and returns what it says of its failure.
func ask(t *testing.T, environ, argv []string, host, port string) string {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], append(slices.Clone(argv[1:]), fmt.Sprintf("https://%s:%s/", host, port))...)
	cmd.Env = environ
	out, _ := cmd.CombinedOutput()
	return string(out)
}

func drain(c chan string) {
	for len(c) > 0 {
		<-c
	}
}
