package compose

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

// A later env file wins over an earlier one, and its own lines name its own values.
func TestEnvFilesNameOneAnother(t *testing.T) {
	dir := folder(t, map[string]string{
		"compose.yaml": server("env_file: [a.env, b.env]", "environment: {HERE: here, EARLY: , OUT: }"),
		"a.env":        "HOST=base\nA=a-${HOST}\nHERE=a\n", "b.env": "HOST=prod\nURL=http://${HOST}/${A}\nX=${HERE}-${EARLY}-${OUT}\nEARLY=b\nY=${EARLY}\n",
	})
	p, err := Load(t.Context(), Options{Dir: dir, Environ: []string{"OUT=out"}})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"HOST": "prod", "A": "a-base", "URL": "http://prod/a-base", "HERE": "here", "X": "here--out", "OUT": "out", "Y": "b"}
	if got := p.Server().Environment; !maps.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// pieces are what env files are made of, and what people write by mistake.
func pieces() (keys, values, ends []string) {
	keys = []string{"A", "B", "C", "HOST", "export A", "export  B", " C", "A ", "\tB", "d.e", "f-g", "H[0]", "9", "É", "OUT", "EMPTY", "HERE"}
	values = []string{
		"=1", "=", "= x", " = x", "=x y", "=x # y", "=x#y", "=#y", "='x # y'", `="x # y"`, "='$A'", `="$A"`, "=$A", "=${A}", "=$A$B", "=${A}-${HOST}", "=$$A", `=\$A`, `="\$A"`, `="$$A"`,
		"=${A:-d}", "=${A-d}", "=${EMPTY:-d}", "=${EMPTY-d}", "=${NONE:-${A}}", "=${NONE:-}", "=${A:+y}", "=${A+y}", "=${NONE:+y}", "=${EMPTY+y}", "=${EMPTY:+y}", "=${NONE:?m}", "=${EMPTY?m}",
		"=${OUT:?m}", "=${", "=${}", "=$", "=a$", "=$1", "=${A", `="a`, "='a", `="a\nb"`, `="a\\nb"`, "='a\\nb'", `="a\"b"`, `='a\'b'`, `="it's"`, `='say "hi"'`, "=\"l1\nl2\"", "='l1\n\nA=2'",
		"=\"l1\r\nl2\"", `="x" # y`, `="x"y`, `="x" Z=2`, ": y", ":y", "=a=b", "==", "=a:b", "=http://h/?a=b&c#d", `="\t\0101\x41"`, "=`ls`", "=$(ls)", "=\u00a0x", "=x\t", "=日本", "", " ", " # c", "=${A:-'q'}",
		"=%41", "=!x", `=\`, `="\`, "=a\\", `="${A:-"q"}"`, "=${HERE}", "=${OUT}", "={\"a\": \"b\"}", `='{"a": "b"}'`, "=$A_B", "=${a}", "=${A:-$B}",
	}
	ends = []string{"\n", "\n", "\n", "\n\n", "\r\n", "\n# c\n", "\n  # it's \"c\n", " \n"}
	return keys, values, ends
}

// Wherever compose-go and we read one env file, the values are the same, and what it refuses is refused.
func TestEnvFilesAgreeWithDockerCompose(t *testing.T) {
	keys, values, ends := pieces()
	random := rand.New(rand.NewPCG(11, 7))
	pick := func(list []string) string { return list[random.IntN(len(list))] }
	var texts []string
	for _, v := range values { // each alone, in the middle and at the end of a file
		texts = append(texts, "A=1\nB"+v+"\nHOST=2\n", "B"+v, "\uFEFFB"+v+"\r\n")
	}
	for _, k := range keys {
		texts = append(texts, k+"=1\n", k, k+"\n")
	}
	for range 250 {
		var b strings.Builder
		if random.IntN(8) == 0 {
			b.WriteString("\uFEFF")
		}
		for range 1 + random.IntN(5) {
			b.WriteString(pick(keys) + pick(values) + pick(ends))
		}
		texts = append(texts, b.String())
	}
	good := 0
	for _, first := range texts {
		second := pick(texts)
		good += agree(t, first, second)
	}
	if good < len(texts)/4 {
		t.Errorf("only %d of %d pairs could be read at all", good, len(texts))
	}
}

// agree reads two env files as those of a service, and as those of the project. It counts the pairs that both could read.
func agree(t *testing.T, first, second string) (good int) {
	t.Helper()
	dir := folder(t, map[string]string{"a.env": first, "b.env": second, "compose.yaml": server("env_file: [a.env, b.env]", "environment: {HERE: here, OUT: , EMPTY: ''}")})
	environ := []string{"OUT=out", "EMPTY="}
	env := types.Mapping{"OUT": "out", "EMPTY": "", "PWD": dir}
	ours, err := Load(t.Context(), Options{Dir: dir, Environ: environ})
	var theirs *types.Project
	var theirErr error
	logged(func() {
		theirs, theirErr = loader.LoadWithContext(t.Context(), types.ConfigDetails{
			WorkingDir: dir, Environment: env, ConfigFiles: []types.ConfigFile{{Filename: filepath.Join(dir, "compose.yaml")}},
		}, func(o *loader.Options) { o.SetProjectName("p", true) })
	})
	if theirErr == nil {
		for _, file := range []string{first, second} { // a variable without a name, which no engine takes
			if _, err := nameless(file); err != nil {
				theirErr = err
			}
		}
	}
	if (err == nil) != (theirErr == nil) {
		t.Fatalf("%q, %q: ours %v; compose-go's %v", first, second, err, theirErr)
	}
	if err == nil {
		good = 1
		want := map[string]string{}
		for k, v := range theirs.Services["letta"].Environment {
			if v != nil && *v != "" {
				want[k] = *v
			}
		}
		if got := ours.Server().Environment; !maps.Equal(got, want) {
			t.Fatalf("%q, %q:\n ours %q\ntheirs %q", first, second, got, want)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "compose.yaml"), []byte(server()), 0o600); err != nil {
		t.Fatal(err)
	}
	l := &loading{project: &Project{}, dir: dir}
	logged(func() {
		err = l.environment(Options{Environ: append(slices.Clone(environ), "COMPOSE_ENV_FILES=a.env,b.env")})
		env, theirErr = dotenv.GetEnvFromFile(env, []string{filepath.Join(dir, "a.env"), filepath.Join(dir, "b.env")})
	})
	for _, file := range []string{first, second} {
		if _, bad := nameless(file); bad != nil && theirErr == nil {
			theirErr = bad
		}
	}
	if (err == nil) != (theirErr == nil) {
		t.Fatalf("%q, %q as those of the project: ours %v; compose-go's %v", first, second, err, theirErr)
	}
	if err == nil && !maps.Equal(l.env.file, env) {
		t.Fatalf("%q, %q as those of the project:\n ours %q\ntheirs %q", first, second, l.env.file, env)
	}
	return good
}

// nameless finds the line without a NAME= at the end of a file, which compose-go takes for the value of a variable without a name.
func nameless(text string) (vars map[string]string, err error) {
	logged(func() {
		vars, err = dotenv.UnmarshalWithLookup(strings.TrimPrefix(text, "\uFEFF"), func(string) (string, bool) { return "x", true })
	})
	if _, bad := vars[""]; err == nil && bad {
		return nil, fmt.Errorf("%q: %w", text, errors.New("no name"))
	}
	return vars, nil
}
