package truststore

import (
	"errors"
	"testing"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/certstest"
	"github.com/letta-dev/letta-dev/certs/host"
)

func TestSystemStoreCommandsPerFamily(t *testing.T) {
	a := openTest(t, certs.Options{})
	root := a.Root()
	file := root.FileName()
	for family, tc := range map[string]struct{ anchors, bundle, file, tool, update, refresh string }{
		"Debian": {"/usr/local/share/ca-certificates", "/etc/ssl/certs/ca-certificates.crt", file + ".crt",
			"update-ca-certificates", "update-ca-certificates", "update-ca-certificates --fresh"},
		"Red Hat": {"/etc/pki/ca-trust/source/anchors", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", file + ".pem",
			"update-ca-trust", "update-ca-trust extract", "update-ca-trust extract"},
		"Arch": {"/etc/ca-certificates/trust-source/anchors", "/etc/ssl/certs/ca-certificates.crt", file + ".crt",
			"trust", "trust extract-compat", "trust extract-compat"},
		"SUSE": {"/usr/share/pki/trust/anchors", "/etc/ssl/ca-bundle.pem", file + ".pem",
			"update-ca-certificates", "update-ca-certificates", "update-ca-certificates"},
	} {
		t.Run(family, func(t *testing.T) {
			r := &certstest.Recorder{}
			env := certstest.FakeEnv(t, "linux", r, tc.tool)
			anchor := env.InRoot(tc.anchors, tc.file)
			certstest.Write(t, env.InRoot(tc.anchors, "other.crt"), 0o644, "not a certificate")
			certstest.Write(t, env.InRoot(tc.bundle), 0o644, "")
			store := newSystemStore(env)

			certstest.Must(t, store.Change(t.Context(), ToInstall, root))
			certstest.WantLines(t, r.Ran, "install -m 0644 /dev/stdin "+anchor+" < "+root.Path, "/usr/bin/"+tc.update)
			wantState(t, store, root, Absent) // the recorder did nothing

			certstest.Write(t, anchor, 0o644, certstest.PEM(root.Certificate.Raw))
			wantState(t, store, root, Partial)
			certstest.Write(t, env.InRoot(tc.bundle), 0o644, "# comment\n"+certstest.PEM(root.Certificate.Raw))
			wantState(t, store, root, Trusted)

			r.Ran = nil
			certstest.Must(t, store.Change(t.Context(), ToInstall, root))
			certstest.WantLines(t, r.Ran)
			certstest.Must(t, store.Change(t.Context(), ToUninstall, certs.Root{}))
			certstest.WantLines(t, r.Ran, "rm -f -- "+anchor, "/usr/bin/"+tc.refresh)
		})
	}
}

func wantState(t *testing.T, s Store, root certs.Root, want State) Status {
	t.Helper()
	status, err := s.Status(t.Context(), root)
	if err != nil || status.State != want {
		t.Fatalf("%s is %q (%v), want %q", s.Name(), status.State, err, want)
	}
	return status
}

// A user without root's rights gets the commands, and nothing has been begun; one who may use sudo gets it used.
func TestSystemStoreRights(t *testing.T) {
	a := openTest(t, certs.Options{})
	r := &certstest.Recorder{Reply: func(c host.Command) ([]byte, error) {
		if !c.NeedsRoot || !c.Terminal || c.Limit != host.SudoLimit {
			t.Errorf("a password cannot be asked for by %+v", c)
		}
		return nil, nil
	}}
	env := certstest.FakeEnv(t, "linux", r, "update-ca-certificates", "sudo")
	env.UID = 1000
	certstest.Write(t, env.InRoot("/usr/local/share/ca-certificates/other.crt"), 0o644, "")
	certstest.Write(t, env.InRoot("/etc/ssl/certs/ca-certificates.crt"), 0o644, "")

	result := Install(t.Context(), a, []Store{newSystemStore(env)}, nil)[0]
	var rights *RightsError
	if !errors.As(result.Err, &rights) || len(result.Commands) != 2 || len(r.Ran) != 0 {
		t.Fatalf("without rights: %+v, ran %v", result, r.Ran)
	}
	certstest.WantHint(t, result.Err, "root rights", "sudo install -m 0644 /dev/stdin ")
	certstest.WantHint(t, result.Err, "system", " && sudo /usr/bin/update-ca-certificates")

	env.Elevate = true
	certstest.Must(t, newSystemStore(env).Change(t.Context(), ToInstall, a.Root()))
	certstest.WantLines(t, r.Ran, certstest.Lines(rights.Commands)...)
}

