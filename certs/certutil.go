package certs

import (
	"bytes"
	"crypto/x509"
	"regexp"
	"slices"
	"strings"
)

// nssEntry is one certificate of an NSS database.
type nssEntry struct {
	nickname    string
	flags       string // "C,,": for TLS, S/MIME, code signing
	certificate *x509.Certificate
}

// trusted tells whether the entry is a trusted issuer of TLS servers.
func (e nssEntry) trusted() bool {
	forTLS, _, _ := strings.Cut(e.flags, ",")
	return strings.Contains(forTLS, "C")
}

// parseListing reads the table that certutil -L prints. A line is a nickname, padded, and the flags; the nickname may
// hold blanks, and even what looks like flags.
func parseListing(out []byte) []nssEntry {
	line := regexp.MustCompile(`^(.*\S)\s+([pPcCTuwg]*,[pPcCTuwg]*,[pPcCTuwg]*)\s*$`)
	var entries []nssEntry
	for text := range bytes.Lines(out) {
		if m := line.FindSubmatch(bytes.TrimRight(text, "\r\n")); m != nil {
			entries = append(entries, nssEntry{nickname: string(m[1]), flags: string(m[2])})
		}
	}
	return entries
}

// with returns the entry once for every certificate of ours in PEM: one nickname may stand for several.
func (e nssEntry) with(data []byte, root Root) []nssEntry {
	present, certificates := root.sorted(data)
	if present {
		certificates = append(slices.Clip(certificates), root.Certificate)
	}
	entries := make([]nssEntry, len(certificates))
	for i, c := range certificates {
		entries[i] = nssEntry{nickname: e.nickname, flags: e.flags, certificate: c}
	}
	return entries
}
