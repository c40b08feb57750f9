package compose

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/joho/godotenv"
)

func readText(t testing.TB, text string, environ map[string]string) (vars map[string]string, notes []string, err error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), ".env")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	vars = map[string]string{}
	notes, _, err = readDotenv(".env", path, vars, func(k string) (string, bool) { v, ok := environ[k]; return v, ok })
	return vars, notes, err
}

func TestDotenv(t *testing.T) {
	environ := map[string]string{"HOME": "/home/me", "EMPTY": ""}
	for text, want := range map[string]map[string]string{
		"A=1\nB = 2\n\n# C=3\nexport D=4":       {"A": "1", "B": "2", "D": "4"},
		"A='x # y'\nB=x # y\nC=\"l1\nl2\"\nD=4": {"A": "x # y", "B": "x", "C": "l1\nl2", "D": "4"},
		"A=1\nB=$A-${A}-${HOME}\nC='$A'":        {"A": "1", "B": "1-1-/home/me", "C": "$A"},
		"A=${U:-def}\nB=${U-d}\nC=${EMPTY:-e}":  {"A": "def", "B": "d", "C": "e"},
		"A=\nB=''\nC=\"\"":                      {"A": "", "B": "", "C": ""},
		"A=1\nA=2":                              {"A": "2"},
		"HOME\nNOWHERE\n":                       {"HOME": "/home/me"},
		"\uFEFFA=1\r\nB=2\r\n":                  {"A": "1", "B": "2"},
		"A=\"x\" B=2":                           {"A": "x", "B": "2"},
		"":                                      {},
	} {
		vars, _, err := readText(t, text, environ)
		if err != nil || !maps.Equal(vars, want) {
			t.Errorf("%q: got %q, %v; want %q", text, vars, err, want)
		}
	}
}

// Where godotenv reads something else, compose-go's reading counts, and a note names the key and never the value.
func TestDotenvDisagreements(t *testing.T) {
	for text, key := range map[string]string{
		"X=1\nKEY=${V:-secret}":     ".env:2: other programs read this line differently",
		"KEY=secret$w0rd":           ".env:1: other programs read this line differently",
		"A=\"1\n2\"\nKEY=a$$secret": ".env:3: other programs read this line differently",
		"secret-key\n":              ".env:1: a line without = takes the variable of that name from the environment, which has none",
		"U\n":                       ".env:1: other programs read this line differently",
		"\nexport KEY: $secret":     ".env:2: other programs read this line differently",
		"KEY=${U:?secret}":          ".env:1: other programs read this line differently",
	} {
		_, notes, err := readText(t, text, map[string]string{"U": "1"})
		if err != nil || len(notes) != 1 {
			t.Fatalf("%q: notes %q, %v", text, notes, err)
		}
		mustSay(t, notes[0], key)
		if strings.Contains(notes[0], "secret") {
			t.Errorf("%q: the note holds the value: %s", text, notes[0])
		}
	}
	if _, notes, err := readText(t, "A=${HOME}/x\nB='p$w'\nC=\"$A\"\n", map[string]string{"HOME": "/h"}); len(notes) > 0 || err != nil {
		t.Errorf("notes %q, %v for lines that mean the same everywhere", notes, err)
	}
}

func TestDotenvBomb(t *testing.T) {
	text := "A=aaaaaaaaaa\n"
	for c := 'B'; c < 'Z'; c++ {
		text += fmt.Sprintf("%c=%s\n", c, strings.Repeat(fmt.Sprintf("$%c", c-1), 10))
	}
	_, _, err := readText(t, text, nil)
	if err == nil {
		t.Fatal("read")
	}
	mustSay(t, err.Error(), ".env:6: the variables in it come to more than 256 KiB")
}

