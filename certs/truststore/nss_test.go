package truststore

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/certstest"
)

// nssTest needs certutil and returns a store over a database of the test's own that is not made yet.
func nssTest(t *testing.T) *nssStore {
	t.Helper()
	certstest.RequireTool(t, "certutil")
	env := certstest.RealEnv(t)
	return &nssStore{env: env, name: "Chrome", dir: env.InHome(".local/share/pki/nssdb")}
}

func certutil(t *testing.T, s *nssStore, args ...string) {
	t.Helper()
	if _, err := s.env.Do(t.Context(), s.certutil(args...)); err != nil {
		t.Fatal(err)
	}
}

func TestNSSStore(t *testing.T) {
	s := nssTest(t)
	a := openTest(t, certs.Options{})
	root := a.Root()
	wantState(t, s, root, Absent)
	commands, err := s.Commands(t.Context(), ToInstall, root)
	certstest.Must(t, err)
	tool := certstest.RequireTool(t, "certutil") + " -d sql:" + s.dir
	certstest.WantLines(t, certstest.Lines(commands), "mkdir -p -m 0700 "+s.dir, tool+" -N --empty-password",
		tool+" -A -t C,, -n '"+root.Name()+"' < "+root.Path)

	for i := range 2 {
		r := Install(t.Context(), a, []Store{s}, nil)[0]
		if r.Err != nil || r.After != Trusted || (i == 0) != (len(r.Commands) == 3) {
			t.Fatalf("trust %d: %+v", i, r)
		}
	}
	if _, err := exec.LookPath("tstclnt"); err == nil {
		if r := Prove(t.Context(), certs.Claim{Authority: a}, []Store{s}, nil)[0]; r.Known != ByHandshake || r.Err != nil {
			t.Fatalf("proof: %+v", r)
		}
	}
	if r := Uninstall(t.Context(), certs.Claim{Authority: a}, []Store{s}, nil)[0]; r.Err != nil || r.After != Absent {
		t.Fatalf("untrust: %+v", r)
	}
	if r := Uninstall(t.Context(), certs.Claim{Authority: a}, []Store{s}, nil)[0]; r.Err != nil || len(r.Commands) != 0 {
		t.Fatalf("untrust again: %+v", r)
	}
}

