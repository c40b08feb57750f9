// Package certs makes the certificates of a local development environment.
//
// # Authority
//
// [Open] loads the authority of a folder, or makes it. A root signs one intermediate, and then the root's key is forgotten: it is
// never written anywhere. Both certificates carry critical name constraints (localhost, 127.0.0.0/8, ::1, RFC 5280 section
// 4.2.1.10) and are for TLS alone, so that with the one key on disk, the intermediate's, a thief can impersonate only the
// machine it was stolen from. Both need the constraints: OpenJDK ignores those of a trust anchor, as RFC 5280 section
// 6.1.1 allows, but not those of an intermediate. [Options].Domains adds domains to the constraints, and with them what
// can be impersonated with the key. An existing authority cannot be given more.
//
//	rootCA.pem            the certificate to be trusted
//	intermediate.pem      the certificate that signs
//	intermediate-key.pem  its key, 0600, PKCS #8
//	leaves/               kept by a Keeper: chain and key in one file, 0600
//
// The folder appears whole, by one rename, or not at all. With [Options].CAROOT it holds, instead of the three files, one
// that says where mkcert's CA is. That CA has no constraints, and signs leaves itself. [FindMkcert] looks for it.
//
// # Leaves
//
// A [Keeper] holds the leaves that a server presents, and renews them at one third of their life left, while the server
// runs. There are two. Clients that send a server name (RFC 6066 section 3) get a leaf with DNS names only, because
// BoringSSL refuses every chain that has both an address and an address constraint (oven-sh/bun#42254). Other clients
// get a leaf with all names and addresses: they may have asked for an address or, as Java does, for a name without a dot.
// A name further below a wildcard than the one label the wildcard stands for gets a leaf of its own when a client asks
// for it. Changes that other processes make on disk are noticed within seconds: leaves that [Authority.Renew] has issued, and
// another authority instead of the old one.
//
// [Authority.Create] writes files for other programs, with mkcert's names and options: PEM or PKCS #12, for servers or
// for clients too. [Authority.CreateFromRequest] answers a certificate signing request.
//
//	env, err := host.Detect(os.Getenv)
//	authority, created, err := certs.Open(dir, certs.Options{Holder: env.Holder, Owner: env.OwnerOf(dir)})
//	keeper, err := certs.NewKeeper(authority, certs.KeeperOptions{})
//	config := &tls.Config{GetCertificate: keeper.GetCertificate}
//
// # Trust
//
// A [Root] is what clients have to trust, and a [Claim] says which roots on a machine belong to a user. The packages beside
// this one do the rest:
//
//	truststore  installs the root in the trust stores of a machine, removes it, and proves both
//	clientenv   the environment variables for programs with roots of their own
//	keypair     serves a certificate that a person brought, instead of an authority's leaves
//	host        the machine: environment, commands, sudo, files and their owners
//
// Nothing in this package reads the process's environment. The approach and the file names follow mkcert (Filippo Valsorda
// and the mkcert authors).
package certs
