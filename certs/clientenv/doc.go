// Package clientenv makes programs with trusted roots of their own accept the servers of an authority.
//
// Node, Python's requests, Java, git and others read none of the trust stores, but a file that an environment variable or a
// setting names. [Variables] combines, for each of them, the roots that the program would have read with the root of the
// authority, and returns the variables that lead to the combined files. [Withdraw] takes the root out of those files again,
// so that programs which still have the variables go on to accept what they accepted before.
package clientenv
