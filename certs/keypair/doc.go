// Package keypair serves a certificate and its key that a person brought, instead of leaves of an authority.
//
// [Open] reads the two files and refuses what no client would accept under the hosts that are served, with the command that
// helps. [Pair.GetCertificate] is for a TLS server. [Pair.Run] watches the files: handshakes get what is new in them,
// and what is unfit is refused while the old pair stays in use. [SignedBy] tells whether an authority signed such a pair.
package keypair
