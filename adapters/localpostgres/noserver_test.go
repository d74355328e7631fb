package localpostgres

import (
	"errors"
	"strings"
	"testing"
)

func TestWithNoWayTheErrorSaysWhyAndWhatHelps(t *testing.T) {
	t.Parallel()
	// An image that nobody has, at a registry that is not there.
	_, err := Start(t.Context(), Options{
		Order:   []Source{Docker, "a wish"},
		Image:   "127.0.0.1:1/timesheets/none:1",
		URLName: "TEST_DATABASE_URL",
	})
	if _, ok := errors.AsType[*NoServerError](err); !ok {
		t.Fatalf("got %v, want a NoServerError", err)
	}
	for _, want := range []string{
		"Docker: ", `there is no source called "a wish"`,
		"apt-get install postgresql", "brew install postgresql@", "docker pull 127.0.0.1:1/timesheets/none:1",
		"TEST_DATABASE_URL=postgres://user:password@host:5432/database",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q:\n%s", want, err)
		}
	}
	if lines := strings.Count(err.Error(), "\n"); lines != 9 {
		t.Errorf("got %d lines, want 9:\n%s", lines, err)
	}
}

func TestTheDescriptionSaysWhyNotTheOthers(t *testing.T) {
	t.Parallel()
	s, err := Start(t.Context(), Options{Order: []Source{"a wish", Programs}, Disposable: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	if want := `(not a wish: there is no source called "a wish")`; !strings.HasSuffix(s.Description(), want) {
		t.Errorf("got %q, want %q at its end", s.Description(), want)
	}
	long := because([]refusal{{Docker, errors.New(strings.Repeat("ä ", 1000))}})
	if got := len([]rune(long)); got > 150 {
		t.Errorf("a long reason takes %d characters", got)
	}
}

func TestAGivenServerIsUsedAndLeftAlone(t *testing.T) {
	t.Parallel()
	theirs := start(t, Options{Disposable: true})
	s, err := Start(t.Context(), Options{URL: theirs.URL(), URLName: "TEST_DATABASE_URL"})
	if err != nil {
		t.Fatal(err)
	}
	if s.URL() != theirs.URL() || s.SuperuserURL() != theirs.URL() {
		t.Errorf("got %s, want %s", s.URL(), theirs.URL())
	}
	if !strings.HasSuffix(s.Description(), "/timesheets, from TEST_DATABASE_URL") {
		t.Errorf("got %q", s.Description())
	}
	if err := s.Halt(t.Context(), Fast); !errors.Is(err, errNotOurs) {
		t.Errorf("halt: got %v, want a refusal", err)
	}
	if err := s.Resume(t.Context()); !errors.Is(err, errNotOurs) {
		t.Errorf("resume: got %v, want a refusal", err)
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	if err := tryConnection(t.Context(), theirs.URL()); err != nil {
		t.Errorf("it was stopped: %v", err)
	}
}

func TestAGivenServerThatCannotBeUsedIsNamedWithoutItsPassword(t *testing.T) {
	t.Parallel()
	theirs := start(t, Options{Disposable: true})
	wrong := connectionURL(owner, "s3cret-s3cret", theirs.instance.(*postmaster).address(), owner)
	for _, url := range []string{
		wrong,
		"postgres://u:s3cret-s3cret@127.0.0.1:1/d",
		"postgres://u:s3cret-s3cret@127.0.0.1:port/d",
		"postgres://u:s3cret%zz-s3cret-s3cret@h/d",
		"host=h password='s3cret-s3cret",
		"s3cret-s3cret",
	} {
		_, err := Start(t.Context(), Options{URL: url, URLName: "DATABASE_URL"})
		if err == nil {
			t.Errorf("%s was accepted", url)
			continue
		}
		if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("the password is in the error: %v", err)
		}
		if !strings.HasPrefix(err.Error(), "DATABASE_URL ") {
			t.Errorf("the error does not begin with the variable: %v", err)
		}
	}
}
