package truststore

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/certstest"
	"github.com/letta-dev/letta-dev/certs/host"
)

// managed is a machine with these browsers, whose commands are run for real below a folder of the test's.
func managed(t *testing.T, browsers ...string) host.Env {
	t.Helper()
	env := certstest.RealEnv(t)
	env.LookPath = certstest.FakeEnv(t, "linux", &certstest.Recorder{}, browsers...).LookPath
	return env
}

func TestPoliciesOfTheBrowsersThatAreThere(t *testing.T) {
	env := managed(t, "chromium", "microsoft-edge", "firefox-esr")
	certstest.Write(t, env.InRoot("/etc/brave/policies/managed/letta-dev.json"), 0o644, "{}") // the browser itself is gone
	var got []string
	for _, s := range Stores(env, Policies) {
		got = append(got, s.Name()+" "+strings.TrimPrefix(s.(*policyStore).file, env.Root))
	}
	want := []string{"Chromium policy /etc/chromium/policies/managed/letta-dev.json", "Edge policy /etc/opt/edge/policies/managed/letta-dev.json",
		"Brave policy /etc/brave/policies/managed/letta-dev.json", "Firefox policy /etc/firefox/policies/policies.json"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	for _, goos := range []string{"darwin", "windows"} {
		env.GOOS = goos
		if got := Stores(env, Policies); len(got) != 0 {
			t.Errorf("%s: %v", goos, got)
		}
	}
}

// Both kinds of file come, are left alone when they are right, and go with everything that came with them.
func TestPoliciesComeAndGo(t *testing.T) {
	a, older := openTest(t, certs.Options{}), openTest(t, certs.Options{})
	for _, browser := range []string{"chromium", "firefox"} {
		t.Run(browser, func(t *testing.T) {
			env := managed(t, browser)
			stores := Stores(env, Policies)
			wantState(t, stores[0], a.Root(), Absent)
			certstest.Must(t, stores[0].Change(t.Context(), ToInstall, older.Root()))
			r := Install(t.Context(), a, stores, nil)[0]
			if r.After != Trusted || r.Known != ByBundle || r.Err != nil || len(r.Stale) != 1 || !r.Stale[0].Equal(older.Root().Certificate) {
				t.Fatalf("trust: %+v", r)
			}
			if r := Install(t.Context(), a, stores, nil)[0]; r.Err != nil || len(r.Commands) != 0 {
				t.Fatalf("trust again: %+v", r)
			}
			certstest.Must(t, os.RemoveAll(a.Dir())) // what is ours is known by what it is
			if r := Uninstall(t.Context(), certs.Claim{}, stores, nil)[0]; r.Err != nil || len(r.Commands) == 0 {
				t.Fatalf("untrust: %+v", r)
			}
			if left, err := os.ReadDir(env.InRoot("/etc")); err != nil || len(left) != 0 {
				t.Errorf("left: %v, %v", left, err)
			}
			if r := Uninstall(t.Context(), certs.Claim{}, stores, nil)[0]; r.Err != nil || len(r.Commands) != 0 {
				t.Fatalf("untrust again: %+v", r)
			}
		})
		a = openTest(t, certs.Options{})
	}
}

// mkcert's root bears no mark of ours in itself: it is known by the file that it is in.
func TestPoliciesOfMkcertsRootComeAndGo(t *testing.T) {
	a, env := openTest(t, certs.Options{CAROOT: certstest.FakeCAROOT(t)}), managed(t, "chromium", "firefox")
	stores := Stores(env, Policies)
	for _, r := range Install(t.Context(), a, stores, nil) {
		if r.After != Trusted || r.Err != nil {
			t.Errorf("trust: %+v", r)
		}
	}
	for _, r := range Uninstall(t.Context(), certs.Claim{}, stores, nil) {
		if r.After != Absent || r.Err != nil || len(r.Commands) == 0 {
			t.Errorf("untrust: %+v", r)
		}
	}
	if left := filesIn(t, env.Root); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

// A folder with anything of others in it stays, and so does one in which a link of theirs is.
func TestPoliciesLeaveFoldersOfOthers(t *testing.T) {
	a := openTest(t, certs.Options{})
	for _, other := range []string{"/etc/chromium/policies/managed/corporate.json", "/etc/chromium/master_preferences"} {
		env := managed(t, "chromium")
		certstest.Write(t, env.InRoot(other), 0o644, "{}")
		stores := Stores(env, Policies)
		certstest.Must(t, stores[0].Change(t.Context(), ToInstall, a.Root()))
		if r := Uninstall(t.Context(), certs.Claim{Authority: a}, stores, nil)[0]; r.Err != nil {
			t.Errorf("%+v", r)
		}
		if left := filesIn(t, env.Root); len(left) != 1 || !host.Exists(filepath.Dir(env.InRoot(other))) || host.Exists(env.InRoot("/etc/chromium/policies/managed")) != strings.Contains(other, "managed") {
			t.Errorf("left: %q", left)
		}
	}
}

func filesIn(t *testing.T, dir string) []string {
	t.Helper()
	var found []string
	certstest.Must(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			found = append(found, path)
		}
		return err
	}))
	return found
}

