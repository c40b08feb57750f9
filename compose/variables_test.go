package compose

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/types"
)

// What docker compose's variables mean is decided by docker compose, wherever they stand: which files are read, which variables they
// can name, what the project is called, which services run.
func TestVariablesOfDockerCompose(t *testing.T) {
	stack := func(host string) string {
		return server("hostname: "+host+"-${A:-}-${B:-}-${PLAIN:-}", "working_dir: ${PWD}") + "  extra: {image: e, profiles: [p, 'q r']}\n"
	}
	files := map[string]string{
		"compose.yaml": stack("base"), "compose.override.yaml": "services: {letta: {user: over}}\n",
		"other.yaml": stack("other"), "third.yaml": "name: third\nservices: {letta: {hostname: third}}\n",
		"sub/deep.yaml": stack("deep"), "sub/.env": "A=sub\nB=${A}-sub\nCOMPOSE_PROJECT_NAME=named-in-sub\nCOMPOSE_PROFILES=p\n",
		"one.env": "A=one\nB=${A}1\n", "two.env": "A=two\nB=${A}${B}\n", "names.env": "COMPOSE_FILE=other.yaml\nA=names\n",
	}
	for name, test := range map[string]struct {
		dotenv  string
		environ []string
		files   []string
	}{
		"none":                        {"A=env\n", nil, nil},
		"file in .env":                {"COMPOSE_FILE=other.yaml\nA=env\n", nil, nil},
		"file in the shell":           {"COMPOSE_FILE=third.yaml\n", []string{"COMPOSE_FILE=other.yaml"}, nil},
		"-f over COMPOSE_FILE":        {"COMPOSE_FILE=third.yaml\n", []string{"COMPOSE_FILE=third.yaml"}, []string{"other.yaml"}},
		"two files":                   {"COMPOSE_FILE=other.yaml" + string(os.PathListSeparator) + "third.yaml\n", nil, nil},
		"separator":                   {"COMPOSE_PATH_SEPARATOR=,\nCOMPOSE_FILE=other.yaml,third.yaml\n", nil, nil},
		"separator from the shell":    {"COMPOSE_PATH_SEPARATOR=;\nCOMPOSE_FILE=other.yaml|third.yaml\n", []string{"COMPOSE_PATH_SEPARATOR=|"}, nil},
		"interpolated":                {"X=other\nCOMPOSE_FILE=${X}.yaml\n", nil, nil},
		"in another folder":           {"COMPOSE_FILE=sub/deep.yaml\nA=top\n", nil, nil},
		"-f in another folder":        {"A=top\n", nil, []string{"sub/deep.yaml"}},
		"in another folder, shell":    {"", []string{"COMPOSE_FILE=sub/deep.yaml", "A=shell"}, nil},
		"project name":                {"COMPOSE_PROJECT_NAME=mine\n", nil, []string{"third.yaml", "other.yaml"}},
		"project name, shell":         {"COMPOSE_PROJECT_NAME=mine\n", []string{"COMPOSE_PROJECT_NAME=ours"}, nil},
		"profiles":                    {"COMPOSE_PROFILES=x, p\n", nil, nil},
		"a profile with a space":      {"COMPOSE_PROFILES=q r\n", nil, nil},
		"profiles that are no list":   {"COMPOSE_PROFILES=x p\n", nil, nil},
		"every profile":               {"", []string{"COMPOSE_PROFILES=*"}, nil},
		"env files":                   {"A=never\nPLAIN=never\n", []string{"COMPOSE_ENV_FILES=one.env,two.env"}, nil},
		"env files beat nothing":      {"", []string{"COMPOSE_ENV_FILES=one.env", "A=shell"}, nil},
		"env files name the file":     {"", []string{"COMPOSE_ENV_FILES=one.env,names.env"}, nil},
		"env files and a sub folder":  {"", []string{"COMPOSE_ENV_FILES=one.env", "COMPOSE_FILE=sub/deep.yaml"}, nil},
		"env files from .env":         {"COMPOSE_ENV_FILES=one.env\nA=env\n", nil, nil},
		"env files over disabled":     {"", []string{"COMPOSE_ENV_FILES=one.env", "COMPOSE_DISABLE_ENV_FILE=1"}, nil},
		"disabled":                    {"A=env\nCOMPOSE_FILE=other.yaml\n", []string{"COMPOSE_DISABLE_ENV_FILE=true"}, nil},
		"not disabled":                {"A=env\n", []string{"COMPOSE_DISABLE_ENV_FILE=0"}, nil},
		"disabled by itself":          {"PLAIN=env\nCOMPOSE_DISABLE_ENV_FILE=1\nCOMPOSE_FILE=other.yaml\n", nil, nil},
		"disabled, with a sub folder": {"COMPOSE_DISABLE_ENV_FILE=1\nCOMPOSE_FILE=sub/deep.yaml\n", nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			all := maps.Clone(files)
			if test.dotenv != "" {
				all[".env"] = test.dotenv
			}
			dir := folder(t, all)
			ours, err := Load(t.Context(), Options{Dir: dir, Files: test.files, Environ: test.environ})
			if err != nil {
				t.Fatal(err)
			}
			theirs := readByDockerCompose(t, dir, test.files, test.environ)
			if ours.Name != theirs.Name || !slices.Equal(ours.Files, theirs.ComposeFiles) {
				t.Errorf("project %s of %q, docker compose's is %s of %q", ours.Name, ours.Files, theirs.Name, theirs.ComposeFiles)
			}
			if got, want := slices.Sorted(slices.Values(names(ours))), theirs.ServiceNames(); !slices.Equal(got, want) {
				t.Errorf("services %q, docker compose's are %q", got, want)
			}
			s, want := service(t, ours, "letta"), theirs.Services["letta"]
			if s.Hostname != want.Hostname || s.WorkingDir != want.WorkingDir || s.User != want.User {
				t.Errorf("%q %q %q, docker compose's are %q %q %q", s.Hostname, s.WorkingDir, s.User, want.Hostname, want.WorkingDir, want.User)
			}
		})
	}
}

