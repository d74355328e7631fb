//go:build !linux

package localpostgres

import "syscall"

// dieWithParent has no counterpart here: the guard of the server's folder does it alone.
func dieWithParent(*syscall.SysProcAttr) {}
