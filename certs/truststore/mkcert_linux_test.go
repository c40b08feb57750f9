package truststore

import (
	"crypto/tls"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/certstest"
	"github.com/letta-dev/letta-dev/certs/host"
)

// Both tools on one machine. What runs here is the real mkcert, and where it changes stores, in a namespace with its own.

// besides is mkcert in a home that it shares with us. Its PATH has no sudo: whatever it does it does here.
func besides(t *testing.T, tool string, env host.Env, caroot, stores string, args ...string) string {
	t.Helper()
	bin := t.TempDir()
	for _, name := range []string{"certutil", "update-ca-certificates", "tee", "rm"} {
		certstest.Must(t, os.Symlink(certstest.RequireTool(t, name), filepath.Join(bin, name)))
	}
	if stores == "system" {
		bin += ":/usr/sbin:/usr/bin:/sbin:/bin" // for the script that is update-ca-certificates
	}
	cmd := exec.CommandContext(t.Context(), tool, args...)
	cmd.Dir, cmd.Env = t.TempDir(), []string{"HOME=" + env.Home, "CAROOT=" + caroot, "TRUST_STORES=" + stores, "PATH=" + bin}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("mkcert: %v: %s", err, out)
	}
	return string(out)
}

// Our folder is a CAROOT without a key to mkcert: it installs our root where it looks, we find it there, and either of us
// can take it out again.
func TestMkcertInstallsOurRoot(t *testing.T) {
	if !certstest.InNamespace(t) {
		return
	}
	tool, env := certstest.MkcertTool(t), machineEnv(t)
	privateStore(t)
	browser := &nssStore{env: env, name: "Chrome", dir: env.InHome(".pki/nssdb")}
	certstest.Must(t, os.MkdirAll(browser.dir, 0o700))
	certutil(t, browser, "-N", "--empty-password")
	for stores, store := range map[string]Store{"nss": browser, "system": newSystemStore(env)} {
		a := openTest(t, certs.Options{})
		before := certstest.Snapshot(t, a.Dir())
		wantProof(t, a, store, Absent)
		besides(t, tool, env, a.Dir(), stores, "-install")
		wantProof(t, a, store, Trusted)
		besides(t, tool, env, a.Dir(), stores, "-uninstall")
		wantProof(t, a, store, Absent)

		besides(t, tool, env, a.Dir(), stores, "-install")
		if r := Uninstall(t.Context(), certs.Claim{}, []Store{store}, nil)[0]; r.Err != nil {
			t.Errorf("untrust: %+v", r)
		}
		wantProof(t, a, store, Absent)
		if !maps.Equal(certstest.Snapshot(t, a.Dir()), before) {
			t.Errorf("%s: our folder is not what it was", stores)
		}
	}
}

func wantProof(t *testing.T, a *certs.Authority, store Store, want State) {
	t.Helper()
	if r := Prove(t.Context(), certs.Claim{Authority: a}, []Store{store}, nil)[0]; r.After != want || r.Err != nil {
		t.Errorf("%s: %+v, want %s", store.Name(), r, want)
	}
}

