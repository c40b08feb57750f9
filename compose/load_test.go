package compose

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestVariables(t *testing.T) {
	dir := folder(t, map[string]string{
		".env": "A=from-env\nB=from-env\nEMPTY=\nDOUBLE=${A}\n",
		"compose.yaml": server("environment:", "  A: ${A}", "  B: ${B:-default}", "  C: ${EMPTY:-default}", "  D: ${NONE:-default}",
			"  EMPTY:", "  NONE:", "  E: ''", "  DOUBLE:", "  F: a$$b"),
	})
	p, err := Load(t.Context(), Options{Dir: dir, Environ: []string{"A=from-shell", "=C:=C:\\", "NOVALUE"}})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"A": "from-shell", "B": "from-env", "C": "default", "D": "default", "DOUBLE": "from-shell", "F": "a$b",
	}
	if got := p.Services[0].Environment; !reflect.DeepEqual(got, want) {
		t.Errorf("environment %q, want %q", got, want)
	}
}

// The process's own environment must not leak in.
func TestNothingButEnvironIsLookedAt(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "leaked")
	t.Setenv("LETTA_IMAGE", "leaked:1")
	t.Setenv("HOME", "/leaked")
	p := loaded(t, server("volumes: ['~/a:/a']", "environment: [OPENAI_API_KEY]", "hostname: x${LETTA_IMAGE}"), "HOME=/home/me")
	s := p.Services[0]
	if s.Environment["OPENAI_API_KEY"] != "" || s.Hostname != "x" || filepath.ToSlash(s.Mounts[0].Source) != "/home/me/a" {
		t.Errorf("%+v", s)
	}
}

func TestUnreadableDotenv(t *testing.T) {
	dir := folder(t, map[string]string{".env/x": ""})
	_, err := Load(t.Context(), Options{Dir: dir})
	mustSay(t, err.Error(), ".env: cannot read the variables: not a file")
	if runtime.GOOS == "windows" || os.Getuid() == 0 {
		t.Skip("every file can be read here")
	}
	dir = folder(t, map[string]string{".env": "A=1"})
	if err := os.Chmod(filepath.Join(dir, ".env"), 0); err != nil {
		t.Fatal(err)
	}
	_, err = Load(t.Context(), Options{Dir: dir})
	mustSay(t, err.Error(), ".env: cannot read the variables: permission denied")
}

func TestLocalHTTPS(t *testing.T) {
	for value, noTLS := range map[string]bool{"false": true, "0": true, "true": false, "": false} {
		p := loaded(t, server("environment: [LOCAL_HTTPS]")+"  other: {image: o, environment: [LOCAL_HTTPS]}\n", "LOCAL_HTTPS="+value)
		if _, passed := p.Server().Environment["LOCAL_HTTPS"]; passed || p.NoTLS != noTLS {
			t.Errorf("%q: NoTLS %v, passed to the server: %v", value, p.NoTLS, passed)
		}
		if value != "" && service(t, p, "other").Environment["LOCAL_HTTPS"] != value {
			t.Errorf("%q: not passed to a service that is not Letta", value)
		}
	}
	err, hint := refused(t, server(), "LOCAL_HTTPS=perhaps")
	mustSay(t, err.Error(), "LOCAL_HTTPS: it is neither true nor false")
	mustSay(t, hint, "unset LOCAL_HTTPS")
}

