// Package http1 is the HTTP/1.1 wire (RFC 9112) of a proxy: messages are read
// strictly, carried in pieces, and written anew.
//
// # Reading
//
// A [Reader] stands on one connection. It takes a head, all of it or an error,
// and then gives the body piece by piece out of its own buffer, as the example shows.
//
// What two parsers could understand differently is refused, because the second
// parser is the server behind the proxy: a line that ends without CR, a length
// beside a coding, a length written in two ways, a folded line, blanks before a
// colon. An [*Error] says why, and which status answers it; after any error the
// connection has to be closed, since where the message ends is in doubt.
//
// # Writing
//
// A [Writer] makes the framing itself: Content-Length and Transfer-Encoding of
// the fields it is given are never copied. What is written stays in one buffer
// until Flush, so that a small message is one write and one TLS record.
//
// # Memory
//
// Buffers come from a [Pool] when bytes come in. A [Writer] gives its own back with
// what it sends. A [Reader] does in [Reader.Wait], between two messages, and in
// [Reader.Release]: a connection at rest holds none, and one that waits within a
// message, or for an answer, holds one.
package http1
