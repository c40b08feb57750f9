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
	env.UID, env.Elevate = 501, true
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
	env.UID = -1
	w := Stores(env)[0]
	wantState(t, w, root, Absent)
	must(t, w.Install(t.Context(), root))
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
