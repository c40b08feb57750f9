package compose

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// golden compares v with testdata/name. Run with UPDATE_GOLDEN=1 to write it, and read the difference.
func golden(t *testing.T, name string, v any) {
	t.Helper()
	got, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s differs:\n%s", path, got)
	}
}

func TestEmbeddedStack(t *testing.T) {
	dir := folder(t, map[string]string{".env": "OPENAI_API_KEY=sk-1\nAZURE_API_VERSION=\nLOCAL_HTTPS=true\n"})
	p, err := Load(t.Context(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "embedded.json", p)
	s := p.Server()
	if len(p.Services) != 1 || s.StopGrace != 30*time.Second || s.Ports[0] != (Port{Target: 8283, HostIP: "127.0.0.1", Protocol: "tcp"}) {
		t.Errorf("server %+v", s)
	}
}

func TestEmbeddedStackWithItsOwnImage(t *testing.T) {
	p, err := Load(t.Context(), Options{Dir: folder(t, nil), Environ: []string{"LETTA_IMAGE=mine:1"}, Name: "second"})
	if err != nil {
		t.Fatal(err)
	}
	s := p.Server() // found by its port, as the image says nothing
	if s.Image != "mine:1" || s.ContainerName != "second-letta-server" || p.Volumes["pgdata"].Name != "second_pgdata" {
		t.Errorf("image %s, container %s, volumes %v", s.Image, s.ContainerName, p.Volumes)
	}
}

// letta is a folder as a clone of Letta 0.16.8 has it.
func letta(t *testing.T, dotenv string) string {
	t.Helper()
	yaml, err := os.ReadFile("testdata/letta-0.16.8.yaml")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"compose.yaml": string(yaml), ".env.example": "# OPENAI_API_KEY=\n"}
	if dotenv != "" {
		files[".env"] = dotenv
	}
	return folder(t, files)
}

func TestLettasOwnFile(t *testing.T) {
	dir := letta(t, "GROQ_API_KEY=gsk-1\nHTTP_PROXY=http://proxy:3128\nLOCAL_HTTPS=false\n")
	p, err := Load(t.Context(), Options{Dir: dir, Environ: []string{"OPENAI_API_KEY=sk-1", "ANTHROPIC_API_KEY="}})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range p.Services {
		for i := range s.Mounts { // the folder differs from run to run
			s.Mounts[i].Source = strings.ReplaceAll(filepath.ToSlash(s.Mounts[i].Source), filepath.ToSlash(dir), "DIR")
		}
	}
	p.Files = nil
	golden(t, "letta-0.16.8.json", p)
}

func TestLettasOwnFileNeedsItsDotenv(t *testing.T) {
	dir := letta(t, "")
	_, err := Load(t.Context(), Options{Dir: dir})
	if err == nil {
		t.Fatal("loaded without .env")
	}
	mustSay(t, err.Error(), "compose.yaml:35: services.letta_server.env_file.0: .env does not exist")
	env := filepath.Join(dir, ".env")
	if got, want := hintOf(t, err), "cp "+env+".example "+env; got != want {
		t.Errorf("hint %q, want %q", got, want)
	}
	if err := os.Remove(env + ".example"); err != nil {
		t.Fatal(err)
	}
	_, err = Load(t.Context(), Options{Dir: dir})
	if got, want := hintOf(t, err), "touch "+env; got != want {
		t.Errorf("hint %q, want %q", got, want)
	}
}

// With LETTA_PG_PORT=5433 the file's LETTA_PG_URI names a port the database does not have.
func TestLettasDatabasePortTrap(t *testing.T) {
	p, err := Load(t.Context(), Options{Dir: letta(t, "LETTA_PG_PORT=5433\n")})
	if err != nil {
		t.Fatal(err)
	}
	mustSay(t, strings.Join(p.Notes, "\n"), "letta_server: the port in LETTA_PG_URI is not 5432, on which letta_db listens")
	if p, _ = Load(t.Context(), Options{Dir: letta(t, "A=1\n")}); strings.Contains(strings.Join(p.Notes, "\n"), "LETTA_PG_URI") {
		t.Errorf("notes without the trap: %q", p.Notes)
	}
}