const corporate = `{"policies": {"DisableTelemetry": true, "Big": 12345678901234567890, "Html": "<a&b>",
	"Certificates": {"ImportEnterpriseRoots": false, "Install": ["/opt/corporate.pem", 7]}}, "other": [1, {"deep": null}]}`

// The administrator's file keeps all that is not ours, through a link too.
func TestPoliciesOfOthersSurvive(t *testing.T) {
	a := openTest(t, certs.Options{})
	env := managed(t, "firefox")
	real, file := env.InRoot("/srv/firefox.json"), env.InRoot("/etc/firefox/policies/policies.json")
	certstest.Write(t, real, 0o644, corporate)
	certstest.Must(t, os.MkdirAll(filepath.Dir(file), 0o755))
	certstest.Must(t, os.Symlink(real, file))
	stores := Stores(env, Policies)
	if r := Install(t.Context(), a, stores, nil)[0]; r.After != Trusted || r.Err != nil {
		t.Fatalf("trust: %+v", r)
	}
	during := certstest.Read(t, real)
	for _, word := range []string{`"DisableTelemetry": true`, "12345678901234567890", "<a&b>", `"/opt/corporate.pem",`, "7,", `"deep": null`} {
		if !bytes.Contains(during, []byte(word)) {
			t.Errorf("%s is lost in %s", word, during)
		}
	}
	if r := Uninstall(t.Context(), certs.Claim{Authority: a}, stores, nil)[0]; r.After != Absent || r.Err != nil {
		t.Fatalf("untrust: %+v", r)
	}
	if info, err := os.Lstat(file); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v", err)
	}
	if after := certstest.Read(t, real); !reflect.DeepEqual(meaning(t, after), meaning(t, []byte(corporate))) {
		t.Errorf("left\n%s", after)
	}
}

func meaning(t *testing.T, data []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	certstest.Must(t, d.Decode(&v))
	return v
}

// A file that cannot be understood is refused with the place, and stays.
func TestPoliciesThatAreBroken(t *testing.T) {
	a := openTest(t, certs.Options{})
	for content, says := range map[string]string{
		"{\n \"policies\": {,}\n}": "line 2: ",
		"// comment\n{}":           "line 1: ",
		"":                         "line 1: ",
		"[]":                       "cannot unmarshal array",
		"null":                     "null where an object should be",
		`{"policies":{"Certificates":{"Install":"x"}}}`: "cannot unmarshal string",
		"{\"a\":\"\xff\"}": "not UTF-8",
	} {
		env := managed(t, "firefox")
		file := env.InRoot("/etc/firefox/policies/policies.json")
		certstest.Write(t, file, 0o644, content)
		r := Install(t.Context(), a, Stores(env, Policies), nil)[0]
		certstest.WantHint(t, r.Err, says, file)
		if r.After != Unavailable {
			t.Errorf("%q: %+v", content, r)
		}
		if r := Uninstall(t.Context(), certs.Claim{Authority: a}, Stores(env, Policies), nil)[0]; r.Err != nil || len(r.Commands) > 0 {
			t.Errorf("%q: %+v", content, r) // nothing of ours was in it
		}
		if got := string(certstest.Read(t, file)); got != content {
			t.Errorf("%q became %q", content, got)
		}
	}
}

