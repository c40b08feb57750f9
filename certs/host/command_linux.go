package host

import "syscall"

// endsWithUs makes the kernel kill the command when this process ends, however it ends. That holds as long as the thread
// lives that started the command (prctl(2), PR_SET_PDEATHSIG).
func endsWithUs(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }
