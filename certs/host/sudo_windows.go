package host

// rootsAlone accepts every path: there is no user behind sudo on Windows.
func rootsAlone(string) error { return nil }
