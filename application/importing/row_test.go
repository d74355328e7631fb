package importing_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"timesheets/application/importing"
	"timesheets/test/uploadtest"
)

func TestNoRowIsLongerThanTheAPITakes(t *testing.T) {
	t.Parallel()
	u := uploader(t, uploadtest.New(token))
	long := strings.Repeat("\x01", 1<<20)
	tags := make([]string, 5000)
	for i := range tags {
		tags[i] = long
	}
	sent := importing.Bounded(importing.Row{
		ExternalID: long, UserID: long, Worker: importing.Worker{Source: long, ID: long}, Date: long, Project: long, Task: long,
		Description: long, Seconds: long, StartedAt: long, TimeZone: long, Tags: tags,
	})
	if n := len(u.Encode(nil, sent)); n > 40_000 {
		t.Errorf("a row has %d bytes", n)
	}
	if len(tags[0]) != len(long) {
		t.Error("the tracker's own row was changed")
	}
}

func TestATextThatFitsIsLeftAsItIsAndOneThatDoesNotIsStillTooLong(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Repeat(rapid.StringN(1, 5, -1).Draw(t, "text"), rapid.IntRange(1, 900).Draw(t, "times"))
		got := importing.Bounded(importing.Row{Description: text}).Description
		n := utf8.RuneCountInString(text)
		switch {
		case n <= 2000 && got != text:
			t.Fatalf("a text of %d characters was changed", n)
		case n > 2000 && (utf8.RuneCountInString(got) != 2001 || !strings.HasSuffix(got, "…") || !strings.HasPrefix(text, strings.TrimSuffix(got, "…"))):
			t.Fatalf("of %d characters came %d", n, utf8.RuneCountInString(got))
		case !utf8.ValidString(got):
			t.Fatal("a character was cut in two")
		}
	})
}
