package assembly

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"timesheets/domain/fault"
)

// config has what programs read: fields that are read into something, and
// structs within it.
type config struct {
	Max     int           `env:"POOL_MAX" envDefault:"10"`
	Life    time.Duration `env:"POOL_LIFE" envDefault:"30m"`
	Rate    float64       `env:"RATE"`
	Address string        `env:"ADDRESS,required"`
	Log     LogConfig
	Deep    struct {
		Max bool `env:"MAX"`
	} `envPrefix:"DEEP_"`
}

func TestAMistakeNamesTheVariable(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ line, want string }{
		{"POOL_MAX=ten", `POOL_MAX is a whole number, not "ten"`},
		{"POOL_MAX=99999999999999999999", `POOL_MAX: strconv.ParseInt: parsing "99999999999999999999": value out of range`},
		{"RATE=fast", `RATE is a number, not "fast"`},
		{"POOL_LIFE=soon", `POOL_LIFE: unable to parse duration: time: invalid duration "soon"`},
		{"LOG_LEVEL=loud", `LOG_LEVEL: slog: level string "loud": unknown name`},
		{"DEEP_MAX=perhaps", `DEEP_MAX: strconv.ParseBool: parsing "perhaps": invalid syntax`},
	} {
		if _, err := Read[config](Environment{"ADDRESS=x", tt.line}); err == nil || err.Error() != tt.want {
			t.Errorf("%s: got %v, want %s", tt.line, err, tt.want)
		}
	}
}

func TestAllMistakesAreToldAndWhatIsWrongHasItsDefault(t *testing.T) {
	t.Parallel()
	c, err := Read[config](Environment{"POOL_MAX=ten", "RATE=fast", "POOL_LIFE=1h"})
	for _, name := range []string{"POOL_MAX", "RATE", "ADDRESS"} {
		if err == nil || strings.Count(err.Error(), name) != 1 {
			t.Errorf("%s is not told of, or twice: %v", name, err)
		}
	}
	if c.Max != 10 || c.Life != time.Hour {
		t.Errorf("got %+v", c)
	}
}

// Who puts the secret itself where its file is to be named does not find it in
// the log.
func TestAMistakeAboutTheFileOfASecretDoesNotShowWhatItWasSetTo(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	empty := filepath.Join(folder, "empty")
	if err := os.WriteFile(empty, []byte(" \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ file, says string }{
		{"hunter2-hunter2-hunter2", "no such file"},
		{strings.Repeat("hunter2", 100), "too long"},
		{folder, "is a directory"},
		{empty, "is empty"},
	} {
		_, err := SecretFrom("CLIENT_SECRET", "", tt.file)
		if err == nil || !strings.Contains(err.Error(), "CLIENT_SECRET_FILE") || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), tt.file) {
			t.Errorf("got %v, want an error that says %q", err, tt.says)
		}
	}
}

func TestOfOneVariableTheFirstMistakeIsTold(t *testing.T) {
	t.Parallel()
	variables := map[string]string{"url_missing": "URL", "limit": "LIMIT"}
	later := errors.Join(
		fault.New(fault.Invalid, "url_missing", "There is no URL."), fault.New(fault.Invalid, "limit", "Too much."),
		fault.New(fault.Invalid, "new_rule", "No good.").With("variable", "OTHER"), fault.New(fault.Invalid, "unknown", "Odd."))
	err := Mistakes(Mistake{"URL", "URL is not set"}, nil, errors.Join(InWords(later, variables), errors.New("all else")))
	if want := "URL is not set\nLIMIT: Too much.\nOTHER: No good.\nOdd.\nall else"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if err := Mistakes(nil, InWords(nil, variables)); err != nil {
		t.Errorf("of nothing: %v", err)
	}
}
