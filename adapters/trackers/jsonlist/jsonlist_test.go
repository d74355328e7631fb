package jsonlist_test

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"timesheets/adapters/trackers/jsonlist"
	"timesheets/test/fixture"
)

// allowTwice leaves names given twice to the reader of an element.
var allowTwice = jsontext.AllowDuplicateNames(true)

// read gives the elements as text, and the error that came last.
func read(r io.Reader) (elements []string, err error) {
	for value, err := range jsonlist.Elements(r) {
		if err != nil {
			return elements, err
		}
		elements = append(elements, string(value))
	}
	return elements, nil
}

func TestElementsAreGivenOneByOneAsTheyStand(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		text string
		want []string
	}{
		{"none", "[]", nil},
		{"none, as Timewarrior writes it", "[\n]\n", nil},
		{"of any kind", `[{"a":1},[2],"3",4,null,true]`, []string{`{"a":1}`, `[2]`, `"3"`, `4`, `null`, `true`}},
		{"with members named twice", `[{"a":1,"a":2}]`, []string{`{"a":1,"a":2}`}},
		{"with numbers of any size", `[1e309,12345678901234567890]`, []string{`1e309`, `12345678901234567890`}},
		{"with characters beyond the BMP", `["😀","\ud83d\ude00"]`, []string{`"😀"`, `"\ud83d\ude00"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := read(iotest.OneByteReader(strings.NewReader(tt.text)))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWhatIsNoCharacterBecomesNUL(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, element, want string }{
		{"a lone high surrogate", `"a\ud800b"`, `"a\u0000b"`},
		{"a lone low surrogate", `"\udc00"`, `"\u0000"`},
		{"surrogates in the wrong order", `"\ude00\ud83d"`, `"\u0000\u0000"`},
		{"a high surrogate before a letter's escape", `"\ud83d\u0041"`, `"\u0000\u0041"`},
		{"a byte that is not UTF-8", "\"a\xffb\"", `"a\u0000b"`},
		{"half of a character", "\"\xe2\x82\"", `"\u0000\u0000"`},
		{"in the name of a member", `{"\ud800":"\\ud800"}`, `{"\u0000":"\\ud800"}`},
		{"beside other escapes", `"\ud800\n\"\\é😀"`, `"\u0000\n\"\\é😀"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := read(strings.NewReader("[" + tt.element + `,"next"]`))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{tt.want, `"next"`}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestABrokenArrayEndsWithAnErrorAfterItsGoodElements(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		text string
		good int
		says string
	}{
		{"nothing at all", "", 0, "ends too early"},
		{"a page of HTML", "<html>", 0, "byte 0"},
		{"an object", `{"code":500,"message":"Internal"}`, 0, "no JSON array"},
		{"a string", `"[]"`, 0, "no JSON array"},
		{"no end", `[1,2`, 2, "ends too early"},
		{"an end in the middle of an element", `[1,{"a":"b`, 1, "element 2"},
		{"no comma", `[1 2]`, 1, "element 2"},
		{"a comma too many", `[1,]`, 1, "element 2"},
		{"text after the end", `[1] x`, 1, "after the end"},
		{"a second array", `[1][2]`, 1, "after the end"},
		{"a control character in text", "[1,\"\n\"]", 1, "element 2"},
		{"nesting without end", "[" + strings.Repeat("[", 20_000), 0, "element 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := read(strings.NewReader(tt.text))
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got error %v, want one that says %q", err, tt.says)
			}
			if len(got) != tt.good {
				t.Errorf("got %d elements %q, want %d", len(got), got, tt.good)
			}
		})
	}
}

func TestAnElementWithoutEndDoesNotFillTheMemory(t *testing.T) {
	t.Parallel()
	_, err := read(io.MultiReader(strings.NewReader(`[1,"`), endless{}))
	if !errors.Is(err, jsonlist.ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
}

// endless is a text of the letter x that never ends.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestManyElementsMayBeLargerInAllThanOneMay(t *testing.T) {
	t.Parallel()
	fixture.Long(t)
	element := `"` + strings.Repeat("x", jsonlist.MaxElement/4) + `"`
	got := 0
	for _, err := range jsonlist.Elements(strings.NewReader("[" + strings.Repeat(element+",", 9) + element + "]")) {
		if err != nil {
			t.Fatal(err)
		}
		got++
	}
	if got != 10 {
		t.Errorf("got %d elements, want 10", got)
	}
}

func TestAFailingReaderIsToldApartFromBadText(t *testing.T) {
	t.Parallel()
	broken := errors.New("the line is dead")
	_, err := read(io.MultiReader(strings.NewReader(`[1,2,`), iotest.ErrReader(broken)))
	if !errors.Is(err, broken) {
		t.Errorf("got %v, want the reader's error", err)
	}
}

func TestReadingMayStopAtAnyElement(t *testing.T) {
	t.Parallel()
	for value, err := range jsonlist.Elements(strings.NewReader(`[1,2,broken`)) {
		if err != nil || string(value) != "1" {
			t.Fatalf("got %s, %v", value, err)
		}
		break
	}
}

func TestWhateverJSONIsWrittenIsReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOf(rapid.String()).Draw(t, "texts")
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			text = []byte("[]")
		}
		var got []string
		for value, err := range jsonlist.Elements(strings.NewReader(string(text))) {
			if err != nil {
				t.Fatal(err)
			}
			var s string
			if err := json.Unmarshal(value, &s); err != nil {
				t.Fatal(err)
			}
			got = append(got, s)
		}
		if len(got)+len(want) > 0 && !cmp.Equal(want, got) {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
}

func FuzzElementsAreValidJSONWhateverComes(f *testing.F) {
	for _, seed := range []string{"[]", `[{"a":"\ud800"}]`, "[\"\xff\",1e309]", `[[[[`, `[1,2`, `{"a":1}`, `["\\\ud83d\ude00\u0000"]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for value, err := range jsonlist.Elements(strings.NewReader(string(text))) {
			if err != nil {
				return
			}
			if !value.IsValid() && !value.IsValid(allowTwice) {
				t.Fatalf("%q gives the element %q", text, value)
			}
		}
	})
}