// A .env file holds secrets: its mistakes are shown by line, and without the line.
func TestDotenvMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"A=1\nB=\"secret\nC=3\n":      ".env:2: a quote is opened and not closed",
		"A=\"1\n2\"\n\nB='secret":     ".env:4: a quote is opened and not closed",
		"A=1\nsecret key=1\n":         ".env:2: a space in the variable's name",
		"A=1\nKEY secret\nB=2\n":      ".env:2: no = between the variable's name and its value",
		"A=1\nexport KEY secret\n":    ".env:2: no = between the variable's name and its value",
		"A=1\nKEY se+cret\nB=2\n":     ".env:2: no = between the variable's name and its value",
		"A=1\n\n# c\nse+cret=1\n":     ".env:4: a variable's name has letters",
		"A=\"1\n2\n3\"\nB=${secret\n": ".env:4: a value with ${ that cannot be read",
		"A=1\nB=${secret:?secret}\n":  ".env:2: a variable that is required here is not set",
		"A=1\n=secret":                ".env:2: no NAME= at the start of the line",
		"A=1\nsecret":                 ".env:2: no NAME= at the start of the line",
	} {
		_, _, err := readText(t, text, nil)
		if err == nil {
			t.Errorf("%q: no error", text)
			continue
		}
		mustSay(t, err.Error(), want)
		mustSay(t, hintOf(t, err), "correct .env:")
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: the message holds what the line says: %v", text, err)
		}
	}
}

func TestDotenvThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	big := filepath.Join(dir, "big")
	if err := os.WriteFile(big, []byte(strings.Repeat("A=1\n", maxDotenvBytes/4+1)), 0o600); err != nil {
		t.Fatal(err)
	}
	none := filepath.Join(dir, "none")
	for path, want := range map[string][2]string{
		dir: {"not a file", "ls -ldL my.env"}, big: {"larger than 64 KiB", "ls -ldL my.env"}, none: {"no such file", "touch " + none},
	} {
		_, _, err := readDotenv("my.env", path, map[string]string{}, nil)
		var file *FileError
		if !errors.As(err, &file) || file.File != "my.env" {
			t.Fatalf("got %v", err)
		}
		mustSay(t, err.Error(), "my.env: cannot read the variables: "+want[0])
		mustSay(t, hintOf(t, err), want[1])
	}
}

// FuzzDotenv holds three laws: statement by statement means what the whole text means to compose-go, the variables that it warns of
// are those that we find not set, and where no note says otherwise the whole text means the same to godotenv.
func FuzzDotenv(f *testing.F) {
	for _, seed := range []string{
		"A=1\nB=${A:-x}", "A='1\n2' B=\"3\"", "export A: b # c", "A=\"\\$x\\n\"\r\n", "A", "A\n", "=1", "A=$B$$C", "\uFEFFA=1", "A=\"x\n\n#\"\n'", "=\"$A\\0070\\0044B\"",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		text = strings.TrimPrefix(text, "\uFEFF")
		nobody := func(string) (string, bool) { return "", false }
		ours := map[string]string{}
		var statements []dotenvStatement
		var line int
		var err, wholeErr error
		var whole map[string]string
		var noted []string
		if said := logged(func() {
			statements, line, err = parseDotenv(text, ours, nobody)
			for _, s := range statements {
				noted = append(noted, unsetNames(s.unset)...)
			}
			_ = remarks(".env", statements, nobody)
		}); said != "" {
			t.Fatalf("logged %q", said)
		}
		warned := warnedOf(logged(func() { whole, wholeErr = dotenv.UnmarshalWithLookup(text, nil) }))
		if _, nameless := whole[""]; nameless && wholeErr == nil {
			wholeErr = errors.New("nameless")
		}
		if (err == nil) != (wholeErr == nil) {
			t.Fatalf("statement by statement: %v; whole: %v", err, wholeErr)
		}
		if err != nil {
			if line < 1 || line > strings.Count(text, "\n")+1 {
				t.Fatalf("line %d of %q", line, text)
			}
			return
		}
		if !maps.Equal(ours, whole) {
			t.Fatalf("statement by statement %q; whole %q", ours, whole)
		}
		if slices.Sort(noted); !slices.Equal(slices.Compact(noted), warned) {
			t.Fatalf("not set: %q here, %q for compose-go", noted, warned)
		}
		if strings.Count(text, "$") > 8 || len(remarks(".env", statements, nobody)) > 0 {
			return
		}
		if theirs, err := godotenv.Unmarshal(text); err != nil || !maps.Equal(theirs, whole) {
			t.Fatalf("no note: %q here, %q, %v for godotenv", whole, theirs, err)
		}
	})
}
