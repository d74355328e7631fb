package auth0

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"timesheets/domain/fault"
)

const (
	maxSecretFileLength = 64 << 10 // bytes
	maxSecrets          = 8        // each costs a try per token
	minSecretLength     = 32       // bytes; RFC 7518, section 3.2
)

// secretFile holds the secrets that are shared with the issuer, as they stood
// in the file when it was last good. To rotate without an interruption, put
// the new secret on the first line and take the old one away when the tokens
// made with it have ended.
type secretFile struct {
	path string
	pace Pace
	now  func() time.Time

	mu       sync.Mutex
	text     []byte // what the held secrets were read from
	secrets  jwt.VerificationKeySet
	changes  uint64
	readAt   time.Time // when the file was last found good
	trouble  error     // why the last look at the file brought nothing; nil if it did
	reads    uint64
	failures uint64
}

func newSecretFile(c Config) (*secretFile, error) {
	f := &secretFile{path: c.SecretFile, pace: c.Pace, now: c.Now}
	if err := f.refresh(context.Background()); err != nil {
		return nil, fault.New(fault.Invalid, "auth0_signing_secret_file",
			"The signing secret file cannot be used: %v. Want a readable file with one secret of at least %d bytes a line, newest first.", err, minSecretLength)
	}
	return f, nil
}

// refresh reads the file again. What is no good replaces nothing.
func (f *secretFile) refresh(context.Context) error {
	text, err := readBounded(f.path)
	var secrets jwt.VerificationKeySet
	if err == nil {
		secrets, err = parseSecrets(text)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reads++
	f.trouble = err
	if err != nil {
		f.failures++
		return err
	}
	f.readAt = f.now()
	if !bytes.Equal(f.text, text) {
		f.text, f.secrets = text, secrets
		f.changes++
	}
	return nil
}

// readBounded reads a file that may be anything, also a device without end. Its
// errors do not hold the path: some set a secret where its file is to be named.
func readBounded(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, withoutPath(err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxSecretFileLength+1))
	if err == nil && len(text) > maxSecretFileLength {
		err = fmt.Errorf("longer than %d bytes", maxSecretFileLength)
	}
	return text, withoutPath(err)
}

func withoutPath(err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		return at.Err
	}
	return err
}

// parseSecrets takes one secret a line; empty lines do not count. Its errors
// hold nothing from the file.
func parseSecrets(text []byte) (jwt.VerificationKeySet, error) {
	var set jwt.VerificationKeySet
	for line := range bytes.Lines(text) {
		secret := bytes.TrimRight(line, "\r\n")
		if len(secret) == 0 {
			continue
		}
		if len(secret) < minSecretLength {
			return set, fmt.Errorf("secret %d is shorter than %d bytes", len(set.Keys)+1, minSecretLength)
		}
		set.Keys = append(set.Keys, secret)
	}
	if len(set.Keys) == 0 || len(set.Keys) > maxSecrets {
		return set, fmt.Errorf("%d secrets; want 1 to %d", len(set.Keys), maxSecrets)
	}
	return set, nil
}

// keyfunc offers every secret: tokens signed with one name no key.
func (f *secretFile) keyfunc(context.Context) jwt.Keyfunc {
	return func(*jwt.Token) (any, error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.secrets, nil
	}
}

func (f *secretFile) generation() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.changes
}

// run looks at the file again and again until ctx ends.
func (f *secretFile) run(ctx context.Context, outcome func(error)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(f.pace.Reread):
			outcome(f.refresh(ctx))
		}
	}
}

// ready is always nil: without secrets there is no secretFile.
func (f *secretFile) ready() error { return nil }

func (f *secretFile) count(s *Stats) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s.Keys, s.KeyFetches, s.KeyFetchFailures, s.KeyTrouble = len(f.secrets.Keys), f.reads, f.failures, f.trouble
	s.KeyAge = f.now().Sub(f.readAt)
}