// One that may hold our root is not passed over.
func TestPoliciesThatAreBrokenAndOurs(t *testing.T) {
	env := managed(t, "chromium", "firefox")
	stores := Stores(env, Policies)
	certstest.Write(t, stores[0].(*policyStore).file, 0o644, `{"CACertificates": [`)
	certstest.Write(t, stores[1].(*policyStore).file, 0o644, `{"policies": {"Certificates": {"Install": ["/etc/firefox/policies/letta-dev_development_CA_1.pem"`)
	for _, r := range Uninstall(t.Context(), certs.Claim{}, stores, nil) {
		certstest.WantHint(t, r.Err, "line 1", r.Where)
	}
}

// Chromium takes a policy from one file: a list of ours would put out that of the administrator.
func TestPoliciesDoNotHideThoseOfOthers(t *testing.T) {
	a := openTest(t, certs.Options{})
	env := managed(t, "chromium")
	theirs := env.InRoot("/etc/chromium/policies/managed/corporate.json")
	certstest.Write(t, env.InRoot("/etc/chromium/policies/managed/other.json"), 0o644, `{"HomepageLocation": "https://example.com"}`)
	certstest.Write(t, theirs, 0o644, `{"CACertificates": ["`+base64.StdEncoding.EncodeToString(certstest.SelfSigned(t, "another company").Raw)+`"]}`)
	stores := Stores(env, Policies)
	certstest.WantHint(t, Install(t.Context(), a, stores, nil)[0].Err, theirs+" has CACertificates already", "openssl x509 -outform DER")
	certstest.Must(t, os.Remove(theirs))
	if r := Install(t.Context(), a, stores, nil)[0]; r.After != Trusted || r.Err != nil {
		t.Errorf("%+v", r)
	}
}

// An ordinary user gets the commands, content and all.
func TestPoliciesNeedRoot(t *testing.T) {
	a := openTest(t, certs.Options{})
	env := managed(t, "chromium", "firefox")
	env.UID = 1000
	for i, r := range Install(t.Context(), a, Stores(env, Policies), nil) {
		want := []string{"printf %s '{\n  \"CACertificates\": [\n", "sudo install -D -m 0644 /dev/stdin " + env.InRoot("/etc/firefox/policies/letta-dev_development_CA_")}[i]
		certstest.WantHint(t, r.Err, "root rights", want)
		certstest.WantHint(t, r.Err, "root rights", " && sudo mv -f -- "+r.Where+".letta-dev "+r.Where)
	}
	if left := filesIn(t, env.Root); len(left) != 0 {
		t.Errorf("begun all the same: %q", left)
	}
}