// Two roots in one database: each tool removes its own, and mkcert finds its folder as it left it, through all we do with
// an authority by reference to it.
func TestMkcertAndWeLeaveEachOtherAlone(t *testing.T) {
	if !certstest.InNamespace(t) {
		return
	}
	tool, env := certstest.MkcertTool(t), machineEnv(t)
	caroot := filepath.Join(t.TempDir(), "mkcert")
	browser := &nssStore{env: env, name: "Chrome", dir: env.InHome(".pki/nssdb")}
	certstest.Must(t, os.MkdirAll(browser.dir, 0o700))
	certutil(t, browser, "-N", "--empty-password")
	besides(t, tool, env, caroot, "nss", "-install")
	before := certstest.Snapshot(t, caroot)
	stores := []Store{browser}

	theirs, ours := openTest(t, certs.Options{CAROOT: caroot}), openTest(t, certs.Options{})
	wantProof(t, theirs, browser, Trusted)
	for _, a := range []*certs.Authority{theirs, ours} {
		if r := Install(t.Context(), a, stores, nil)[0]; r.Err != nil || r.After != Trusted {
			t.Errorf("trust: %+v", r)
		}
	}
	if r := Uninstall(t.Context(), certs.Claim{Authority: ours}, stores, nil)[0]; r.Err != nil || len(r.Commands) != 1 {
		t.Errorf("untrust ours: %+v", r)
	}
	wantProof(t, theirs, browser, Trusted)
	if r := Uninstall(t.Context(), certs.Claim{Authority: theirs}, stores, nil)[0]; r.Err != nil || len(r.Commands) != 0 {
		t.Errorf("untrust mkcert's: %+v", r)
	}
	wantProof(t, theirs, browser, Trusted)

	Install(t.Context(), ours, stores, nil)
	besides(t, tool, env, caroot, "nss", "-uninstall")
	wantProof(t, theirs, browser, Absent)
	wantProof(t, ours, browser, Trusted)

	_, err := certs.NewKeeper(theirs, certs.KeeperOptions{})
	certstest.Must(t, err)
	_, err = theirs.Create([]string{"dev.example.test"}, certs.CreateOptions{Dir: t.TempDir(), Client: true})
	certstest.Must(t, err)
	left, err := certs.Remove(theirs.Dir(), nil)
	if err != nil || len(left) > 0 {
		t.Errorf("left %q, %v", left, err)
	}
	if told := strings.TrimSpace(besides(t, tool, env, caroot, "nss", "-CAROOT")); told != caroot || !maps.Equal(certstest.Snapshot(t, caroot), before) {
		t.Errorf("mkcert's folder, %s, is not what it was", told)
	}
}

// What mkcert has installed stays when we go, and what we have installed of mkcert's goes with us, whoever came first.
func TestMkcertsRootGoesWithWhoPutItThere(t *testing.T) {
	if !certstest.InNamespace(t) {
		return
	}
	tool, env := certstest.MkcertTool(t), machineEnv(t)
	privateStore(t)
	browser := &nssStore{env: env, name: "Chrome", dir: env.InHome(".pki/nssdb")}
	certstest.Must(t, os.MkdirAll(browser.dir, 0o700))
	certutil(t, browser, "-N", "--empty-password")
	for stores, store := range map[string]Store{"nss": browser, "system": newSystemStore(env)} {
		caroot := filepath.Join(t.TempDir(), "mkcert")
		certstest.RunMkcert(t, tool, caroot, "localhost")
		a, all := openTest(t, certs.Options{CAROOT: caroot}), []Store{store}
		changes := func(r []Result, some bool) {
			t.Helper()
			if r[0].Err != nil || len(r[0].Commands) > 0 != some {
				t.Errorf("%s: %+v", stores, r[0])
			}
		}
		t.Log(stores, "mkcert first")
		besides(t, tool, env, caroot, stores, "-install")
		changes(Install(t.Context(), a, all, nil), false)
		changes(Uninstall(t.Context(), certs.Claim{Authority: a}, all, nil), false)
		wantProof(t, a, store, Trusted)
		besides(t, tool, env, caroot, stores, "-uninstall")
		wantProof(t, a, store, Absent)

		t.Log(stores, "we alone")
		changes(Install(t.Context(), a, all, nil), true)
		besides(t, tool, env, caroot, stores, "-uninstall")
		wantProof(t, a, store, Trusted)
		changes(Uninstall(t.Context(), certs.Claim{}, all, nil), true) // the authority may be lost
		wantProof(t, a, store, Absent)

		t.Log(stores, "we first")
		changes(Install(t.Context(), a, all, nil), true)
		t.Log(besides(t, tool, env, caroot, stores, "-install"))
		changes(Uninstall(t.Context(), certs.Claim{Authority: a}, all, nil), true)
		wantProof(t, a, store, Absent)
		besides(t, tool, env, caroot, stores, "-uninstall")
		wantProof(t, a, store, Absent)
	}
}

