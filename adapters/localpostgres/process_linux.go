package localpostgres

import "syscall"

// dieWithParent makes PostgreSQL stop at once when we die, see PR_SET_PDEATHSIG in prctl(2).
func dieWithParent(attributes *syscall.SysProcAttr) { attributes.Pdeathsig = syscall.SIGQUIT }