func TestWhichFiles(t *testing.T) {
	plain, second := server("hostname: base"), "services:\n  letta: {hostname: over}\n"
	for name, test := range map[string]struct {
		files map[string]string
		o     Options
		host  string
		read  []string
	}{
		"none":      {map[string]string{}, Options{}, "", nil},
		"preferred": {map[string]string{"compose.yaml": plain, "docker-compose.yml": second}, Options{}, "base", []string{"compose.yaml"}},
		"old name":  {map[string]string{"docker-compose.yml": plain}, Options{}, "base", []string{"docker-compose.yml"}},
		"override": {map[string]string{"compose.yml": plain, "compose.override.yaml": second}, Options{}, "over",
			[]string{"compose.yml", "compose.override.yaml"}},
		"given": {map[string]string{"compose.yaml": "", "a.yaml": plain, "b/b.yaml": second}, Options{Files: []string{"a.yaml", "b/b.yaml"}}, "over",
			[]string{"a.yaml", "b/b.yaml"}},
	} {
		t.Run(name, func(t *testing.T) {
			test.o.Dir = folder(t, test.files)
			p, err := Load(t.Context(), test.o)
			if err != nil {
				t.Fatal(err)
			}
			var read []string
			for _, f := range test.read {
				read = append(read, filepath.Join(test.o.Dir, f))
			}
			if p.Server().Hostname != test.host || !slices.Equal(p.Files, read) {
				t.Errorf("host name %q, files %q", p.Server().Hostname, p.Files)
			}
		})
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	dir := folder(t, map[string]string{"compose.yaml/x": "", "big.yaml": strings.Repeat("#", maxFileBytes+1)})
	for _, test := range []struct {
		files      []string
		says, hint string
	}{
		{nil, "compose.yaml: cannot read the compose file: not a file", "ls -ldL compose.yaml"},
		{[]string{"none.yaml"}, "none.yaml: cannot read the compose file: no such file", "-f FILE"},
		{[]string{"big.yaml"}, "big.yaml: cannot read the compose file: larger than 1024 KiB", "-f FILE"},
	} {
		_, err := Load(t.Context(), Options{Dir: dir, Files: test.files})
		mustSay(t, err.Error(), test.says)
		mustSay(t, hintOf(t, err), test.hint)
	}
}

// A mistake in one of several files is shown in that file.
func TestMistakesAreInTheirFile(t *testing.T) {
	for second, says := range map[string]string{
		"services:\n  letta:\n    tty: true\n":            "b.yaml:3: services.letta.tty",
		"services:\n  letta:\n    volumes: ['x:/x']\n":    "b.yaml:3: services.letta.volumes.0",
		"services:\n  letta:\n    ports: 1\n":             "b.yaml:3: services.letta.ports",
		"services:\n  letta:\n    depends_on: [x]\n":      "b.yaml:3: services.letta.depends_on.x: there is no service",
		"services:\n  letta:\n    environment: [' =x']\n": "b.yaml:3: ",
	} {
		_, err := Load(t.Context(), Options{Dir: folder(t, map[string]string{"a.yaml": server(), "b.yaml": second}), Files: []string{"a.yaml", "b.yaml"}})
		if err == nil {
			t.Errorf("%q loaded", second)
			continue
		}
		mustSay(t, err.Error(), says)
	}
}

func TestPathsAreSeenFromTheFirstFile(t *testing.T) {
	dir := folder(t, map[string]string{
		"sub/a.yaml": server("volumes: ['./data:/data', '../up:/up', '/abs:/abs']", "env_file: x.env", "hostname: h${A}"),
		"sub/x.env":  "X=1\n", "sub/.env": "A=sub\n", ".env": "A=top\n",
	})
	p, err := Load(t.Context(), Options{Dir: dir, Files: []string{"sub/a.yaml"}})
	if err != nil {
		t.Fatal(err)
	}
	s := p.Services[0]
	var got []string
	for _, m := range s.Mounts {
		got = append(got, m.Source)
	}
	abs, _ := filepath.Abs("/abs")
	if want := []string{filepath.Join(dir, "sub", "data"), filepath.Join(dir, "up"), abs}; !slices.Equal(got, want) {
		t.Errorf("mounts of %q, want %q", got, want)
	}
	if s.Environment["X"] != "1" || s.Hostname != "hsub" || p.Name != "sub" {
		t.Errorf("environment %v, host name %s, project %s", s.Environment, s.Hostname, p.Name)
	}
}

func TestDatabaseOnAWindowsDrive(t *testing.T) {
	p := loaded(t, server("volumes: ['/mnt/c/pg:/var/lib/postgresql/data', '/mnt/c/x:/x']"))
	if len(p.Notes) != 1 {
		t.Fatalf("notes %q", p.Notes)
	}
	mustSay(t, p.Notes[0], "compose.yaml:4: Postgres fails on a Windows drive")
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Load(ctx, Options{Dir: t.TempDir()}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// FuzzLoad holds the law that a file is loaded or refused with its name, a line and advice, that no word of ours shows what a variable
// stands for, and that what is loaded keeps the promises of the types.
func FuzzLoad(f *testing.F) {
	const secret = "sk-live-51H8xSECRET"
	f.Add(server("ports: ['$KEY:80', '${KEY}']", "volumes: [$KEY:/a, '/a:$KEY']", "networks: [$KEY]", "depends_on: [$KEY]", "user: ${KEY?$KEY}", "restart: ${NONE:?$KEY}"))
	f.Add(server("ports: ['80:80', {target: 1}]", "volumes: [./a:/a, a:/b]", "environment: {A: , B: 1}") + "volumes: {a: }\n")
	f.Add("a: &a {<<: *a}\nservices: {b: *a}")
	f.Add("x: &x [1]\nservices: {a: {image: a, command: *x, networks: {n: {aliases: *x}}, depends_on: [a]}}\nnetworks: {n: {external: true}}")
	f.Add(server("healthcheck: {test: [], disable: true}", "ulimits: {a: {}}", "env_file: ''", "extra_hosts: {a: [b]}"))
	f.Add(server() + "x-letta-dev: {routes: [{path: /a/, upstream: 'http://a/b/'}], headers: {request: {A: b}, response: {C: }}, limits: {body: 1k, rate: 2/s}, gzip: yes, cache: 1h, server: letta, hosts: [a.localhost, '::1'], cors: {origins: ['https://a']}, listeners: [80], websocket: {upstream: 'ws://a'}}")
	dir := filepath.Join(f.TempDir(), "my-project")
	f.Fuzz(func(t *testing.T, content string) {
		var p *Project
		var err error
		l := &loading{project: &Project{}, dir: dir}
		p, err = l.project, l.environment(Options{Environ: []string{"KEY=" + secret}})
		if err == nil {
			err = l.assemble([]source{{"compose.yaml", filepath.Join(dir, "compose.yaml"), []byte(content)}}, Options{}, wholeStack())
		}
		if err != nil {
			var file *FileError
			if errors.As(err, &file) && file.File == "" || !strings.Contains(err.Error(), ": ") {
				t.Fatalf("%v names no file", err)
			}
			if said := err.Error() + hintOf(t, err); strings.Contains(said, secret) && !strings.Contains(content, secret) {
				t.Fatalf("%q shows what $KEY stands for", said)
			}
			return
		}
		if said := strings.Join(append(p.Notes, p.Warnings...), "\n"); strings.Contains(said, secret) && !strings.Contains(content, secret) {
			t.Fatalf("%q shows what $KEY stands for", said)
		}
		started := map[string]bool{}
		for _, s := range p.Services {
			for _, d := range s.DependsOn {
				if !started[d.Service] {
					t.Fatalf("%s stands before %s", s.Name, d.Service)
				}
			}
			started[s.Name] = true
			for k, v := range s.Environment {
				if k == "" || v == "" {
					t.Fatalf("variable %q is %q", k, v)
				}
			}
			for _, port := range s.Ports {
				if port.HostIP == "" || port.HostIP == "0.0.0.0" || port.HostIP == "::" || port.Target == 0 {
					t.Fatalf("port %+v", port)
				}
			}
			if s.Image == "" || s.ContainerName == "" {
				t.Fatalf("%+v", s)
			}
		}
		if p.Name == "" || p.Server() == nil {
			t.Fatalf("%+v", p)
		}
	})
}