// Firefox begins with profiles that have no database. Such a one trusts nothing of ours, and tstclnt need not be asked.
func TestNSSWithoutDatabase(t *testing.T) {
	s := nssTest(t)
	certstest.Must(t, os.MkdirAll(s.dir, 0o700))
	if r := Prove(t.Context(), certs.Claim{Authority: openTest(t, certs.Options{})}, []Store{s}, nil)[0]; r.After != Absent || r.Client != "" || r.Err != nil {
		t.Errorf("%+v", r)
	}
	if left := filesIn(t, s.dir); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

// An entry without trust bits is what a cancelled import leaves (mkcert#662): present, and good for nothing.
func TestNSSEntryWithoutTrust(t *testing.T) {
	s := nssTest(t)
	a := openTest(t, certs.Options{})
	certstest.Must(t, os.MkdirAll(s.dir, 0o700))
	certutil(t, s, "-N", "--empty-password")
	certutil(t, s, "-A", "-t", ",,", "-n", a.Root().Name(), "-i", a.Root().Path)
	wantState(t, s, a.Root(), Partial)
	if r := Prove(t.Context(), certs.Claim{Authority: a}, []Store{s}, nil)[0]; r.Err != nil || r.After != Partial {
		t.Fatalf("its clients accept it: %+v", r)
	}
	if r := Install(t.Context(), a, []Store{s}, nil)[0]; r.Err != nil || r.After != Trusted {
		t.Fatalf("trust: %+v", r)
	}
}

// Every root of ours goes, under whatever name; others stay.
func TestNSSUninstallByCertificate(t *testing.T) {
	s := nssTest(t)
	a, older := openTest(t, certs.Options{}), openTest(t, certs.Options{})
	certstest.Must(t, s.Change(t.Context(), ToInstall, a.Root()))
	certutil(t, s, "-A", "-t", "C,,", "-n", "imported by hand  C,C,C", "-i", older.Root().Path)
	foreign := filepath.Join(t.TempDir(), "foreign.pem")
	certstest.Write(t, foreign, 0o644, certstest.PEM(certstest.SelfSigned(t, "another company").Raw))
	certutil(t, s, "-A", "-t", "CT,C,C", "-n", "corporate: root", "-i", foreign)

	status := wantState(t, s, a.Root(), Trusted)
	if len(status.Stale) != 1 || !status.Stale[0].Equal(older.Root().Certificate) {
		t.Errorf("stale: %v", status.Stale)
	}
	if r := Uninstall(t.Context(), certs.Claim{}, []Store{s}, nil)[0]; r.Err != nil || len(r.Commands) != 2 {
		t.Fatalf("untrust: %+v", r)
	}
	out, err := s.env.Do(t.Context(), s.certutil("-L"))
	certstest.Must(t, err)
	if left := parseListing(out); len(left) != 1 || !strings.HasSuffix(left[0].nickname, "corporate: root") {
		t.Errorf("left: %v", left)
	}
}

// Firefox imports what a policy brings under the name that NSS gives it, and trusts it in a way that an older certutil does not see.
func TestNSSUninstallOfWhatFirefoxImported(t *testing.T) {
	s, a := nssTest(t), openTest(t, certs.Options{})
	certstest.Must(t, os.MkdirAll(s.dir, 0o700))
	certutil(t, s, "-N", "--empty-password")
	subject := a.Root().Certificate.Subject
	certutil(t, s, "-A", "-t", ",,", "-n", subject.CommonName+" - "+subject.Organization[0], "-i", a.Root().Path)
	wantState(t, s, a.Root(), Partial)
	if r := Uninstall(t.Context(), certs.Claim{}, []Store{s}, nil)[0]; r.Err != nil || len(r.Commands) != 1 {
		t.Fatalf("untrust: %+v", r)
	}
	wantState(t, s, a.Root(), Absent)
}

func TestNSSPrimaryPassword(t *testing.T) {
	s := nssTest(t)
	a := openTest(t, certs.Options{})
	certstest.Must(t, os.MkdirAll(s.dir, 0o700))
	password := filepath.Join(t.TempDir(), "password")
	certstest.Write(t, password, 0o600, "secret\n")
	certutil(t, s, "-N", "-f", password)
	r := Install(t.Context(), a, []Store{s}, nil)[0]
	certstest.WantHint(t, r.Err, "primary password", a.Root().Path)
	if r.After == Trusted {
		t.Error("called trusted")
	}
}

func TestNSSWithoutCertutil(t *testing.T) {
	a := openTest(t, certs.Options{})
	env := certstest.FakeEnv(t, "linux", &certstest.Recorder{}, "chromium")
	certstest.Write(t, env.InRoot("/usr/local/share/ca-certificates/other.crt"), 0o644, "")
	stores := nssStores(env)
	if len(stores) != 1 {
		t.Fatalf("stores: %v", stores)
	}
	certstest.WantHint(t, Install(t.Context(), a, stores, nil)[0].Err, "certutil is not installed", "sudo apt install libnss3-tools")
	if r := Uninstall(t.Context(), certs.Claim{Authority: a}, stores, nil)[0]; r.Err != nil {
		t.Errorf("there is no database to remove anything from: %v", r.Err)
	}
	certstest.Write(t, env.InHome(".local/share/pki/nssdb/cert9.db"), 0o600, certs.Organisation)
	certstest.WantHint(t, Uninstall(t.Context(), certs.Claim{Authority: a}, stores, nil)[0].Err, "certutil is not installed", "libnss3-tools")
}

// A database that a browser has made holds us up only if a root of ours is in it.
func TestNSSUninstallWithoutCertutil(t *testing.T) {
	a, s := openTest(t, certs.Options{}), nssTest(t)
	lacking := *s
	lacking.env.LookPath = nil
	certstest.Must(t, os.MkdirAll(s.dir, 0o700))
	certutil(t, s, "-N", "--empty-password")
	foreign := filepath.Join(t.TempDir(), "foreign.pem")
	certstest.Write(t, foreign, 0o644, certstest.PEM(certstest.SelfSigned(t, "another company").Raw))
	certutil(t, s, "-A", "-t", "C,,", "-n", "another", "-i", foreign)
	if r := Uninstall(t.Context(), certs.Claim{Authority: a}, []Store{&lacking}, nil)[0]; r.Err != nil {
		t.Errorf("without a root of ours: %v", r.Err)
	}
	if r := Install(t.Context(), a, []Store{s}, nil)[0]; r.Err != nil {
		t.Fatal(r.Err)
	}
	certstest.WantHint(t, Uninstall(t.Context(), certs.Claim{Authority: a}, []Store{&lacking}, nil)[0].Err, "certutil is not installed", "install")
}

func TestNSSBrokenDatabase(t *testing.T) {
	s := nssTest(t)
	certstest.Write(t, s.dir+"/cert9.db", 0o600, "this is not SQLite")
	status, err := s.Status(t.Context(), openTest(t, certs.Options{}).Root())
	if err == nil || status.State != Unavailable || !strings.Contains(err.Error(), s.dir) {
		t.Fatalf("%+v, %v", status, err)
	}
}

func TestParseListing(t *testing.T) {
	const listing = `
Certificate Nickname                                         Trust Attributes
                                                             SSL,S/MIME,JAR/XPI

letta-dev development CA 4264                                C,,  
a name with  C,C,C  inside                                   ,,   
Server-Cert                                                  u,u,u
CT,,
`
	var got []string
	for _, entry := range parseListing([]byte(listing)) {
		got = append(got, entry.nickname+"|"+entry.flags)
	}
	want := []string{"letta-dev development CA 4264|C,,", "a name with  C,C,C  inside|,,", "Server-Cert|u,u,u"}
	if !slices.Equal(got, want) {
		t.Fatalf("got %q", got)
	}
}

// What certutil prints for a nickname and flags is read back as they were, and nothing is ever found twice.
func FuzzParseListing(f *testing.F) {
	f.Add("letta-dev development CA 1", "C,,")
	f.Add("a  C,C,C", "CT,C,C")
	f.Add("SSL,S/MIME,JAR/XPI", ",,")
	f.Fuzz(func(t *testing.T, nickname, flags string) {
		entries := parseListing([]byte(nickname + "   " + flags + "\n"))
		if strings.ContainsAny(nickname, "\r\n") || strings.TrimSpace(nickname) != nickname || nickname == "" {
			return // not what certutil prints
		}
		if !slices.Contains([]string{",,", "C,,", "CT,C,C", "u,u,u", "p,p,p"}, flags) {
			return
		}
		if len(entries) != 1 || entries[0].nickname != nickname || entries[0].flags != flags {
			t.Fatalf("%q %q read as %+v", nickname, flags, entries)
		}
	})
}

// Where tstclnt is not packaged, certutil's own verdict on the root has to do.
func TestNSSProofWithoutClient(t *testing.T) {
	s := nssTest(t)
	find := s.env.LookPath
	s.env.LookPath = func(name string) (string, error) {
		if strings.Contains(name, "tstclnt") {
			return "", exec.ErrNotFound
		}
		return find(name)
	}
	a := openTest(t, certs.Options{})
	certstest.Must(t, os.MkdirAll(s.dir, 0o700))
	certutil(t, s, "-N", "--empty-password")
	certutil(t, s, "-A", "-t", ",,", "-n", "by another name", "-i", a.Root().Path)
	if r := Prove(t.Context(), certs.Claim{Authority: a}, []Store{s}, nil)[0]; r.After == Trusted || r.Known != ByTool || r.Err != nil {
		t.Fatalf("without trust: %+v", r)
	}
	if r := Install(t.Context(), a, []Store{s}, nil)[0]; r.After != Trusted || r.Known != ByTool || r.Err != nil {
		t.Fatalf("trust: %+v", r)
	}
	if r := Uninstall(t.Context(), certs.Claim{Authority: a}, []Store{s}, nil)[0]; r.After != Absent || r.Known != ByTool || r.Err != nil {
		t.Fatalf("untrust: %+v", r)
	}
}

// A certutil that prints nothing, where a listing has a heading at least, has not looked.
func TestCertutilThatSaysNothing(t *testing.T) {
	env := certstest.FakeEnv(t, "linux", &certstest.Recorder{}, "certutil")
	certstest.Write(t, env.InHome(".pki/nssdb/cert9.db"), 0o600, "")
	for _, s := range nssStores(env) {
		status, err := s.Status(t.Context(), openTest(t, certs.Options{}).Root())
		if status.State != Unavailable {
			t.Errorf("%+v", status)
		}
		certstest.WantHint(t, err, "certutil printed nothing", "certutil -d ")
	}
}

// A database that certutil cannot read holds no root of ours where there is no word of us in it, and blocks nothing then. The advice is
// not what has just failed.
func TestADatabaseThatIsBroken(t *testing.T) {
	certstest.RequireTool(t, "certutil")
	a := openTest(t, certs.Options{})
	for content, blocks := range map[string]bool{"": false, "no database": false, "garbage with letta-dev development CA in it": true} {
		s := &nssStore{env: certstest.RealEnv(t), name: "Firefox", dir: filepath.Join(t.TempDir(), "profile")}
		certstest.Write(t, filepath.Join(s.dir, "cert9.db"), 0o600, content)
		_, err := s.Status(t.Context(), a.Root())
		certstest.WantHint(t, err, "read the certificates of Firefox", "mv -i "+s.dir+"/cert9.db "+s.dir+"/cert9.db.bak")
		if r := Uninstall(t.Context(), certs.Claim{Authority: a}, []Store{s}, nil)[0]; (r.Err != nil) != blocks {
			t.Errorf("%q: %v", content, r.Err)
		}
	}
}