// Databases where today's browsers keep them, and where mkcert 1.4.4 does not look: it fails, or leaves them out and
// reports success.
func TestDatabasesThatMkcertMisses(t *testing.T) {
	if !certstest.InNamespace(t) {
		return
	}
	tool, a := certstest.MkcertTool(t), openTest(t, certs.Options{})
	for name, profile := range map[string]string{
		"Chromium":           ".local/share/pki/nssdb",
		"Chromium, flatpak":  ".var/app/org.chromium.Chromium/.pki/nssdb",
		"Firefox":            ".config/mozilla/firefox/x.default",
		"Firefox by its ini": ".mozilla/firefox/Profiles/x.default",
		"Firefox, flatpak":   ".var/app/org.mozilla.firefox/.mozilla/firefox/x.default",
	} {
		env := machineEnv(t)
		s := &nssStore{env: env, name: name, dir: env.InHome(profile)}
		certstest.Must(t, os.MkdirAll(s.dir, 0o700))
		certutil(t, s, "-N", "--empty-password")
		root, path := filepath.Dir(s.dir), "x.default"
		if filepath.Base(root) == "Profiles" {
			root, path = filepath.Dir(root), "Profiles/x.default"
		}
		certstest.Write(t, root+"/profiles.ini", 0o644, "[Profile0]\nName=x\nIsRelative=1\nPath="+path+"\n")

		cmd := exec.CommandContext(t.Context(), tool, "-install")
		cmd.Env = []string{"HOME=" + env.Home, "CAROOT=" + a.Dir(), "TRUST_STORES=nss", "PATH=" + filepath.Dir(certstest.RequireTool(t, "certutil"))}
		out, err := cmd.CombinedOutput()
		t.Logf("%s: mkcert: %v: %s", name, err, out)
		wantProof(t, a, s, Absent)
		for _, r := range Install(t.Context(), a, nssStores(env), nil) {
			if r.Err != nil {
				t.Errorf("%s: %+v", name, r)
			}
		}
		wantProof(t, a, s, Trusted)
	}
}

// Clients that trust mkcert's root accept our files as they accept mkcert's own, both at once, and mkcert's folder stays
// as it was.
func TestCreatedFilesUnderMkcertsRoot(t *testing.T) {
	tool, openssl, curl := certstest.MkcertTool(t), certstest.RequireTool(t, "openssl"), certstest.RequireTool(t, "curl")
	for name, flags := range map[string][]string{"RSA": nil, "ECDSA": {"-ecdsa"}} {
		t.Run(name, func(t *testing.T) {
			caroot := filepath.Join(t.TempDir(), "mkcert")
			names := []string{"dev.example.test", "127.0.0.1"}
			theirs := certstest.RunMkcert(t, tool, caroot, append(flags, names...)...)
			before := certstest.Snapshot(t, caroot)
			a := openTest(t, certs.Options{CAROOT: caroot})
			made, err := a.Create(names, certs.CreateOptions{Dir: t.TempDir()})
			certstest.Must(t, err)
			for _, certFile := range []string{filepath.Join(theirs, "dev.example.test+1.pem"), made.CertFile} {
				port := serve(t, pairIn(t, certFile))
				for _, host := range names {
					expect(t, []client{
						{"curl", []string{curl, "-q", "-sSf", "--noproxy", "*", "--cacert", a.Root().Path, "--connect-to", "::127.0.0.1:" + port, "https://" + host + "/"}},
						{"openssl", []string{openssl, "verify", "-purpose", "sslserver", "-CAfile", a.Root().Path, certFile}},
					}, true)
					certstest.Must(t, certstest.Verify(pairIn(t, certFile), a.Root().Certificate, host, time.Now()))
				}
			}
			if !maps.Equal(certstest.Snapshot(t, caroot), before) {
				t.Error("mkcert's folder is not what it was")
			}
		})
	}
}

func pairIn(t *testing.T, certFile string) *tls.Certificate {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(certFile, strings.TrimSuffix(certFile, ".pem")+"-key.pem")
	certstest.Must(t, err)
	return &pair
}