func TestSystemStoresThatAreNotSupported(t *testing.T) {
	a := openTest(t, certs.Options{})
	unknown := certstest.FakeEnv(t, "linux", &certstest.Recorder{})
	toolless := certstest.FakeEnv(t, "linux", &certstest.Recorder{})
	certstest.Write(t, toolless.InRoot("/usr/local/share/ca-certificates/other.crt"), 0o644, "")
	certstest.Write(t, toolless.InRoot("/etc/ssl/certs/ca-certificates.crt"), 0o644, "")
	for name, tc := range map[string]struct {
		env        host.Env
		says, hint string
	}{
		"unknown":  {unknown, "not supported", "letta-dev run -- "},
		"no tools": {toolless, "update-ca-certificates is not installed", "sudo apt install ca-certificates"},
	} {
		t.Run(name, func(t *testing.T) {
			stores := Stores(tc.env)
			if len(stores) != 1 {
				t.Fatalf("stores: %v", stores)
			}
			certstest.WantHint(t, Install(t.Context(), a, stores, nil)[0].Err, tc.says, tc.hint)
			if commands, err := stores[0].Commands(t.Context(), ToInstall, a.Root()); err == nil || len(commands) > 0 {
				t.Errorf("%q in spite of %v", certstest.Lines(commands), err)
			}
			if r := Uninstall(t.Context(), certs.Claim{}, stores, nil)[0]; r.Err != nil {
				t.Errorf("untrust: %v", r.Err)
			}
		})
	}
}

// NixOS is told by what to write where; once it has been written, the store is like any other.
func TestNixOS(t *testing.T) {
	a := openTest(t, certs.Options{})
	env := certstest.FakeEnv(t, "linux", &certstest.Recorder{})
	bundle := env.InRoot("/etc/ssl/certs/ca-certificates.crt")
	certstest.Write(t, env.InRoot("/etc/NIXOS"), 0o644, "")
	certstest.Write(t, env.InRoot("/usr/local/share/ca-certificates/other.crt"), 0o644, "") // it means nothing there
	certstest.Write(t, bundle, 0o644, certstest.PEM(certstest.SelfSigned(t, "another company").Raw))
	stores := Stores(env)
	r := Install(t.Context(), a, stores, nil)[0]
	certstest.WantHint(t, r.Err, "NixOS", `security.pki.certificateFiles = [ "`+a.Root().Path+`" ]`)
	if r.After != Unavailable {
		t.Errorf("%+v", r)
	}
	if r := Uninstall(t.Context(), certs.Claim{Authority: a}, stores, nil)[0]; r.Err != nil {
		t.Errorf("there is nothing to remove: %v", r.Err)
	}
	certstest.Write(t, bundle, 0o644, certstest.PEM(a.Root().Certificate.Raw))
	if r := Prove(t.Context(), certs.Claim{Authority: a}, stores, nil)[0]; r.After != Trusted || r.Known != ByHandshake || r.Err != nil {
		t.Errorf("%+v", r)
	}
	if r := Install(t.Context(), a, stores, nil)[0]; r.After != Trusted || r.Err != nil {
		t.Errorf("%+v", r)
	}
	certstest.WantHint(t, Uninstall(t.Context(), certs.Claim{}, stores, nil)[0].Err, "NixOS", "sudo nixos-rebuild switch  # remove it from security.pki.certificateFiles")
}