// A file that names a root of ours among others, or one that is gone, is somebody else's; but for a copy that we made.
func TestPoliciesKnowOursByItsCertificate(t *testing.T) {
	a := openTest(t, certs.Options{})
	env := managed(t, "firefox")
	dir := env.InRoot("/etc/firefox/policies")
	both, der := env.InRoot("/both.pem"), env.InRoot("/root.der")
	certstest.Write(t, both, 0o644, certstest.PEM(a.Root().Certificate.Raw, certstest.SelfSigned(t, "another company").Raw))
	certstest.Write(t, der, 0o644, string(a.Root().Certificate.Raw))
	list := []string{both, "/gone.pem", "corporate.pem", dir + "/letta-dev_development_CA_1.pem", der, dir + "/other.pem"}
	entries := []policyEntry{}
	for _, path := range list {
		entries = append(entries, fileEntry(path))
	}
	store := Stores(env, Policies)[0].(*policyStore)
	content, err := withPolicyList(nil, store.keys, entries)
	certstest.Must(t, err)
	certstest.Write(t, store.file, 0o644, content)
	wantState(t, store, a.Root(), Trusted)
	certstest.Must(t, store.Change(t.Context(), ToUninstall, certs.Root{}))
	_, left, err := store.read(certs.Root{})
	certstest.Must(t, err)
	var names []string
	for _, e := range left {
		names = append(names, strings.Trim(string(e.raw), `"`))
	}
	if want := []string{both, "/gone.pem", "corporate.pem", dir + "/other.pem"}; !slices.Equal(names, want) {
		t.Errorf("left %q", names)
	}
	if !host.Exists(der) {
		t.Error("somebody's file is gone")
	}
}

// A relative path is not for us to follow: Firefox looks for it in folders of its own.
func TestPoliciesThatAreRelative(t *testing.T) {
	a := openTest(t, certs.Options{})
	env := managed(t, "firefox")
	store := Stores(env, Policies)[0].(*policyStore)
	t.Chdir(env.Root)
	certstest.Write(t, "rootCA.pem", 0o644, string(certstest.Read(t, a.Root().Path)))
	content, err := withPolicyList(nil, store.keys, []policyEntry{fileEntry("rootCA.pem")})
	certstest.Must(t, err)
	certstest.Write(t, store.file, 0o644, content)
	wantState(t, store, a.Root(), Absent)
	if commands, err := store.Commands(t.Context(), ToUninstall, a.Root()); err != nil || len(commands) > 0 {
		t.Errorf("%q, %v", certstest.Lines(commands), err)
	}
}

// Whatever the file: it is refused, or an element goes in at the end of the list and out again, and nothing else changes.
func FuzzPolicyList(f *testing.F) {
	f.Add(corporate)
	f.Add(`{"policies":{"Certificates":{"Install":[]},"Certificates":{"x":1}}}`)
	f.Add(`{"policies":null}`)
	f.Add(`{}`)
	keys := []string{"policies", "Certificates", "Install"}
	f.Fuzz(func(t *testing.T, data string) {
		before, err := parsePolicyList([]byte(data), keys)
		if err != nil {
			return
		}
		var entries []policyEntry
		for _, raw := range before {
			entries = append(entries, policyEntry{raw: raw})
		}
		added, err := withPolicyList([]byte(data), keys, append(slices.Clip(entries), fileEntry("/ours.pem")))
		if err != nil {
			t.Fatalf("read, and not written: %v", err)
		}
		list, err := parsePolicyList([]byte(added), keys)
		if err != nil || len(list) != len(before)+1 || string(list[len(before)]) != `"/ours.pem"` {
			t.Fatalf("added: %s, %v", added, err)
		}
		removed, err := withPolicyList([]byte(added), keys, entries)
		if err != nil {
			t.Fatal(err)
		}
		if removed == "" {
			removed = "{}"
		}
		if got, want := pruned(meaning(t, []byte(removed)), keys), pruned(meaning(t, []byte(data)), keys); !reflect.DeepEqual(got, want) {
			t.Fatalf("%s became %s", data, removed)
		}
	})
}

// pruned takes away what is empty along keys: to a browser it is as if it were not there.
func pruned(v any, keys []string) any {
	object, ok := v.(map[string]any)
	if len(keys) == 0 || !ok {
		return v
	}
	switch child := pruned(object[keys[0]], keys[1:]).(type) {
	case nil:
		delete(object, keys[0])
	case []any:
		if len(child) == 0 {
			delete(object, keys[0])
		}
	case map[string]any:
		if len(child) == 0 {
			delete(object, keys[0])
		}
	}
	return object
}
