package apitest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
)

// lifetime is that of the test binary: what starts in it ends after all tests.
var lifetime = &binary{}

// Shared makes something for all tests of the binary, when the first asks. make
// is given the binary in the place of a test; what it registers with Cleanup
// happens after the last test.
func Shared[T any](make func(binary testing.TB) T) func(testing.TB) T {
	once := sync.OnceValues(func() (made T, err error) {
		defer func() {
			switch p := recover().(type) {
			case nil:
			case fatal:
				err = p
			default:
				panic(p)
			}
		}()
		return make(lifetime), nil
	})
	return func(t testing.TB) T {
		t.Helper()
		made, err := once()
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
}

// binary stands where a test is asked for. It has the methods that helpers
// call; the others are those of no test.
type binary struct {
	testing.TB
	mu       sync.Mutex
	cleanups []func()
	failures []error
}

// fatal is what Fatal says.
type fatal struct{ error }

func (b *binary) Helper()                      {}
func (b *binary) Log(...any)                   {}
func (b *binary) Logf(string, ...any)          {}
func (b *binary) Fatal(args ...any)            { panic(fatal{errors.New(fmt.Sprint(args...))}) }
func (b *binary) Fatalf(f string, a ...any)    { panic(fatal{fmt.Errorf(f, a...)}) }
func (b *binary) Error(args ...any)            { b.failed(errors.New(fmt.Sprint(args...))) }
func (b *binary) Errorf(f string, args ...any) { b.failed(fmt.Errorf(f, args...)) }

func (b *binary) Failed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.failures) > 0
}

func (b *binary) failed(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures = append(b.failures, err)
}

func (b *binary) Cleanup(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cleanups = append(b.cleanups, f)
}

// end does all that is left to do, the last first.
func (b *binary) end() (err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case fatal:
			err = p
		default:
			panic(p)
		}
	}()
	for {
		b.mu.Lock()
		n := len(b.cleanups) - 1
		if n < 0 {
			b.mu.Unlock()
			return errors.Join(b.failures...)
		}
		last := b.cleanups[n]
		b.cleanups = b.cleanups[:n]
		b.mu.Unlock()
		last()
	}
}
