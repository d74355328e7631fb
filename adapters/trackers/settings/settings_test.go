package settings_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timesheets/adapters/trackers/settings"
)

var list = []settings.Setting{
	{Name: "TRACKER_URL", Required: true, Help: "the address"},
	{Name: "TRACKER_TOKEN", Required: true, Secret: true, Help: "a token"},
	{Name: "TRACKER_USER_ID", Default: "email", OneOf: []string{"email", "id"}},
	{Name: "TRACKER_DEFAULT_PROJECT"},
}

// read reads list from an environment and a file system of strings.
func read(environment, files map[string]string) (settings.Values, error) {
	return settings.Read(list,
		func(name string) string { return environment[name] },
		func(path string) ([]byte, error) {
			content, ok := files[path]
			if !ok {
				return nil, fs.ErrNotExist
			}
			return []byte(content), nil
		})
}

func TestDefaultsFillWhatIsNotSet(t *testing.T) {
	t.Parallel()
	got, err := read(map[string]string{"TRACKER_URL": "https://x", "TRACKER_TOKEN": "t"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := settings.Values{"TRACKER_URL": "https://x", "TRACKER_TOKEN": "t", "TRACKER_USER_ID": "email", "TRACKER_DEFAULT_PROJECT": ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestASecretMayStandInAFile(t *testing.T) {
	t.Parallel()
	got, err := read(map[string]string{"TRACKER_URL": "https://x", "TRACKER_TOKEN_FILE": "/run/token"}, map[string]string{"/run/token": "  secret\n"})
	if err != nil {
		t.Fatal(err)
	}
	if got["TRACKER_TOKEN"] != "secret" {
		t.Errorf("got %q, want the file's content without the blanks around it", got["TRACKER_TOKEN"])
	}
}

func TestOnlySecretsMayStandInFiles(t *testing.T) {
	t.Parallel()
	_, err := read(map[string]string{"TRACKER_URL_FILE": "/run/url", "TRACKER_TOKEN": "t"}, map[string]string{"/run/url": "https://x"})
	if err == nil {
		t.Error("TRACKER_URL was read from a file")
	}
}

func TestEveryMistakeIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	_, err := read(map[string]string{"TRACKER_USER_ID": "name"}, nil)
	if err == nil {
		t.Fatal("three mistakes were taken")
	}
	for _, part := range []string{"TRACKER_URL: the address", "TRACKER_TOKEN or TRACKER_TOKEN_FILE: a token", "TRACKER_USER_ID is one of email, id"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
}

func TestMistakesAreRefusedWithoutShowingSecrets(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name        string
		environment map[string]string
		files       map[string]string
		says        string
	}{
		{"set twice", map[string]string{"TRACKER_TOKEN": "hidden1", "TRACKER_TOKEN_FILE": "/f"}, map[string]string{"/f": "hidden1"}, "not both"},
		{"a file that is not there", map[string]string{"TRACKER_TOKEN_FILE": "/f"}, nil, "cannot be read"},
		{"a file that is no secret", map[string]string{"TRACKER_TOKEN_FILE": "/f"}, map[string]string{"/f": strings.Repeat("hidden1", 5000)}, "too large"},
		{"an empty file", map[string]string{"TRACKER_TOKEN_FILE": "/f"}, map[string]string{"/f": " \n"}, "Set TRACKER_TOKEN"},
		{"two lines", map[string]string{"TRACKER_TOKEN": "hidden1\nhidden2"}, nil, "one line"},
		{"a NUL", map[string]string{"TRACKER_TOKEN": "hidden1\x00"}, nil, "one line"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.environment["TRACKER_URL"] = "https://x"
			_, err := read(tt.environment, tt.files)
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("got %v, want an error that says %q", err, tt.says)
			}
			if strings.Contains(err.Error(), "hidden1") {
				t.Errorf("the error shows the secret: %v", err)
			}
		})
	}
}

func TestTheCauseOfAnUnreadableFileIsKept(t *testing.T) {
	t.Parallel()
	_, err := read(map[string]string{"TRACKER_URL": "https://x", "TRACKER_TOKEN_FILE": "/f"}, nil)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want fs.ErrNotExist in it", err)
	}
}
