package certs

import "syscall"

// endsWithUs has a command killed when this process is, however that ends. It holds for as long as the thread lives that
// starts the command (prctl(2), PR_SET_PDEATHSIG).
func endsWithUs(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }
