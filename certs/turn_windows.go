package certs

import (
	"context"
	"os"
)

// takeTurn has nothing to wait for: Windows changes its store by itself.
func takeTurn(context.Context, string, func(string)) (*os.File, error) { return nil, nil }
