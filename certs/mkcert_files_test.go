package certs

import (
	"crypto/x509"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/certs/certstest"
)

// What mkcert writes for an argument list is what we write for it: names, modes, subjects, purposes and life.
func TestCreatedFilesAreMkcerts(t *testing.T) {
	tool, caroot := certstest.MkcertTool(t), filepath.Join(t.TempDir(), "mkcert")
	certstest.RunMkcert(t, tool, caroot, "-ecdsa", "localhost")
	a := openTest(t, Options{CAROOT: caroot})
	csr := requestBy(t, testKey(t), &x509.CertificateRequest{DNSNames: []string{"theirs.localhost", "localhost"}})
	for _, tc := range []struct {
		flags, names []string
		opts         CreateOptions
	}{
		{names: []string{"localhost"}},
		{names: []string{"*.letta.localhost", "localhost", "127.0.0.1", "::1"}},
		{names: []string{"::1"}},
		{names: []string{"0:0:0:0:0:0:0:1", "LETTA.localhost"}},
		{names: []string{"Letta.localhost"}},
		{names: []string{"localhost", "localhost"}},
		{names: []string{"dev.example.test", "192.0.2.7", "a_b.example.test"}},
		{names: []string{"ada@example.com"}},
		{names: []string{"ada@example.com", "https://example.com/x"}},
		{[]string{"-client"}, []string{"ada.localhost", "ada@example.com"}, CreateOptions{Client: true}},
		{[]string{"-pkcs12"}, []string{"app.localhost", "::1"}, CreateOptions{PKCS12: true}},
		{[]string{"-pkcs12", "-client"}, []string{"*.app.localhost"}, CreateOptions{PKCS12: true, Client: true}},
		{[]string{"-pkcs12", "-p12-file", "x.pfx"}, []string{"localhost"}, CreateOptions{P12File: "x.pfx"}},
		{[]string{"-cert-file", "c.pem"}, []string{"localhost"}, CreateOptions{CertFile: "c.pem"}},
		{[]string{"-key-file", "k.pem"}, []string{"localhost"}, CreateOptions{KeyFile: "k.pem"}},
		{[]string{"-cert-file", "b.pem", "-key-file", "b.pem"}, []string{"localhost"}, CreateOptions{CertFile: "b.pem", KeyFile: "b.pem"}},
		{[]string{"-csr=" + csr}, nil, CreateOptions{}},
	} {
		ours := t.TempDir()
		t.Chdir(ours)
		flags, err := tc.flags, error(nil)
		if tc.names == nil {
			_, err = a.CreateFromRequest(csr, tc.opts)
		} else {
			flags = append([]string{"-ecdsa"}, flags...) // quicker than RSA; ours always is
			_, err = a.Create(tc.names, tc.opts)
		}
		certstest.Must(t, err)
		wantAlike(t, ours, certstest.RunMkcert(t, tool, caroot, slices.Concat(flags, tc.names)...))
	}
}

// wantAlike compares two folders of certificate files.
func wantAlike(t *testing.T, ours, theirs string) {
	t.Helper()
	got, want := describe(t, ours), describe(t, theirs)
	if !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// describe tells what can be the same in two files that were made apart, by their names.
func describe(t *testing.T, dir string) map[string][]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	certstest.Must(t, err)
	files := map[string][]string{}
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		info, err := entry.Info()
		certstest.Must(t, err)
		said := []string{info.Mode().String()}
		if filepath.Ext(path) == ".p12" || filepath.Ext(path) == ".pfx" {
			said = nil // mkcert has them 0644, with the key in them
		}
		if !strings.Contains(entry.Name(), "-key") && entry.Name() != "k.pem" {
			said = append(said, describeLeaf(loadLeaf(t, path))...)
		}
		files[entry.Name()] = said
	}
	return files
}

// lowered is for host names, which mkcert writes as they were typed. Nobody minds their case (RFC 4343).
func lowered(names []string) []string {
	return strings.Split(strings.ToLower(strings.Join(names, "\n")), "\n")
}

func describeLeaf(leaf *x509.Certificate) []string {
	said := append([]string{leaf.Subject.CommonName, leaf.NotAfter.Format(time.DateOnly), leaf.Issuer.String()},
		slices.Compact(slices.Sorted(slices.Values(lowered(subjects(leaf.DNSNames, leaf.EmailAddresses, leaf.IPAddresses, leaf.URIs)))))...)
	for _, usage := range slices.Sorted(slices.Values(leaf.ExtKeyUsage)) {
		said = append(said, usage.String())
	}
	return said
}

// mkcert takes our folder for a CA whose key is elsewhere. It signs nothing then, and leaves the folder alone.
func TestMkcertInOurFolderSignsNothing(t *testing.T) {
	tool, a := certstest.MkcertTool(t), openTest(t, Options{})
	before := certstest.Snapshot(t, a.Dir())
	cmd := exec.CommandContext(t.Context(), tool, "localhost")
	cmd.Dir, cmd.Env = t.TempDir(), []string{"CAROOT=" + a.Dir(), "TRUST_STORES=nss", "HOME=" + t.TempDir()}
	if out, err := cmd.CombinedOutput(); err == nil {
		t.Errorf("mkcert signs: %s", out)
	}
	if !maps.Equal(certstest.Snapshot(t, a.Dir()), before) {
		t.Error("our folder is not what it was")
	}
}
