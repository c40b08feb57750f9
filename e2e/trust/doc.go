// Package trust proves with the clients themselves what `letta-dev certs` promises. Its tests need the tag e2e, Linux and
// root; each client that is not installed is named as NOT PROVEN.
//
//	go test -tags e2e -v ./e2e/trust
//
// A test runs again, alone, in a mount and a network namespace of its own: /etc and the stores are copies, the homes are
// empty, and all of it ends with the process. In there the built letta-dev installs its root, and browsers, curl, wget,
// git, Python, Node and Java are asked before, while it is installed, and after; those that read no store, by `letta-dev
// run`. While they trust the root a thief with the intermediate's key serves what it must not be good for: each client
// refuses that, and says why.
package trust
