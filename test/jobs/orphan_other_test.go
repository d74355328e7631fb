//go:build !linux

package jobs

import "syscall"

// dieWithParent has no counterpart here: a job ends when its time is up.
func dieWithParent(*syscall.SysProcAttr) {}
