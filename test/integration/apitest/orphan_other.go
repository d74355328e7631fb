//go:build !linux

package apitest

import "syscall"

// dieWithParent has no counterpart here: a program outlives tests that are
// killed, and ends when its database is gone for good.
func dieWithParent(*syscall.SysProcAttr) {}