// readByDockerCompose takes the steps of docker compose 5.7 (cmd/compose/compose.go: setEnvWithDotEnv, toProjectOptions).
func readByDockerCompose(t *testing.T, dir string, files, environ []string) *types.Project {
	t.Helper()
	t.Chdir(dir)
	for _, name := range obeyed() {
		t.Setenv(name, "") // so that it is as before after the test
		os.Unsetenv(name)
	}
	t.Setenv("PWD", dir)
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		t.Setenv(name, value)
	}
	var envFiles []string
	if list := os.Getenv("COMPOSE_ENV_FILES"); list != "" {
		envFiles = strings.Split(list, ",")
	}
	options := func(more ...cli.ProjectOptionsFn) *cli.ProjectOptions {
		o, err := cli.NewProjectOptions(files, append([]cli.ProjectOptionsFn{cli.WithOsEnv, cli.WithEnvFiles(envFiles...), cli.WithDotEnv}, more...)...)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	early := options()
	found, err := dotenv.GetEnvFromFile(early.Environment, early.EnvFiles)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range found {
		if _, set := os.LookupEnv(name); !set && strings.HasPrefix(name, "COMPOSE_") {
			t.Setenv(name, value)
		}
	}
	var p *types.Project
	logged(func() {
		p, err = options(cli.WithConfigFileEnv, cli.WithDefaultConfigPath, cli.WithEnvFiles(envFiles...), cli.WithDotEnv,
			cli.WithDefaultProfiles(), cli.WithName("")).LoadProject(t.Context())
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, file := range p.ComposeFiles {
		p.ComposeFiles[i] = within(dir, file)
	}
	return p
}

func TestVariablesThatCannotBe(t *testing.T) {
	for _, test := range []struct {
		dotenv, environ string
		says, hint      string
	}{
		{"COMPOSE_FILE=none.yaml", "", "none.yaml: cannot read the compose file: no such file", "correct COMPOSE_FILE in .env"},
		{"", "COMPOSE_FILE=none.yaml", "none.yaml: cannot read the compose file: no such file", "unset COMPOSE_FILE"},
		{"COMPOSE_PATH_SEPARATOR=,\nCOMPOSE_FILE=compose.yaml,", "", "COMPOSE_FILE: one of its names", "correct COMPOSE_FILE in .env"},
		{"", "COMPOSE_ENV_FILES=none.env", "none.env: cannot read the variables: no such file", "none.env"},
		{"", "COMPOSE_DISABLE_ENV_FILE=perhaps", "COMPOSE_DISABLE_ENV_FILE: it is neither true nor false", "unset COMPOSE_DISABLE_ENV_FILE"},
		{"COMPOSE_PROJECT_NAME=Not One", "", `"Not One" cannot be a project name`, "--project notone"},
	} {
		dir := folder(t, map[string]string{"compose.yaml": server(), ".env": test.dotenv + "\n"})
		_, err := Load(t.Context(), Options{Dir: dir, Environ: []string{test.environ}})
		if err == nil {
			t.Errorf("%+v: loaded", test)
			continue
		}
		mustSay(t, err.Error(), test.says)
		mustSay(t, hintOf(t, err), test.hint)
	}
}

// A variable of .env that nothing reads is told where it is nearly one that something does: of the stack here or of the embedded one.
func TestMisspeltVariables(t *testing.T) {
	own := server("environment: [OPENAI_API_KEY, 'A=${MY_HOST:-x}']")
	for name, test := range map[string]struct{ stack, dotenv, near string }{
		"a letter short":       {"", "OPENAI_APIKEY=x\n", "nothing reads OPENAI_APIKEY, which stands in .env: did you mean OPENAI_API_KEY?"},
		"small letters":        {"", "anthropic_api_key=x\n", "did you mean ANTHROPIC_API_KEY?"},
		"a password":           {"", "LETTA_SERVER_PASWORD=x\n", "did you mean LETTA_SERVER_PASSWORD?"},
		"of letta-dev itself":  {"", "LOCAL_HTPS=false\n", "did you mean LOCAL_HTTPS?"},
		"in a default":         {"", "LETTA_IMGE=x\n", "did you mean LETTA_IMAGE?"},
		"a stack of one's own": {own, "MY_HOSTS=x\n", "did you mean MY_HOST?"},
		"what the stack reads": {own, "OPENAI_API_KEY=x\nMY_HOST=x\n", ""},
		"another program's":    {"", "DATABASE_URL=x\nVITE_API=x\nA=1\n", ""},
		"taken by env_file":    {server("env_file: .env", "environment: [OPENAI_API_KEY]"), "OPENAI_APIKEY=x\n", ""},
	} {
		files := map[string]string{".env": test.dotenv}
		if test.stack != "" {
			files["compose.yaml"] = test.stack
		}
		p, err := Load(t.Context(), Options{Dir: folder(t, files)})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		said := strings.Join(p.Notes, "\n")
		mustSay(t, said, test.near)
		if got := strings.Count(said, "nothing reads"); got > 1 || test.near == "" && got > 0 {
			t.Errorf("%s: %q", name, said)
		}
	}
}

// A variable that would change what docker compose runs, and changes nothing here, is said. What steers its output alone is not.
func TestVariablesThatAreNotObeyed(t *testing.T) {
	for environ, says := range map[string]string{
		"COMPOSE_CONVERT_WINDOWS_PATHS=1":     "COMPOSE_CONVERT_WINDOWS_PATHS is set, which letta-dev does not obey",
		"COMPOSE_COMPATIBILITY=true":          "COMPOSE_COMPATIBILITY is set",
		"DOCKER_DEFAULT_PLATFORM=linux/amd64": "DOCKER_DEFAULT_PLATFORM is set",
		"COMPOSE_FILES=x.yaml":                "COMPOSE_FILES is no variable of docker compose: did you mean COMPOSE_FILE?",
		"COMPOSE_PROFILE=x":                   "did you mean COMPOSE_PROFILES?",
		"COMPOSE_DISABLE_ENV_FILES=1":         "did you mean COMPOSE_DISABLE_ENV_FILE?",
		"COMPOSE_COMPATIBILITY=false":         "",
		"COMPOSE_ANSI=never":                  "",
		"COMPOSE_BAKE=1":                      "",
		"COMPOSE_EXPERIMENTAL=1":              "",
		"COMPOSE_IGNORE_ORPHANS=1":            "",
		"COMPOSE_MENU=0":                      "",
		"COMPOSE_PARALLEL_LIMIT=2":            "",
		"COMPOSE_PROGRESS=plain":              "",
		"COMPOSE_REMOVE_ORPHANS=1":            "",
		"COMPOSE_STATUS_STDOUT=1":             "",
		"COMPOSE_DISABLE_ENV_FILE=0":          "",
		"COMPOSE_FILE=compose.yaml":           "",
		"COMPOSE_ENV_FILES=.env":              "",
		"COMPOSE_PATH_SEPARATOR=,":            "",
		"COMPOSE_PROJECT_NAME=p":              "",
		"COMPOSE_PROFILES=p":                  "",
		"SOMEBODY_ELSES_COMPOSE_FILES=x.yaml": "",
		"COMPOSE_SOMEBODY_ELSES_OWN=x":        "",
	} {
		dir := folder(t, map[string]string{"compose.yaml": server() + "  o: {image: o, profiles: [p]}\n", ".env": "A=1\n"})
		var notes [2]string
		p, err := Load(t.Context(), Options{Dir: dir, Environ: []string{environ}})
		if err != nil {
			t.Fatal(err)
		}
		notes[0] = strings.Join(p.Notes, "\n")
		if err := os.WriteFile(filepath.Join(dir, ".env"), []byte(environ+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if p, err = Load(t.Context(), Options{Dir: dir}); err != nil {
			t.Fatal(err)
		}
		notes[1] = strings.Join(p.Notes, "\n")
		if strings.HasPrefix(environ, "COMPOSE_ENV_FILES=") {
			mustSay(t, notes[1], "COMPOSE_ENV_FILES is obeyed in the environment alone, as by docker compose; it stands in .env")
			notes[1] = ""
		}
		for _, note := range notes {
			if says == "" && note != "" || !strings.Contains(note, says) {
				t.Errorf("%s: notes %q, want %q", environ, note, says)
			}
		}
	}
}

// Files that lie there and are not read are said.
func TestFilesThatArePassedOver(t *testing.T) {
	for name, test := range map[string]struct {
		files []string
		says  []string
	}{
		"two names":             {[]string{"compose.yaml", "docker-compose.yml"}, []string{"docker-compose.yml is not read: compose.yaml is here too, and comes first"}},
		"two overrides":         {[]string{"compose.yml", "compose.override.yaml", "compose.override.yml"}, []string{"compose.override.yaml is not read: compose.override.yml is here too"}},
		"an override alone":     {[]string{"compose.override.yaml"}, []string{"compose.override.yaml is not read: there is no compose.yaml here"}},
		"above":                 {[]string{"../docker-compose.yml"}, []string{"../docker-compose.yml is not read: only this folder's own", "letta-dev up -f ../docker-compose.yml"}},
		"above a file":          {[]string{"compose.yaml", "../compose.yaml"}, nil},
		"one and its override":  {[]string{"docker-compose.yaml", "docker-compose.override.yml"}, nil},
		"others are not looked": {[]string{"other.yaml", "compose.yaml.bak"}, nil},
	} {
		files := map[string]string{}
		for _, f := range test.files {
			files[f] = server()
		}
		p, err := Load(t.Context(), Options{Dir: folder(t, files)})
		if err != nil {
			t.Fatal(err)
		}
		notes := filepath.ToSlash(strings.Join(p.Notes, "\n"))
		mustSay(t, notes, test.says...)
		if test.says == nil && notes != "" {
			t.Errorf("%s: notes %q", name, notes)
		}
	}
}

// What is there and cannot be read is an error, not an absence.
func TestBrokenLinks(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("making links needs a right here")
	}
	for _, test := range []struct{ link, content, says, hint string }{
		{"compose.yaml", "", "compose.yaml: cannot read the compose file: a symbolic link to what does not exist", "ls -l compose.yaml"},
		{"docker-compose.yaml", "", "docker-compose.yaml: cannot read", "ls -l docker-compose.yaml"},
		{"compose.override.yml", server(), "compose.override.yml: cannot read", "ls -l compose.override.yml"},
		{".env", "", ".env: cannot read the variables: a symbolic link to what does not exist", "ls -l .env"},
		{"x.env", server("env_file: [{path: x.env, required: false}]"), "x.env: cannot read the variables: a symbolic link", "ls -l x.env"},
	} {
		files := map[string]string{}
		if test.content != "" {
			files["compose.yaml"] = test.content
		}
		dir := folder(t, files)
		if err := os.Symlink("nowhere", filepath.Join(dir, test.link)); err != nil {
			t.Fatal(err)
		}
		_, err := Load(t.Context(), Options{Dir: dir})
		if err == nil {
			t.Errorf("%s: loaded", test.link)
			continue
		}
		mustSay(t, err.Error(), test.says)
		mustSay(t, hintOf(t, err), test.hint)
	}
}

// A file with settings alone configures the embedded stack.
func TestSettingsOfTheEmbeddedStack(t *testing.T) {
	const settings = "x-letta-dev:\n  hosts: [agents.localhost]\n  gzip: true\n"
	plain, err := Load(t.Context(), Options{Dir: folder(t, nil)})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		files map[string]string
		given []string
		want  string
	}{
		"settings alone":      {map[string]string{"compose.yaml": settings}, nil, DefaultName},
		"of an old name":      {map[string]string{"docker-compose.yml": "version: '3'\nx-other: {a: b}\n" + settings}, nil, DefaultName},
		"with a name":         {map[string]string{"compose.yaml": "name: mine\n" + settings}, nil, "mine"},
		"-f":                  {map[string]string{"s.yaml": settings}, []string{"s.yaml"}, DefaultName},
		"over another":        {map[string]string{"compose.yaml": "x-letta-dev: {hosts: [agents.localhost]}\n", "compose.override.yaml": "x-letta-dev: {gzip: true}\n"}, nil, DefaultName},
		"COMPOSE_FILE":        {map[string]string{"s.yaml": settings, ".env": "COMPOSE_FILE=s.yaml\n"}, nil, DefaultName},
		"says who the server": {map[string]string{"compose.yaml": settings + "  server: letta-server\n"}, nil, DefaultName},
	} {
		p, err := Load(t.Context(), Options{Dir: folder(t, test.files), Files: test.given})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if p.Name != test.want || len(p.Files) > 0 || !slices.Equal(p.Settings.Hosts, []string{"agents.localhost"}) || !p.Settings.Policy.Gzip {
			t.Errorf("%s: %+v", name, p)
		}
		if test.want == DefaultName && !reflect.DeepEqual(p.Services, plain.Services) {
			t.Errorf("%s: services %+v, not those of the embedded stack", name, p.Services)
		}
	}
	for content, says := range map[string]string{
		"x-lettadev:\n  hosts: [a]\n":            `compose.yaml:1: x-lettadev is not a key of compose files: did you mean "x-letta-dev"?`,
		"x-letta_dev:\n  hosts: [a]\n":           `did you mean "x-letta-dev"?`,
		"x-leta-dev:\n  hosts: [a]\n":            `did you mean "x-letta-dev"?`,
		"x-letta-dev:\n  hostss: [a]\n":          `compose.yaml:2: x-letta-dev.hostss is not a setting of letta-dev: did you mean "hosts"?`,
		"x-letta-dev:\n  server: web\n":          `compose.yaml:2: x-letta-dev.server: there is no service "web"`,
		"services: {}\n" + settings:              "compose.yaml:1: services: there is no service to run",
		settings + "volumes: {v: }\n":            "compose.yaml:1: services: there is no service to run",
		"name: mine\n":                           "compose.yaml:1: services: there is no service to run",
		"x-letta-dev: {}\nservice: {a: {b: c}}":  `compose.yaml:2: service is not a key of compose files: did you mean "services"?`,
		"x-other: {}\n":                          "compose.yaml:1: services: there is no service to run",
		"x-letta-dev: {}\n<<: {services: {a: }}": "compose.yaml:2: services.a: it names no image",
	} {
		err, _ := refused(t, content)
		mustSay(t, err.Error(), says)
	}
}
