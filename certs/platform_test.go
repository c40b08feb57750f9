package certs

import (
	"errors"
	"strings"
	"testing"
)

func TestKeychain(t *testing.T) {
	a, older := openTest(t, Options{}), openTest(t, Options{})
	root, held, trusted := a.Root(), []byte(nil), false
	r := &recorder{reply: func(c Command) ([]byte, error) {
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
	env := fakeEnv(t, "darwin", r, "sudo")
	env.UID, env.Elevate, env.Attended = 501, true, true
	stores := Stores(env)
	if len(stores) != 1 {
		t.Fatalf("stores: %v", stores)
	}
	k := stores[0]
	wantState(t, k, root, Absent)
	commands, err := k.Commands(t.Context(), ToInstall, root)
	must(t, err)
	wantLines(t, lines(commands), "sudo /usr/bin/security add-trusted-cert -d -r trustRoot -p ssl -p basic "+
		"-k /Library/Keychains/System.keychain "+root.Path)

	held = encodeCertificates(root.Certificate.Raw, older.root.Raw, selfSigned(t, "Apple").Raw)
	wantState(t, k, root, Partial)
	trusted = true
	if status := wantState(t, k, root, Trusted); len(status.Stale) != 1 || !status.Stale[0].Equal(older.root) {
		t.Errorf("stale: %v", status.Stale)
	}
	commands, err = k.Commands(t.Context(), ToUninstall, root)
	must(t, err)
	wantLines(t, lines(commands),
		"sudo /usr/bin/security delete-certificate -t -Z "+strings.ToUpper(thumbprint(older.Root()))+" /Library/Keychains/System.keychain",
		"sudo /usr/bin/security delete-certificate -t -Z "+strings.ToUpper(thumbprint(root))+" /Library/Keychains/System.keychain")
	if commands, err := k.Commands(t.Context(), ToInstall, root); err != nil || len(commands) != 0 {
		t.Errorf("installs twice: %v, %v", commands, err)
	}
}

func TestWindowsStore(t *testing.T) {
	a, older := openTest(t, Options{}), openTest(t, Options{})
	root, listing := a.Root(), ""
	r := &recorder{reply: func(Command) ([]byte, error) { return []byte(listing), nil }}
	env := fakeEnv(t, "windows", r)
	env.UID, env.Attended = -1, true
	w := Stores(env)[0]
	wantState(t, w, root, Absent)
	must(t, w.Change(t.Context(), ToInstall, root))
	wantLines(t, r.ran[len(r.ran)-1:], "certutil.exe -user -addstore Root "+quote(root.Path))

	listing = "Root \"Vertrauenswürdige Stammzertifizierungsstellen\"\r\n" +
		entryOf("O=letta-dev development CA", thumbprint(root)) +
		entryOf("O=Another Company", strings.Repeat("ab", 20)) +
		entryOf("O=letta-dev development CA", strings.ToUpper(thumbprint(older.Root()))) + "CertUtil: fertig.\r\n"
	wantState(t, w, root, Trusted)
	commands, err := w.Commands(t.Context(), ToUninstall, root)
	must(t, err)
	wantLines(t, lines(commands), "certutil.exe -user -delstore Root "+thumbprint(root),
		"certutil.exe -user -delstore Root "+thumbprint(older.Root()))
	if commands, err := w.Commands(t.Context(), ToInstall, root); err != nil || len(commands) != 0 {
		t.Errorf("installs twice: %v, %v", commands, err)
	}
}

// A store that asks in a window is left alone where nobody sits, and the command is told (mkcert#415).
func TestStoresThatAskWantSomeoneThere(t *testing.T) {
	a := openTest(t, Options{})
	for goos, want := range map[string]string{"darwin": "/usr/bin/security add-trusted-cert ", "windows": "certutil.exe -user -addstore Root "} {
		r := &recorder{}
		env := fakeEnv(t, goos, r, "sudo")
		env.Elevate = true
		result := Trust(t.Context(), a, Stores(env), nil)[0]
		wantHint(t, result.Err, "asks in a window", want)
		for _, ran := range r.ran {
			if strings.Contains(ran, want) {
				t.Errorf("%s: asked all the same", goos)
			}
		}
		env.Attended = true
		if result := Trust(t.Context(), a, Stores(env), nil)[0]; is[*RightsError](result.Err) || !strings.Contains(r.ran[len(r.ran)-2], want) {
			t.Errorf("%s: %+v, ran %q", goos, result, r.ran)
		}
	}
}

func is[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}

// Where the store cannot even be read, nothing is changed, and the tool's words are told.
func TestStoresThatCannotBeRead(t *testing.T) {
	a := openTest(t, Options{})
	for goos, tool := range map[string]string{"darwin": "security find-certificate", "windows": "certutil.exe -user -store Root"} {
		r := &recorder{reply: func(c Command) ([]byte, error) {
			return nil, &CommandError{Command: c, TimedOut: true, Err: errors.New("killed")}
		}}
		env := fakeEnv(t, goos, r)
		env.Attended = true
		for _, result := range []Result{Trust(t.Context(), a, Stores(env), nil)[0], Untrust(t.Context(), Claim{Authority: a}, Stores(env), nil)[0]} {
			wantHint(t, result.Err, "no end after", tool)
			if result.After != Unavailable {
				t.Errorf("%+v", result)
			}
		}
		for _, c := range r.commands {
			if c.Asks || c.Limit != lookLimit {
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

func TestQuote(t *testing.T) {
	for word, want := range map[string]string{
		"": "''", "plain-1.2/x": "plain-1.2/x", "two words": "'two words'", "it's": `'it'\''s'`, "$(reboot)": "'$(reboot)'", "*": "'*'",
	} {
		if got := quote(word); got != want {
			t.Errorf("quote(%q) = %s, want %s", word, got, want)
		}
	}
}
