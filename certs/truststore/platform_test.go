package truststore

import (
	"errors"
	"strings"
	"testing"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/certstest"
	"github.com/letta-dev/letta-dev/certs/host"
)

func TestKeychain(t *testing.T) {
	a, older := openTest(t, certs.Options{}), openTest(t, certs.Options{})
	root, held, trusted := a.Root(), []byte(nil), false
	r := &certstest.Recorder{Reply: func(c host.Command) ([]byte, error) {
		switch c.Argv[1] {
		case "find-certificate":
			return held, nil
		case "verify-cert":
			if !trusted {
				return nil, errors.New("not trusted")
			}
		}
		return nil, nil
	}}
	env := certstest.FakeEnv(t, "darwin", r, "sudo")
	env.UID, env.Elevate, env.Attended = 501, true, true
	stores := Stores(env)
	if len(stores) != 1 {
		t.Fatalf("stores: %v", stores)
	}
	k := stores[0]
	wantState(t, k, root, Absent)
	commands, err := k.Commands(t.Context(), ToInstall, root)
	certstest.Must(t, err)
	certstest.WantLines(t, certstest.Lines(commands), "sudo /usr/bin/security add-trusted-cert -d -r trustRoot -p ssl -p basic "+
		"-k /Library/Keychains/System.keychain "+root.Path)

	held = []byte(certstest.PEM(root.Certificate.Raw, older.Root().Certificate.Raw, certstest.SelfSigned(t, "Apple").Raw))
	wantState(t, k, root, Partial)
	trusted = true
	if status := wantState(t, k, root, Trusted); len(status.Stale) != 1 || !status.Stale[0].Equal(older.Root().Certificate) {
		t.Errorf("stale: %v", status.Stale)
	}
	commands, err = k.Commands(t.Context(), ToUninstall, root)
	certstest.Must(t, err)
	certstest.WantLines(t, certstest.Lines(commands),
		"sudo /usr/bin/security delete-certificate -t -Z "+strings.ToUpper(thumbprint(older.Root()))+" /Library/Keychains/System.keychain",
		"sudo /usr/bin/security delete-certificate -t -Z "+strings.ToUpper(thumbprint(root))+" /Library/Keychains/System.keychain")
	if commands, err := k.Commands(t.Context(), ToInstall, root); err != nil || len(commands) != 0 {
		t.Errorf("installs twice: %v, %v", commands, err)
	}
}

func TestWindowsStore(t *testing.T) {
	a, older := openTest(t, certs.Options{}), openTest(t, certs.Options{})
	root, listing := a.Root(), ""
	r := &certstest.Recorder{Reply: func(host.Command) ([]byte, error) { return []byte(listing), nil }}
	env := certstest.FakeEnv(t, "windows", r)
	env.UID, env.Attended = -1, true
	w := Stores(env)[0]
	wantState(t, w, root, Absent)
	certstest.Must(t, w.Change(t.Context(), ToInstall, root))
	certstest.WantLines(t, r.Ran[len(r.Ran)-1:], "certutil.exe -user -addstore Root "+host.Quote(root.Path))

	listing = "Root \"Vertrauenswürdige Stammzertifizierungsstellen\"\r\n" +
		entryOf("O=letta-dev development CA", thumbprint(root)) +
		entryOf("O=Another Company", strings.Repeat("ab", 20)) +
		entryOf("O=letta-dev development CA", strings.ToUpper(thumbprint(older.Root()))) + "CertUtil: fertig.\r\n"
	wantState(t, w, root, Trusted)
	commands, err := w.Commands(t.Context(), ToUninstall, root)
	certstest.Must(t, err)
	certstest.WantLines(t, certstest.Lines(commands), "certutil.exe -user -delstore Root "+thumbprint(root),
		"certutil.exe -user -delstore Root "+thumbprint(older.Root()))
	if commands, err := w.Commands(t.Context(), ToInstall, root); err != nil || len(commands) != 0 {
		t.Errorf("installs twice: %v, %v", commands, err)
	}
}

// A store that asks in a window is left alone where nobody sits, and the command is told (mkcert#415).
func TestStoresThatAskWantSomeoneThere(t *testing.T) {
	a := openTest(t, certs.Options{})
	for goos, want := range map[string]string{"darwin": "/usr/bin/security add-trusted-cert ", "windows": "certutil.exe -user -addstore Root "} {
		r := &certstest.Recorder{}
		env := certstest.FakeEnv(t, goos, r, "sudo")
		env.Elevate = true
		result := Install(t.Context(), a, Stores(env), nil)[0]
		certstest.WantHint(t, result.Err, "asks in a window", want)
		for _, ran := range r.Ran {
			if strings.Contains(ran, want) {
				t.Errorf("%s: asked all the same", goos)
			}
		}
		env.Attended = true
		if result := Install(t.Context(), a, Stores(env), nil)[0]; is[*RightsError](result.Err) || !strings.Contains(r.Ran[len(r.Ran)-2], want) {
			t.Errorf("%s: %+v, ran %q", goos, result, r.Ran)
		}
	}
}

func is[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}

// Where the store cannot even be read, nothing is changed, and the tool's words are told.
func TestStoresThatCannotBeRead(t *testing.T) {
	a := openTest(t, certs.Options{})
	for goos, tool := range map[string]string{"darwin": "security find-certificate", "windows": "certutil.exe -user -store Root"} {
		r := &certstest.Recorder{Reply: func(c host.Command) ([]byte, error) {
			return nil, &host.CommandError{Command: c, TimedOut: true, Err: errors.New("killed")}
		}}
		env := certstest.FakeEnv(t, goos, r)
		env.Attended = true
		for _, result := range []Result{Install(t.Context(), a, Stores(env), nil)[0], Uninstall(t.Context(), certs.Claim{Authority: a}, Stores(env), nil)[0]} {
			certstest.WantHint(t, result.Err, "no end after", tool)
			if result.After != Unavailable {
				t.Errorf("%+v", result)
			}
		}
		for _, c := range r.Commands {
			if c.Asks || c.Limit != host.LookLimit {
				t.Errorf("ran %+v", c)
			}
		}
	}
}

// entryOf is what certutil.exe prints for a certificate, in German.
func entryOf(organisation, sum string) string {
	return "================ Zertifikat 0 ================\r\nSeriennummer: 4264\r\nAussteller: CN=x, " + organisation +
		"\r\nNicht vor: 23.11.2026\r\nZertifikathash(sha1): " + sum + "\r\n"
}
