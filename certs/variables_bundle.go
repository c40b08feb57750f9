package certs

import (
	"encoding/asn1"
	"encoding/pem"
)

// mergeRoots returns certificates in their order, each once, and root, which comes last unless it was among them. Other
// roots of this package are left out: their keys are gone or are another user's.
func mergeRoots(root Root, certificates []*pem.Block) []byte {
	var out []byte
	seen := map[string]bool{}
	add := func(block *pem.Block) {
		if id := block.Type + "\n" + string(block.Bytes); !seen[id] {
			seen[id] = true
			out = append(out, pem.EncodeToMemory(block)...)
		}
	}
	for _, block := range certificates {
		if !root.supersedes(block) {
			add(block)
		}
	}
	if root.Certificate != nil {
		add(&pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate.Raw})
	}
	return out
}

// certificateBlocks returns the certificates in PEM under the names that OpenSSL reads them by. A TRUSTED CERTIFICATE
// has its settings behind it, which may be that it is not to be trusted, so it stays what it is. What is damaged is
// passed over, as it is by Go; OpenSSL would refuse the whole file. Nothing else gets through: a file that somebody keeps
// for one client may hold the key of a client certificate too, and what is made of it is for everybody to read.
func certificateBlocks(data []byte) []*pem.Block {
	var blocks []*pem.Block
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		_, settings, ok := splitCertificate(block.Bytes)
		switch {
		case !ok:
		case block.Type == "TRUSTED CERTIFICATE":
			blocks = append(blocks, &pem.Block{Type: block.Type, Bytes: block.Bytes})
		case (block.Type == "CERTIFICATE" || block.Type == "X509 CERTIFICATE") && len(settings) == 0:
			blocks = append(blocks, &pem.Block{Type: "CERTIFICATE", Bytes: block.Bytes})
		}
	}
	return blocks
}

// splitCertificate finds the end of a certificate by its outermost form (RFC 5280 section 4.1). Roots with a negative
// serial number or the like are for their clients to judge, so no more is asked of it than that.
func splitCertificate(data []byte) (der, rest []byte, ok bool) {
	var outer struct {
		TBS       asn1.RawValue
		Algorithm asn1.RawValue
		Signature asn1.BitString
	}
	rest, err := asn1.Unmarshal(data, &outer)
	if err != nil {
		return nil, nil, false
	}
	return data[:len(data)-len(rest)], rest, true
}
