package main

import "os"

// jobControl: Windows has no such signals.
func jobControl() map[string]os.Signal { return nil }
