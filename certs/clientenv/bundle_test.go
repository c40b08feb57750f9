package clientenv

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/certstest"
)

func encodeBlocks(kind string, all ...*x509.Certificate) []byte {
	var out []byte
	for _, c := range all {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: c.Raw})...)
	}
	return out
}

// holds counts how often a certificate stands in PEM.
func holds(data []byte, c *x509.Certificate) int {
	count := 0
	for _, block := range certificateBlocks(data) {
		if bytes.HasPrefix(block.Bytes, c.Raw) {
			count++
		}
	}
	return count
}

func TestMergeKeepsCertificatesAloneAndOnce(t *testing.T) {
	one, two, three := certstest.SelfSigned(t, "one"), certstest.SelfSigned(t, "two"), certstest.SelfSigned(t, "three")
	mine, stale := certstest.SelfSigned(t, certs.Organisation), certstest.SelfSigned(t, certs.Organisation)
	trusted := append(bytes.Clone(three.Raw), 0x30, 0) // OpenSSL's settings, of which there are none
	var file []byte
	for _, part := range [][]byte{
		[]byte("# a comment\n"), encodeBlocks("CERTIFICATE", one, one, stale), encodeBlocks("X509 CERTIFICATE", two, one),
		[]byte("-----BEGIN CERTIFICATE-----\nnot base64!\n-----END CERTIFICATE-----\n"),
		encodeBlocks("PRIVATE KEY", one), encodeBlocks("X509 CRL", one),
		pem.EncodeToMemory(&pem.Block{Type: "TRUSTED CERTIFICATE", Bytes: trusted}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: trusted}), // two in one: broken
	} {
		file = append(file, part...)
	}
	merged := mergeRoots(certs.Root{Certificate: mine}, certificateBlocks(file))
	for name, c := range map[string]*x509.Certificate{"one": one, "two": two, "three": three, "mine": mine} {
		if n := holds(merged, c); n != 1 {
			t.Errorf("%s is in it %d times", name, n)
		}
	}
	if holds(merged, stale) > 0 {
		t.Error("an older root of ours is in it")
	}
	for _, leaked := range []string{"BEGIN PRIVATE", "BEGIN X509", " CRL", "comment", "base64"} {
		if strings.Contains(string(merged), leaked) {
			t.Errorf("%q got into it", leaked)
		}
	}
	if !bytes.Contains(merged, []byte("BEGIN TRUSTED CERTIFICATE")) {
		t.Error("the settings of a trusted certificate are lost")
	}
	if !bytes.HasSuffix(merged, encodeBlocks("CERTIFICATE", mine)) {
		t.Error("our root is not the last")
	}
}

func TestMergeLeavesOurRootWhereItIs(t *testing.T) {
	one, mine := certstest.SelfSigned(t, "one"), certstest.SelfSigned(t, certs.Organisation)
	file := encodeBlocks("CERTIFICATE", mine, one)
	if got := mergeRoots(certs.Root{Certificate: mine}, certificateBlocks(file)); !bytes.Equal(got, file) {
		t.Errorf("the order has changed:\n%s", got)
	}
}

// The law of merging: every certificate of both files is in the result exactly once, but for roots of ours; the result is
// nothing but certificates, our root among them; and merging it again changes nothing.
func FuzzMergeRoots(f *testing.F) {
	c, err := x509.ParseCertificate(fuzzRoot(f))
	if err != nil {
		f.Fatal(err)
	}
	root := certs.Root{Certificate: c}
	good := string(encodeBlocks("CERTIFICATE", c))
	f.Add("", "")
	f.Add(good, good)
	f.Add("# comment\n"+strings.ReplaceAll(good, "CERTIFICATE", "TRUSTED CERTIFICATE"), strings.ReplaceAll(good, "\n", "\r\n"))
	f.Add(good[:len(good)/2]+good, "-----BEGIN X509 CERTIFICATE-----\nMAkwADAAAwEA\n-----END X509 CERTIFICATE-----\n")
	f.Add("-----BEGIN CERTIFICATE-----\nHeader: 1\n\nMAcwADAAAwEA\n-----END CERTIFICATE-----\n", "MAcwADAAAwEA")
	f.Fuzz(func(t *testing.T, a, b string) {
		in := append(certificateBlocks([]byte(a)), certificateBlocks([]byte(b))...)
		merged := mergeRoots(root, in)
		count := map[string]int{}
		for _, block := range certificateBlocks(merged) {
			count[block.Type+string(block.Bytes)]++
		}
		for _, block := range append(in, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}) {
			if n := count[block.Type+string(block.Bytes)]; n != 1 && !root.Supersedes(block) {
				t.Fatalf("a certificate is in the result %d times", n)
			}
		}
		if blocks := bytes.Count(merged, []byte("-----BEGIN ")); blocks != len(certificateBlocks(merged)) {
			t.Fatalf("%d blocks, of which %d are certificates", blocks, len(certificateBlocks(merged)))
		}
		if again := mergeRoots(root, certificateBlocks(merged)); !bytes.Equal(again, merged) {
			t.Fatal("merging again changes the result")
		}
	})
}

func fuzzRoot(f *testing.F) []byte {
	f.Helper()
	return certstest.SelfSigned(f, certs.Organisation).Raw
}

// The first line of a file of ours says what it was made from, whatever the paths are called; that of others says nothing.
func FuzzOrigin(f *testing.F) {
	f.Add("/etc/ssl/certs/ca-certificates.crt", `/home/a "b" \c`+"\n\x00\xff/")
	f.Add("/", "")
	f.Fuzz(func(t *testing.T, a, b string) {
		want := bundleSource{"/" + a, "/" + b}
		got, ok := recordedSource([]byte(want.line() + "-----BEGIN"))
		if !ok || len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
			t.Fatalf("%q was read as %q, %v", want, got, ok)
		}
		if o, ok := recordedSource([]byte(sourceMark + a)); ok {
			if again, ok := recordedSource([]byte(o.line())); !ok || len(again) != len(o) {
				t.Fatalf("%q is read as %q and written in another way", a, o)
			}
		}
	})
}
