package timesheet_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"timesheets/domain/fault"
	"timesheets/domain/timesheet"
)

func TestAnIDReadsBackAsItIsWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var id timesheet.ID
		copy(id[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
		for _, written := range []string{id.String(), strings.ToUpper(id.String())} {
			read, err := timesheet.ParseID(written)
			if id.IsZero() {
				if err == nil {
					t.Fatalf("%s reads as an id", written)
				}
			} else if err != nil || read != id {
				t.Fatalf("%s reads back as %s, %v", written, read, err)
			}
		}
	})
}

func TestWhatIsNoIDIsRefused(t *testing.T) {
	t.Parallel()
	const id = "0199e7a4-5b6c-7d8e-9f01-23456789abcd"
	if _, err := timesheet.ParseID(id); err != nil {
		t.Fatal(err)
	}
	for _, written := range []string{
		"", "0", strings.ReplaceAll(id, "-", ""), "{" + id + "}", "urn:uuid:" + id, " " + id, id + " ", id[:35], id + "0", strings.Replace(id, "a", "g", 1),
		strings.Replace(id, "-", "_", 1), strings.Replace(id, "0", "-", 1), strings.Replace(id, "01", "٠", 1), strings.Repeat("-", 36), strings.Repeat("0", 36),
		"00000000-0000-0000-0000-000000000000",
	} {
		t.Run(written, func(t *testing.T) {
			t.Parallel()
			got, err := timesheet.ParseID(written)
			if !errors.Is(err, fault.Malformed) || fault.Of(err).Code != "not_an_id" || !got.IsZero() {
				t.Errorf("ParseID(%q) = %s, %v; want not_an_id", written, got, err)
			}
		})
	}
}

func TestTheNameOfASource(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"toggl", "harvest-acme", "a", "0", "9.lives_of-a.cat", "api", "upload", "a" + strings.Repeat("-", 62)} {
		if err := timesheet.CheckSource(good); err != nil {
			t.Errorf("CheckSource(%q): %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "Toggl", "TOGGL", "-a", ".a", "_a", "a b", "a/b", "a:b", "a\n", "\na", "a\x00", "é", "a\xff", "a" + strings.Repeat("-", 63), "~a", "*",
	} {
		if err := timesheet.CheckSource(bad); !errors.Is(err, fault.Invalid) || fault.Of(err).Code != "not_a_source" {
			t.Errorf("CheckSource(%q) = %v", bad, err)
		}
		if err := timesheet.CheckUploadSource(bad); !errors.Is(err, fault.Invalid) || fault.Of(err).Code != "not_a_source" {
			t.Errorf("CheckUploadSource(%q) = %v", bad, err)
		}
	}
}

func TestNoUploadMayNameTheSourceOfHandMadeEntries(t *testing.T) {
	t.Parallel()
	if err := timesheet.CheckUploadSource(timesheet.SourceAPI); !errors.Is(err, fault.Invalid) || fault.Of(err).Code != "source_reserved" {
		t.Errorf("got %v, want source_reserved", err)
	}
	for _, good := range []string{timesheet.SourceUpload, "api2", "toggl"} {
		if err := timesheet.CheckUploadSource(good); err != nil {
			t.Errorf("CheckUploadSource(%q): %v", good, err)
		}
	}
}

func TestAnExternalIDIsAnyTextOfReasonableLength(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"1", " ", "a~", "π", "a/b?c=d", "\n", strings.Repeat("a", 255), strings.Repeat("😀", 255)} {
		if err := timesheet.CheckExternalID(good); err != nil {
			t.Errorf("CheckExternalID(%q): %v", good, err)
		}
	}
	for bad, code := range map[string]string{
		"": "length", strings.Repeat("a", 256): "length", strings.Repeat("😀", 256): "length",
		"~": "reserved", "~a": "reserved", "a\x00b": "nul", "\x00": "nul", "a\xff": "not_utf8", "\xff": "not_utf8", "\xed\xa0\x80": "not_utf8",
	} {
		if err := timesheet.CheckExternalID(bad); !errors.Is(err, fault.Invalid) || fault.Of(err).Code != code {
			t.Errorf("CheckExternalID(%q) = %v, want %s", bad, err, code)
		}
	}
}

func FuzzASourceOrARefusal(f *testing.F) {
	form := regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)
	for _, s := range []string{"toggl", "harvest-acme", "", ".a", "a.", "A", "a\n", "ä", strings.Repeat("a", 63), strings.Repeat("a", 64)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if err := timesheet.CheckSource(s); (err == nil) != form.MatchString(s) {
			t.Fatalf("CheckSource(%q) = %v", s, err)
		}
	})
}
