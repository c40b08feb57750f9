// Package enginetest helps to test what uses a container engine: Fake is one in memory, and Contract says what an
// orchestrator.Engine must do, so that the same tests hold the fake and the real ones to it.
//
//	f := enginetest.NewFake()
//	t.Cleanup(f.Close)
//	f.Images["letta/letta:0.16.8"] = "sha256:1"
//	f.Program = func(ctx context.Context, p enginetest.Process) int { … }
//
// Fake is not an engine: it runs no programs but the function it is given, for health checks too (or SetHealth says what one found),
// has no file system, no networks between containers, and its volumes are names. What a program does is left to the test. Published ports are real listeners on this machine; a connection to one that the program does not serve yet
// waits, where a real engine would close it.
package enginetest
