package jobs

import "syscall"

// dieWithParent has the kernel end a job when the tests are killed, also one
// that is frozen, see PR_SET_PDEATHSIG in prctl(2).
func dieWithParent(attributes *syscall.SysProcAttr) { attributes.Pdeathsig = syscall.SIGKILL }
