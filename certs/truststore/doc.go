// Package truststore installs the root of an authority in the trust stores of a machine, removes it again, and proves both.
//
// # Stores
//
// A [Store] is one place that clients take their trusted roots from. [Stores] finds those of a machine, by families, which
// have mkcert's names (TRUST_STORES):
//
//	system    Linux: the distribution's bundle, made of a folder of anchors; on a WSL, the Windows around it too
//	          macOS: the system's keychain; Windows: the user's store of roots
//	nss       one for every NSS database of Chromium and Firefox, those of snaps and flatpaks too
//	java      one for every file of roots that a JVM reads
//	policies  the enterprise policies of Chromium and Firefox, for machines without certutil
//
// A store says what it would run ([Store.Commands]) before it runs it ([Store.Change]), so that a person without root's
// rights can read the commands or type them.
//
// # Installing and removing
//
// [Install] puts the root of an authority into stores. [Uninstall] removes every root that a [certs.Claim] claims: roots of
// this program are recognised by their certificates, not by their names, and of mkcert's only those go that [Install] has put
// there under a name of ours. The commands of a process that is killed go on, and the next process waits for them.
//
// # Proof
//
// What a store holds says less than what a client makes of it. So both, and [Prove] alone, end with a TLS handshake by
// a client that reads the store: curl, the browser or tstclnt, the JVM, or the system's own verifier. A client that never
// reached the server has proven nothing.
//
//	env, err := host.Detect(os.Getenv)
//	authority, created, err := certs.Open(dir, certs.Options{Holder: env.Holder, Owner: env.OwnerOf(dir)})
//	for _, r := range truststore.Install(ctx, authority, truststore.Stores(env), nil) {
//		fmt.Println(r.Store, r.Before, "→", r.After, r.Known, r.Err)
//	}
//
// Nothing here reads the process's environment, except for the folder of temporary files: what a store may know stands
// in a [host.Env], and every command runs through its [host.Runner], with a time limit, and without a terminal unless it is sudo.
//
// The approach and the naming of store entries follow mkcert (Filippo Valsorda and the mkcert authors).
package truststore
