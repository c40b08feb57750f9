package listen

import "golang.org/x/sys/windows"

const (
	errInUse     = windows.WSAEADDRINUSE
	errDenied    = windows.WSAEACCES
	errNoAddress = windows.WSAEADDRNOTAVAIL
	errNoFamily  = windows.WSAEAFNOSUPPORT
)
