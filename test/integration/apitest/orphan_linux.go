package apitest

import "syscall"

// dieWithParent has the kernel end the program when the tests are killed, see
// PR_SET_PDEATHSIG in prctl(2).
func dieWithParent(attributes *syscall.SysProcAttr) { attributes.Pdeathsig = syscall.SIGKILL }