// What tools say of places nobody can write to is explained.
func TestStoresThatAreReadOnly(t *testing.T) {
	a := openTest(t, certs.Options{})
	for words, want := range map[string]string{
		"install: cannot create regular file '/x': Read-only file system": "its file system is read-only",
		"install: cannot create regular file '/x': Permission denied":     "may not be written to",
		"rm: cannot remove '/x': Operation not permitted":                 "may not be written to",
		"something else": "something else",
	} {
		r := &certstest.Recorder{Reply: func(c host.Command) ([]byte, error) {
			return nil, &host.CommandError{Command: c, Output: words, Err: errors.New("exit status 1")}
		}}
		env := certstest.FakeEnv(t, "linux", r, "update-ca-certificates")
		certstest.Write(t, env.InRoot("/usr/local/share/ca-certificates/other.crt"), 0o644, "")
		certstest.Write(t, env.InRoot("/etc/ssl/certs/ca-certificates.crt"), 0o644, "")
		err := Install(t.Context(), a, Stores(env), nil)[0].Err
		certstest.WantHint(t, err, want, "")
		certstest.WantHint(t, err, words, "")
		if len(r.Ran) != 1 {
			t.Errorf("went on: %q", r.Ran)
		}
	}
}

// Without the store a program can still be had to trust us; nothing of the kind helps against a removal that fails.
func TestHintOfAChangeThatFails(t *testing.T) {
	a := openTest(t, certs.Options{})
	for range 20 { // of two reasons the first tells, always
		r := &certstest.Recorder{Reply: func(c host.Command) ([]byte, error) {
			return nil, &host.CommandError{Command: c, Output: "x: Permission denied\ny: Read-only file system", Err: errors.New("exit status 1")}
		}}
		env := certstest.FakeEnv(t, "linux", r, "update-ca-certificates")
		anchor := env.InRoot("/usr/local/share/ca-certificates/some.crt")
		certstest.Write(t, anchor, 0o644, string(certstest.Read(t, a.Root().Path)))
		certstest.Write(t, env.InRoot("/etc/ssl/certs/ca-certificates.crt"), 0o644, "")
		store := newSystemStore(env)
		certstest.WantHint(t, store.Change(t.Context(), ToInstall, a.Root()), "its file system is read-only", "letta-dev run -- ")
		certstest.WantHint(t, store.Change(t.Context(), ToUninstall, a.Root()), "its file system is read-only", "rm -f -- "+anchor)
	}
}

// A store whose commands succeed and do nothing is not believed.
func TestTrustBelievesNoExitStatus(t *testing.T) {
	a := openTest(t, certs.Options{})
	env := certstest.FakeEnv(t, "linux", &certstest.Recorder{}, "update-ca-certificates")
	certstest.Write(t, env.InRoot("/usr/local/share/ca-certificates/other.crt"), 0o644, "")
	certstest.Write(t, env.InRoot("/etc/ssl/certs/ca-certificates.crt"), 0o644, "")
	var reported []Result
	results := Install(t.Context(), a, []Store{newSystemStore(env)}, func(r Result) { reported = append(reported, r) })
	if r := results[0]; r.Err == nil || r.After != Absent || len(reported) != 1 {
		t.Fatalf("result %+v, reported %d", r, len(reported))
	}

	anchor := env.InRoot("/usr/local/share/ca-certificates/some.crt")
	certstest.Write(t, anchor, 0o644, certstest.PEM(a.Root().Certificate.Raw))
	certstest.WantHint(t, Uninstall(t.Context(), certs.Claim{Authority: a}, []Store{newSystemStore(env)}, nil)[0].Err, "still holds", "rm -f -- "+anchor)
}

// A file of anchors that holds more than our root is not ours to delete, and is named to the person who can edit it.
func TestAnchorWithMore(t *testing.T) {
	a := openTest(t, certs.Options{})
	env := certstest.FakeEnv(t, "linux", &certstest.Recorder{}, "update-ca-certificates")
	path := env.InRoot("/usr/local/share/ca-certificates/mine.crt")
	root := string(certstest.Read(t, a.Root().Path))
	certstest.Write(t, path, 0o644, root+string(certstest.Read(t, a.KeyPath())))
	certstest.Write(t, env.InRoot("/etc/ssl/certs/ca-certificates.crt"), 0o644, root)
	results := Uninstall(t.Context(), certs.Claim{Authority: a}, Stores(env, System), nil)
	certstest.WantHint(t, results[0].Err, path, "sudoedit ")
	if !host.Exists(path) {
		t.Error("it was deleted")
	}
}
