// Package certs makes the certificates of a local development environment and has them trusted.
//
// # Authority
//
// [Open] loads the authority of a folder, or makes it. A root signs one intermediate, and then the root's key is
// forgotten: it was never written anywhere. Both certificates carry critical name constraints (localhost, 127.0.0.0/8,
// ::1, RFC 5280 section 4.2.1.10) and serve TLS alone, so a thief of the one key on disk, the intermediate's, can
// impersonate nobody but the machine it was stolen from. Why on both: OpenJDK ignores constraints of a trust anchor, as
// RFC 5280 section 6.1.1 allows, but not those of an intermediate. [Options].Domains adds domains to the constraints, and
// what may be impersonated with the key; an authority that exists cannot be given more.
//
//	rootCA.pem            what has to be trusted
//	intermediate.pem      what signs
//	intermediate-key.pem  its key, 0600, PKCS #8
//	leaves/               kept by a Keeper: chain and key in one file, 0600
//
// The folder appears whole, by one rename, or not at all. With [Options].CAROOT it holds, instead of the three files,
// one that says where mkcert's CA is: that has no constraints, and signs leaves itself. [FindMkcert] looks for it.
//
// # Leaves
//
// A [Keeper] holds the leaves a server presents and renews them at one third of their life left, under the running
// server. There are two. Clients that send a server name (RFC 6066 section 3) get a leaf with DNS names only, because
// BoringSSL refuses every chain that has both an address and an address constraint (oven-sh/bun#42254). Others get one with
// all names and addresses: they may have asked for an address, or, as Java does, for a name without a dot. A name further
// below a wildcard than the one label that it stands for gets a leaf of its own when a client asks for it. What other
// processes change on disk is taken up within seconds: leaves that [Authority.Renew] has issued, and another authority in
// the place of the old one.
//
// [Authority.Create] writes files for other programs, with mkcert's names and options: PEM or PKCS #12, for servers or
// for clients too. [Authority.CreateFromRequest] answers a certificate signing request.
//
// A [Pair] takes the Keeper's place with a certificate that somebody brought: checked for what clients would refuse, and
// followed in its files.
//
// # Trust
//
// [Stores] finds the trust stores of a machine, by families: the system's, that of the Windows around a WSL too; one for
// every NSS database of Chromium and Firefox; one for every file of roots that a JVM reads; and the policies of the
// browsers, for those who lack certutil. [Trust] installs the root in each and proves it by a TLS handshake of a client
// that reads that store: curl, the browser or tstclnt, the JVM. [Untrust] removes every root this package ever made for
// this user, known by its certificate and not by its name, and of mkcert's what [Trust] has put there under a name of ours,
// and proves that too; a [Claim] says whose roots those are. A process that is killed leaves its commands at work, and the
// next one waits for them. A client that did not come to the handshake has proven nothing. Nothing here asks the process's environment
// about the machine, but for the folder of temporary files: what a store may know stands in an [host.Env], and every command
// runs through its [host.Runner], with a time limit, and without a terminal unless it is sudo.
//
//	env, err := host.Detect(os.Getenv)
//	authority, created, err := certs.Open(dir, certs.Options{Holder: env.Holder, Owner: env.OwnerOf(dir)})
//	for _, r := range certs.Trust(ctx, authority, certs.Stores(env), nil) {
//		fmt.Println(r.Store, r.Before, "→", r.After, r.Known, r.Err)
//	}
//
// # Programs with roots of their own
//
// Node, Python's requests, Java and others read none of the stores. [Variables] combines our root with the roots that each
// of them would have read, and returns the variables of the environment that lead there; [Withdraw] takes ours out again.
//
// The approach, the file names and the naming of store entries follow mkcert (Filippo Valsorda and the mkcert authors).
package certs
