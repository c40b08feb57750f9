package main

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/joho/godotenv"

	"github.com/letta-dev/letta-dev/certs/clientenv"
)

// evaluate has a shell take the variables, with the program and its arguments, and returns what it makes of each.
func evaluate(t *testing.T, text string, vars []clientenv.Variable, argv ...string) {
	t.Helper()
	if _, err := exec.LookPath(argv[0]); err != nil {
		t.Skip("NOT TESTED: that", argv[0], "reads what we write for it. It is not installed")
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdin = strings.NewReader(text)
	cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + t.TempDir(), "LC_ALL=C"}
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", argv, err, text)
	}
	got := strings.Split(string(out), "\x00")
	for _, v := range vars {
		if want := v.Name + "=" + v.Value; !slices.Contains(got, want) {
			t.Errorf("%s made of\n%s\n%q, want %q", argv[0], text, got, want)
		}
	}
}

// awkward are values that a path may have.
func awkward() []string {
	return []string{
		"", " ", "/a b", "it's", `"quoted"`, "$HOME", "${HOME}", "`id`", "$(id)", `\`, `ends in \`, `\'`, `\"`, `\n`, "a\nb\n", "\n", "a\r\nb", "\t",
		"#no comment", "a #b", "~", "*", "!!", "a;b", "a&b", "ünï", "\xff\xfe", "=", "'", `'"'`, "\x01\x7f", "%s%d", `C:\Users\me`, "export X=1", "é\u0085",
	}
}

func FuzzShells(f *testing.F) {
	for _, v := range awkward() {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if strings.Contains(value, "\x00") {
			t.Skip("no variable can hold it")
		}
		vars := []clientenv.Variable{{Name: "LETTA_X", Value: value}, {Name: "LETTA_Y", Value: value + "y"}}
		text, err := writeVariables("sh", vars)
		if err != nil {
			t.Fatal(err)
		}
		evaluate(t, text, vars, "sh", "-c", `eval "$(cat)"; exec env -0`)
		evaluateOthers(t, vars)
	})
}

// evaluateOthers looks at the formats that not every value can be written in: what is written has to be read back.
func evaluateOthers(t *testing.T, vars []clientenv.Variable) {
	if text, err := writeVariables("dotenv", vars); err == nil {
		got, err := godotenv.Unmarshal(text)
		if err != nil || len(got) != 2 || got["LETTA_X"] != vars[0].Value || got["LETTA_Y"] != vars[1].Value {
			t.Errorf("godotenv read %q as %q, %v", text, got, err)
		}
	}
	if text, err := writeVariables("json", vars); err == nil {
		var got map[string]string
		if err := json.Unmarshal([]byte(text), &got); err != nil || len(got) != 2 || got["LETTA_X"] != vars[0].Value {
			t.Errorf("JSON read %q as %q, %v", text, got, err)
		}
	}
}

func TestShells(t *testing.T) {
	for _, argv := range [][]string{
		{"bash", "--norc", "-c", `eval "$(cat)"; exec env -0`}, {"zsh", "-f", "-c", `eval "$(cat)"; exec env -0`}, {"fish", "--no-config", "-c", "source -; exec env -0"},
	} {
		t.Run(argv[0], func(t *testing.T) {
			var vars []clientenv.Variable
			for i, value := range awkward() {
				vars = append(vars, clientenv.Variable{Name: "LETTA_" + string(rune('A'+i%26)) + string(rune('A'+i/26)), Value: value})
			}
			format := "sh"
			if argv[0] == "fish" {
				format = "fish"
			}
			text, err := writeVariables(format, vars)
			if err != nil {
				t.Fatal(err)
			}
			evaluate(t, text, vars, argv...)
		})
	}
}

// Paths as people have them can be written as dotenv, and what cannot is an error that names the way out.
func TestDotenv(t *testing.T) {
	for value, want := range map[string]string{
		"/home/me/.local/roots.pem": "X=/home/me/.local/roots.pem\n", "/home/my name/a": "X='/home/my name/a'\n", "/it's": `X="/it's"` + "\n", "$HOME": "X='$HOME'\n",
		`C:\Users\me`: `X='C:\Users\me'` + "\n", "a\nb": "X='a\nb'\n",
	} {
		if got, err := writeVariables("dotenv", []clientenv.Variable{{Name: "X", Value: value}}); err != nil || got != want {
			t.Errorf("%q is written as %q, %v, want %q", value, got, err, want)
		}
	}
	for format, value := range map[string]string{"dotenv": ` it's \`, "json": "\xff"} {
		_, err := writeVariables(format, []clientenv.Variable{{Name: "X", Value: value}})
		if e := explain(err); !is[*unwritableError](err) || e.Hint != "letta-dev env --shell sh" {
			t.Errorf("%q as %s: %v", value, format, err)
		}
	}
}

func TestShellOf(t *testing.T) {
	for path, want := range map[string]string{"/usr/bin/fish": "fish", "/bin/zsh": "sh", "": "sh", "/fish/bash": "sh"} {
		if got := shellOf(path); got != want {
			t.Errorf("SHELL=%q is %q, want %q", path, got, want)
		}
	}
}

// The address is one that every program resolves, at a port that is served, under a name of the certificate.
func TestBaseURL(t *testing.T) {
	served := func(names []string, urls ...string) *liveStatus {
		live := &liveStatus{Certificate: &leafInfo{Names: names}}
		for _, u := range urls {
			live.URLs = append(live.URLs, serviceURL{URL: u})
		}
		return live
	}
	ours, own := []string{"letta.localhost", "localhost"}, []string{"*.example.test", "dev.example.test"}
	for _, c := range []struct {
		live *liveStatus
		tls  bool
		want string
	}{
		{nil, true, "https://localhost:8283"},
		{nil, false, "http://localhost:8283"},
		{served(ours, "https://letta.localhost", "https://localhost:8283", "wss://letta.localhost:8282"), true, "https://localhost:8283"},
		{served(ours, "https://localhost:4001", "https://localhost:4002"), true, "https://localhost:4001"},
		{served(ours, "https://letta.localhost", "wss://letta.localhost:8282"), true, "https://localhost"},
		{served(own, "https://letta.localhost", "https://localhost:8283"), true, "https://dev.example.test:8283"},
		{&liveStatus{URLs: []serviceURL{{URL: "http://localhost:8283"}}}, false, "http://localhost:8283"},
	} {
		if got := baseURL(c.live, c.tls); got != c.want {
			t.Errorf("%+v: %s, want %s", c.live, got, c.want)
		}
	}
}