func TestOtherFilesOfTheRelease(t *testing.T) {
	for file, lines := range map[string][]string{
		"letta-0.16.8-dev-compose.yaml":         {":23: services.letta_server.build is not supported"},
		"letta-0.16.8-development.compose.yaml": {":7: services.letta_server.build is not supported"},
		"letta-0.16.8-docker-compose-vllm.yaml": {
			":20: services.vllm.runtime is not supported", ":21: services.vllm.deploy is not supported", ":37: services.vllm.ipc is not supported",
		},
	} {
		_, err := Load(t.Context(), Options{Files: []string{file}, Dir: "testdata"})
		if err == nil {
			t.Fatalf("%s loaded", file)
		}
		for _, line := range lines {
			mustSay(t, err.Error(), file+line)
		}
	}
}

// An nginx of somebody's own is none of our business.
func TestOnlyLettasNginxIsLeftOut(t *testing.T) {
	p := loaded(t, server()+`
  letta_nginx:
    image: my/nginx:1
  nginx:
    image: nginx:1
    volumes: ['./nginx.conf:/etc/nginx/nginx.conf']
`)
	if want := []string{"letta", "letta_nginx", "nginx"}; !slices.Equal(names(p), want) {
		t.Errorf("services %v, want %v", names(p), want)
	}
	p = loaded(t, server("depends_on: [letta-nginx]")+"  letta-nginx: {image: 'docker.io/library/nginx:1', privileged: true}\n")
	if !slices.Equal(names(p), []string{"letta"}) || len(p.Services[0].DependsOn) != 0 {
		t.Errorf("services %v, depends on %v", names(p), p.Services[0].DependsOn)
	}
	mustSay(t, strings.Join(p.Notes, "\n"), "letta-nginx is left out: letta-dev's own proxy does its work")
}

// .env.example is a promise: what it names reaches the server, and what a person may set is named there.
func TestExampleNamesWhatIsPassed(t *testing.T) {
	content, err := os.ReadFile("../.env.example")
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, line := range strings.Split(string(content), "\n") {
		m := regexp.MustCompile(`^# ([A-Z][A-Z0-9_]*)=`).FindStringSubmatch(line)
		switch {
		case m != nil && named[m[1]]:
			t.Errorf(".env.example names %s twice", m[1])
		case m != nil:
			named[m[1]] = true
		case line != "" && !strings.HasPrefix(line, "#"):
			t.Errorf(".env.example: %q is not commented out", line)
		}
	}
	var environ []string
	for name := range named {
		environ = append(environ, name+"=set-by-test")
	}
	for _, own := range []string{"LETTA_IMAGE", "LOCAL_HTTPS"} {
		if !named[own] {
			t.Errorf(".env.example does not name %s", own)
		}
		delete(named, own)
		environ = slices.DeleteFunc(environ, func(e string) bool { return strings.HasPrefix(e, own+"=") })
	}
	p, err := Load(t.Context(), Options{Dir: folder(t, nil), Environ: environ})
	if err != nil {
		t.Fatal(err)
	}
	passed := p.Server().Environment
	maps.DeleteFunc(passed, func(_, v string) bool { return v != "set-by-test" })
	if got, want := slices.Sorted(maps.Keys(passed)), slices.Sorted(maps.Keys(named)); !slices.Equal(got, want) {
		t.Errorf("passed on: %v\nnamed in .env.example: %v", got, want)
	}
	// and the reverse: a variable of letta.yaml that the example does not name
	for _, m := range regexp.MustCompile(`(?m)^      ([A-Z][A-Z0-9_]*):(?: \$\{.*)?$`).FindAllStringSubmatch(string(lettaYAML), -1) {
		if !named[m[1]] {
			t.Errorf("letta.yaml passes %s, which .env.example does not name", m[1])
		}
	}
}
