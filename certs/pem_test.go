package certs

import (
	"bytes"
	"encoding/pem"
	"testing"
	"time"
)

// What an authority's files may hold is what this package writes, byte for byte: no second certificate, no words around
// it, no other base64.
func FuzzDecodePEM(f *testing.F) {
	root, key, err := sign(caTemplate("root", "x", time.Now(), []string{localhost}), nil, nil)
	if err != nil {
		f.Fatal(err)
	}
	encoded, err := encodeKey(key)
	if err != nil {
		f.Fatal(err)
	}
	certificate := encodeCertificates(root.Raw)
	for _, seed := range [][]byte{
		certificate, encoded, append(certificate, encoded...), append([]byte("hello\n"), certificate...), certificate[:100], {},
		bytes.ReplaceAll(certificate, []byte("\n"), []byte("\r\n")), bytes.TrimSpace(encoded),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Headers: map[string]string{"a": "b"}, Bytes: root.Raw}),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if c, err := decodeCertificate(data); err == nil && !bytes.Equal(encodeCertificates(c.Raw), data) {
			t.Errorf("accepted as a certificate: %q", data)
		}
		if der, err := decodePEM(data, "PRIVATE KEY"); err == nil {
			if again := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}); !bytes.Equal(again, data) {
				t.Errorf("accepted as a key: %q", data)
			}
		}
		if key, err := decodeKey(data); err == nil && key.Public() == nil {
			t.Error("a key without a public half")
		}
		if first := firstBlock(data); !bytes.Equal(firstBlock(first), first) {
			t.Errorf("the first block of %q has another first block", data)
		}
	})
}
