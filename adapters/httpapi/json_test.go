package httpapi

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/gofiber/fiber/v2"
	"github.com/google/go-cmp/cmp"

	"timesheets/domain/fault"
	"timesheets/domain/identity"
)

type named struct {
	Name string `json:"name"`
}

// shape has one member of each kind that bodies have.
type shape struct {
	named
	Text  string   `json:"text"`
	Count int32    `json:"count"`
	Share float64  `json:"share"`
	Sure  bool     `json:"sure"`
	Tags  []string `json:"tags"`
	Inner struct {
		A string `json:"a"`
	} `json:"inner"`
	Maybe *string        `json:"maybe"`
	Any   jsontext.Value `json:"any"`
	Even  even           `json:"even"`
}

// even has rules of its own.
type even struct{ n int }

func (e *even) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if err := json.UnmarshalDecode(dec, &e.n); err != nil {
		return err
	}
	if e.n%2 != 0 {
		return fault.New(fault.Invalid, "odd", "Give an even number.")
	}
	return nil
}

func TestWhatCannotBeReadIsMalformedAndWhatIsNotValidIsNamed(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`[`, 32) + strings.Repeat(`]`, 32)
	for _, tt := range []struct {
		name, body string
		want       string // kind, code, and code at pointer of each field
	}{
		{"nothing", ``, "malformed malformed_json"},
		{"blanks", " \n", "malformed malformed_json"},
		{"half an object", `{"text":`, "malformed malformed_json"},
		{"two objects", `{}{}`, "malformed malformed_json"},
		{"something after it", `{} x`, "malformed malformed_json"},
		{"a comment", `{/**/}`, "malformed malformed_json"},
		{"a comma too many", `{"text":"a",}`, "malformed malformed_json"},
		{"single quotes", `{'text':'a'}`, "malformed malformed_json"},
		{"NaN", `{"share":NaN}`, "malformed malformed_json"},
		{"a leading zero", `{"count":01}`, "malformed malformed_json"},
		{"a byte order mark", "\ufeff{}", "malformed malformed_json"},
		{"UTF-16", "\xff\xfe{\x00}\x00", "malformed malformed_json"},
		{"invalid UTF-8", "{\"text\":\"\xff\"}", "malformed malformed_json"},
		{"half a surrogate pair", `{"text":"\ud800"}`, "malformed malformed_json"},
		{"a control character", "{\"text\":\"\x01\"}", "malformed malformed_json"},
		{"33 levels", `{"any":` + deep + `}`, "malformed malformed_json"},
		{"thousands of levels", strings.Repeat(`{"a":`, 10_000), "malformed malformed_json"},
		{"a member twice", `{"text":"a","text":"b"}`, "malformed duplicate_member duplicate_member@/text"},
		{"a member twice, escaped", `{"text":"a","te\u0078t":"b"}`, "malformed duplicate_member duplicate_member@/text"},
		{"a member twice within", `{"any":{"b":1,"b":2}}`, "malformed duplicate_member duplicate_member@/any/b"},
		{"an unknown member twice", `{"zz":1,"zz":1}`, "malformed duplicate_member duplicate_member@/zz"},

		{"an array", `[]`, "invalid wrong_type wrong_type@"},
		{"null", `null`, "invalid wrong_type wrong_type@"},
		{"a text", `"text"`, "invalid wrong_type wrong_type@"},
		{"an unknown member", `{"zz":1}`, "invalid unknown_member unknown_member@/zz"},
		{"other letters", `{"Text":"a"}`, "invalid unknown_member unknown_member@/Text"},
		{"a name to escape", `{"a/b~c":1}`, "invalid unknown_member unknown_member@/a~1b~0c"},
		{"an unknown member within", `{"inner":{"b":1}}`, "invalid unknown_member unknown_member@/inner/b"},
		{"a number for a text", `{"text":1}`, "invalid wrong_type wrong_type@/text"},
		{"a text for a number", `{"count":"1"}`, "invalid wrong_type wrong_type@/count"},
		{"a fraction for a whole", `{"count":1.5}`, "invalid wrong_type wrong_type@/count"},
		{"a number out of reach", `{"count":3000000000}`, "invalid wrong_type wrong_type@/count"},
		{"a number beyond floats", `{"share":1e400}`, "invalid wrong_type wrong_type@/share"},
		{"a text for a truth", `{"sure":"true"}`, "invalid wrong_type wrong_type@/sure"},
		{"an element of the wrong type", `{"tags":["a",2]}`, "invalid wrong_type wrong_type@/tags/1"},
		{"null for a text", `{"text":null}`, "invalid wrong_type wrong_type@/text"},
		{"null for a text that may be missing", `{"maybe":null}`, "invalid wrong_type wrong_type@/maybe"},
		{"null for an element", `{"tags":[null]}`, "invalid wrong_type wrong_type@/tags/0"},
		{"null within", `{"inner":{"a":null}}`, "invalid wrong_type wrong_type@/inner/a"},
		{"a rule of a type's own", `{"even":3}`, "invalid odd odd@/even"},
		{"several", `{"zz":1,"text":1,"count":"x","inner":{"a":2}}`, "invalid invalid unknown_member@/zz wrong_type@/text wrong_type@/count wrong_type@/inner/a"},

		{"no member", `{}`, ""},
		{"32 levels", `{"any":` + deep[1:len(deep)-1] + `}`, ""},
		{"all members", `{"name":"n","text":"ü\u0000","count":-1,"share":0.5,"sure":true,"tags":["a"],"inner":{"a":"b"},"maybe":"","any":null,"even":2}`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var into shape
			if got := inShort(unmarshalObject([]byte(tt.body), &into)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// inShort is the kind and code of a fault, and code@pointer of its fields.
func inShort(err error) string {
	if err == nil {
		return ""
	}
	f := fault.Of(err)
	short := f.Kind.Error() + " " + f.Code
	for _, field := range f.Fields {
		short += " " + field.Code + "@" + field.Pointer
	}
	return short
}

func TestAGoodBodyIsReadAsItIs(t *testing.T) {
	t.Parallel()
	empty := ""
	var got shape
	if err := unmarshalObject([]byte(`{"name":"n","text":"ü","count":-1,"share":0.5,"sure":true,"tags":["a"],"inner":{"a":"b"},"maybe":"","any":[1],"even":2}`), &got); err != nil {
		t.Fatal(err)
	}
	want := shape{named: named{"n"}, Text: "ü", Count: -1, Share: 0.5, Sure: true, Tags: []string{"a"}, Maybe: &empty, Any: jsontext.Value("[1]"), Even: even{2}}
	want.Inner.A = "b"
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(shape{}, named{}, even{})); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}

func TestNothingOfABodyIsEchoed(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"text":s3cret}`, `{"count":"s3cret"}`, `{"any":{"a":"s3cret","a":1}}`, `{"even":"s3cret"}`, `{"tags":{"s3cret":1}}`} {
		f := fault.Of(unmarshalObject([]byte(body), &shape{}))
		text := f.Text
		for _, field := range f.Fields {
			text += field.Text + field.Pointer
		}
		if strings.Contains(text, "s3cret") {
			t.Errorf("%s: %s", body, text)
		}
	}
}

func TestThereIsAnEndToWhatOneAnswerNames(t *testing.T) {
	t.Parallel()
	var body strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&body, `,"unknown%d":1`, i)
	}
	f := fault.Of(unmarshalObject([]byte("{"+body.String()[1:]+"}"), &shape{}))
	if f.Code != "invalid" || len(f.Fields) != maxFieldFaults {
		t.Errorf("%s with %d fields", f.Code, len(f.Fields))
	}
}

func TestSeveralFaultsBecomeOneThatNamesAllMembers(t *testing.T) {
	t.Parallel()
	a, b := fault.InField("/a", "required", "Give a."), fault.InField("/b", "length", "Too long.")
	missing := fault.New(fault.NotFound, "not_found", "No.")
	for _, tt := range []struct {
		name string
		errs []error
		want string
	}{
		{"none", nil, ""},
		{"none of two", []error{nil, nil}, ""},
		{"one", []error{nil, a}, "invalid required required@/a"},
		{"two", []error{a, nil, b}, "invalid invalid required@/a length@/b"},
		{"another kind goes first", []error{a, missing, b}, "not found not_found"},
		{"a rule about no member goes first", []error{a, fault.New(fault.Invalid, "day_over_24h", "No.")}, "invalid day_over_24h"},
		{"an error that is no fault goes first", []error{a, errors.New("broken")}, "internal error internal"},
	} {
		if got := inShort(together(tt.errs...)); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestABodyIsJSONInUTF8AndNotCompressed(t *testing.T) {
	t.Parallel()
	r := serving(t, configured(), writable("/shape", func(_ context.Context, _ identity.Principal, c *fiber.Ctx) error {
		var body struct {
			Text string `json:"text"`
		}
		if err := readBody(c, &body); err != nil {
			return err
		}
		return answer(c, fiber.StatusOK, body)
	}), writable("/optional", func(_ context.Context, _ identity.Principal, c *fiber.Ctx) error {
		body := named{"as it was"}
		if err := readOptionalBody(c, &body); err != nil {
			return err
		}
		return answer(c, fiber.StatusOK, body)
	}))
	for _, tt := range []struct {
		path, body string
		header     []string
		status     int
		want       string
	}{
		{"/v1/shape", `{"text":"a"}`, nil, 200, `{"text":"a"}`},
		{"/v1/shape", `{"text":"a"}`, []string{"Content-Type", "Application/JSON; charset=UTF-8"}, 200, `{"text":"a"}`},
		{"/v1/shape", `{"text":"a"}`, []string{"Content-Encoding", "identity"}, 200, `{"text":"a"}`},
		{"/v1/shape", ``, []string{"Content-Type", "application/json"}, 400, "malformed_json"},
		{"/v1/shape", `{"text":1}`, nil, 422, "wrong_type"},
		{"/v1/shape", `{"text":"a"}`, []string{"Content-Type", ""}, 415, "unsupported_media_type"},
		{"/v1/shape", `{"text":"a"}`, []string{"Content-Type", "application/json; charset=latin1"}, 415, "unsupported_media_type"},
		{"/v1/shape", `{"text":"a"}`, []string{"Content-Type", "application/json;;="}, 415, "unsupported_media_type"},
		{"/v1/shape", `text=a`, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "unsupported_media_type"},
		{"/v1/shape", `{"text":"a"}`, []string{"Content-Encoding", "gzip"}, 415, "unsupported_media_type"},
		{"/v1/shape", `{"text":"a"}`, []string{"Content-Encoding", "br"}, 415, "unsupported_media_type"},
		{"/v1/optional", ``, nil, 200, `{"name":"as it was"}`},
		{"/v1/optional", " \n", nil, 200, `{"name":"as it was"}`},
		{"/v1/optional", `{}`, nil, 200, `{"name":"as it was"}`},
		{"/v1/optional", `{"name":"new"}`, nil, 200, `{"name":"new"}`},
		{"/v1/optional", `{"nam":"new"}`, nil, 422, "unknown_member"},
	} {
		got := r.call(t, "POST", tt.path, "ann", tt.body, tt.header...)
		is := string(got.body)
		if got.StatusCode >= 400 {
			is = got.problem(t).Code
		}
		if got.StatusCode != tt.status || is != tt.want {
			t.Errorf("%s %q %q: %d %s, want %d %s", tt.path, tt.body, tt.header, got.StatusCode, is, tt.status, tt.want)
		}
	}
}

func FuzzAnyBodyIsReadOrRefused(f *testing.F) {
	for _, seed := range []string{`{}`, `{"text":"a","count":1}`, `{"inner":{"a":null}}`, `[1,{"a":[]}]`, `{"a":1,"a":2}`, `{"even":3,"zz":{}}`, "{\"\xff\":1}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var ours, theirs shape
		err := unmarshalObject(raw, &ours)
		if err != nil {
			if k := fault.Of(err).Kind; k != fault.Malformed && k != fault.Invalid {
				t.Fatalf("%q: %v", raw, err)
			}
			return
		}
		// What is read reads the same to a reader without our rules.
		if err := json.Unmarshal(raw, &theirs); err != nil {
			t.Fatalf("%q is read here and refused elsewhere: %v", raw, err)
		}
		if diff := cmp.Diff(theirs, ours, cmp.AllowUnexported(shape{}, named{}, even{})); diff != "" {
			t.Fatalf("%q: %s", raw, diff)
		}
	})
}
