package compose

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/template"
)

// A variable that is not set is told with its place, once, and nothing is shown that may be a secret. One with a default, in a
// comment, or in what means itself, is not.
func TestVariablesThatAreNotSet(t *testing.T) {
	for name, test := range map[string]struct {
		stack, dotenv, env string
		says               []string // in the warning; none: no warning
	}{
		"a host in .env":       {server(), "A=1\nOLLAMA_BASE_URL=http://${HOSTX}:11434\n", "", []string{"counts as empty: HOSTX (.env:2); set it in a line above or in the environment"}},
		"a password in .env":   {server(), "LETTA_SERVER_PASSWORD=\"abc$def\"\n", "", []string{"counts as empty: $… (.env:1)", "single quotes"}},
		"over lines":           {server(), "A=\"x\n${B}\n$C\"\n", "", []string{"B (.env:2), $… (.env:3);"}},
		"twice in a line":      {server(), "A=${B}${B}\nC=${B}\n", "", []string{"empty: B (.env:1), B (.env:2);"}},
		"itself":               {server(), "P=${P}:/x\n", "", []string{"empty: P (.env:1);"}},
		"in a default":         {server(), "A=${B:-${C}}\n", "", []string{"empty: C (.env:1);"}},
		"an env_file":          {server("env_file: a.env"), "", "X=${N}\n", []string{"empty: N (a.env:1);"}},
		"compose.yaml":         {server("hostname: h$HOSTX", "environment: {URL: 'http://${HOSTY}:1'}"), "", "", []string{"empty: HOSTX (compose.yaml:4), HOSTY (compose.yaml:5); set it in .env or in the environment", "${NAME:-}", "$$"}},
		"in a script":          {server("command:", "  - |", "    a", "    echo $i"), "", "", []string{"empty: i (compose.yaml:7);"}},
		"through an alias":     {"x-a: &a {K: $N}\n" + server("environment: *a"), "", "", []string{"empty: N (compose.yaml:1);"}},
		"in a profile's":       {server() + "  o: {image: o, hostname: $N, profiles: [p]}\n", "", "", []string{"empty: N (compose.yaml:4);"}},
		"in settings":          {server() + "x-letta-dev: {headers: {request: {X-A: 'b$N'}}}\n", "", "", []string{"empty: N (compose.yaml:4);"}},
		"set, empty":           {server("hostname: h${A}${B}"), "A=\nB=\n", "", nil},
		"with a default":       {server("hostname: 'h${A:-}${A-}${A:+x}${A+x}'"), "B=${A:-x}${A-y}${A:+z}${A+z}\n", "", nil},
		"a default not needed": {server(), "A=1\nB=${A:-${N}}\n", "", nil},
		"no reference":         {server("hostname: h$$N"), "A='$N ${N}' # $N\n# ${N}\nB=x # ${N}\nC=\"\\$N\"\nD=$$N\n", "", nil},
		"octal escapes":        {server(), "C=1\nA=\"$A\\0070\n\\0044{B} \\\\0044C \\$\\0101\" D='\\0044C' E=\\0044F\n", "", []string{"empty: $… (.env:2), B (.env:3);"}},
		"set above":            {server(), "A=1\nB=$A\nC=\"x\" D=$C\n", "", nil},
	} {
		dir := folder(t, map[string]string{"compose.yaml": test.stack, ".env": test.dotenv, "a.env": test.env})
		var p *Project
		var err error
		if said := logged(func() { p, err = Load(t.Context(), Options{Dir: dir}) }); said != "" {
			t.Errorf("%s: compose-go logged %q", name, said)
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		all := strings.Join(p.Warnings, "\n")
		mustSay(t, all, test.says...)
		if test.says == nil && len(p.Warnings) > 0 || test.says != nil && len(p.Warnings) != 1 || strings.Contains(all, "def)") {
			t.Errorf("%s: warnings %q", name, p.Warnings)
		}
	}
}

// What else docker compose warns of, where we take it as well.
func TestWarningsOfDockerCompose(t *testing.T) {
	for stack, says := range map[string]string{
		"version: '3'\n" + server(): "compose.yaml:1: version is obsolete and means nothing: take it out",
		server("init: yes"):         "compose.yaml:4: services.letta.init: true and false are the only booleans of YAML 1.2; this one is read as true",
		server("volumes: ['vol:/v']") + "volumes: {vol: {external: 'off'}}\n": "compose.yaml:5: volumes.vol.external: true and false are the only booleans of YAML 1.2; this one is read as false",
		server("volumes: ['~/x:/x']"):                                         "compose.yaml:4: a path begins with ~, and HOME is not set: it is taken for a folder named ~ in ",
		server("init: true", "healthcheck: {disable: False}"):                 "",
	} {
		p := loaded(t, stack)
		mustSay(t, strings.Join(p.Warnings, "\n"), says)
		if len(p.Warnings) != min(len(says), 1) {
			t.Errorf("%q: warnings %q", stack, p.Warnings)
		}
	}
	dir := folder(t, map[string]string{"compose.yaml": server()})
	link := filepath.Join(filepath.Dir(dir), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Skip(err)
	}
	p, err := Load(t.Context(), Options{Dir: link})
	if err != nil || len(p.Notes) != 1 {
		t.Fatalf("%v, %v", p, err)
	}
	mustSay(t, p.Notes[0], "the project is named link after the symbolic link "+link)
}

// FuzzExpand holds the law that a text means what it means to compose-go, that the variables it warns of are those we find not set,
// and that with us it warns of none.
func FuzzExpand(f *testing.F) {
	for _, seed := range []string{
		"$N${N}$$N", "${S:-$N}", "${N:-$M}-${S}", "${N-${M}}${", "{$N}", "{{$N} ${N} }", "${N:?$M $$N}", "${S+$N}$1", "a\n${N:-$M\n}$E", "${N} ${S:?m} }", "$N_${n}ſ$K", "${n}b", "${A+$A", "${A+{}$A", "${A-${A}$A", "${R:?m}\n${A-${A}$A", "${E:-$N}${E-$N}", "$probe0_0",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		lookup := template.Mapping(func(name string) (string, bool) {
			value, ok := map[string]string{"S": "$N", "E": "", "s": "probe0_"}[name]
			return value, ok
		})
		var want, got string
		var wantErr, err error
		var unset []unsetReference
		warned := warnedOf(logged(func() { want, wantErr = template.Substitute(text, lookup) }))
		if said := logged(func() { got, unset, err = expand(text, lookup, lookup, nil, template.Substitute) }); said != "" {
			t.Fatalf("%q logged %q", text, said)
		}
		if (err == nil) != (wantErr == nil) || err == nil && got != want {
			t.Fatalf("%q: %q, %v; want %q, %v", text, got, err, want, wantErr)
		}
		names := unsetNames(unset)
		if slices.Sort(names); err == nil && !slices.Equal(slices.Compact(names), warned) {
			t.Fatalf("%q: not set %q, want %q", text, names, warned)
		}
	})
}
