package integration

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"timesheets/test/integration/apitest"
)

// What the programs of the published scenario send is in testdata/scenario,
// and what they read of the answers stands there too.

func TestTheCronJobOfTheScenario(t *testing.T) {
	t.Parallel()
	api := startScenario(t)
	granted := replay(t, apitest.Issuer(t).URL(), "cron-token", nil)
	var token struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(granted.body, &token); err != nil || token.AccessToken == "" {
		t.Fatalf("the issuer answered %d %s", granted.StatusCode, granted.body)
	}
	upload := func() map[string]any {
		got := replay(t, api.URL, "cron-upload", map[string]string{"token": token.AccessToken})
		got.hold(t, api)
		if got.StatusCode/100 != 2 {
			t.Fatalf("got %d %s", got.StatusCode, got.body)
		}
		var read map[string]any
		if err := json.Unmarshal(got.body, &read); err != nil {
			t.Fatal(err)
		}
		return read
	}
	first, again := upload(), upload()
	for name, want := range map[string]any{"user_id": "007", "date": "2017-05-10", "project": "StoreZero", "hours": 5.0, "approved": false, "created_by": "cron-job"} {
		if first[name] != want {
			t.Errorf("%s is %v, want %v", name, first[name], want)
		}
	}
	if first["id"] != again["id"] || again["version"] != 1.0 {
		t.Errorf("run twice, the job made %v and %v", first, again)
	}
}

func TestThePageOfTheScenario(t *testing.T) {
	t.Parallel()
	api := startScenario(t)
	ann, bob := loggedIn(t, "Ann@ExampleCo.com", "of-ann"), loggedIn(t, "bob@exampleco.com", "of-bob")
	page := func(name string, values map[string]string) replayed {
		got := replay(t, api.URL, name, values)
		if origin := got.Header.Get("Access-Control-Allow-Origin"); origin != "http://localhost:4200" || got.StatusCode/100 != 2 {
			t.Fatalf("%s: got %d for the origin %q: %s", name, got.StatusCode, origin, got.body)
		}
		got.hold(t, api)
		return got
	}
	preflight := func(name, method string) {
		got := page("page-preflight-"+name, map[string]string{"id": "01a1f2d1-d400-7c3b-9f2e-5b8f0c1d2e3f"})
		fields := strings.Split(strings.ToLower(got.Header.Get("Access-Control-Allow-Headers")), ", ")
		if !slices.Contains(strings.Split(got.Header.Get("Access-Control-Allow-Methods"), ", "), method) || !slices.Contains(fields, "authorization") || !slices.Contains(fields, "content-type") {
			t.Fatalf("the browser does not let the page %s: %v", name, got.Header)
		}
	}
	preflight("add", "POST")
	page("page-add", map[string]string{"token": ann})
	preflight("list", "GET")
	listed := page("page-list", map[string]string{"token": ann}).objects(t, "project", "date", "hours")
	if len(listed) != 1 || listed[0]["project"] != "StoreZero" || listed[0]["date"] != "2017-05-10" || listed[0]["hours"] != 5.0 {
		t.Fatalf("ann's page shows %v", listed)
	}
	waiting := page("page-approvals", map[string]string{"token": bob}).objects(t, "id", "user_id", "project", "date", "hours")
	anns := slices.IndexFunc(waiting, func(e map[string]any) bool { return e["user_id"] == "ann@exampleco.com" })
	if anns < 0 {
		t.Fatalf("bob's page does not show what ann added: %v", waiting)
	}
	id := waiting[anns]["id"].(string)
	preflight("approve", "PUT")
	page("page-approve", map[string]string{"token": bob, "id": id})
	for _, e := range page("page-approvals", map[string]string{"token": bob}).objects(t, "id") {
		if e["id"] == id {
			t.Error("what bob approved waits still")
		}
	}
	// The app shows the same list.
	app := replay(t, api.URL, "app-list", map[string]string{"token": ann})
	if seen := app.objects(t, "user_id", "project", "date", "hours", "approved", "id"); len(seen) != 1 || seen[0]["approved"] != true {
		t.Errorf("ann's app shows %v", seen)
	}
}

func TestTheAppOfTheScenario(t *testing.T) {
	t.Parallel()
	api := startScenario(t)
	ann, bob := loggedIn(t, "Ann@ExampleCo.com", "of-ann"), loggedIn(t, "bob@exampleco.com", "of-bob")
	refused := replay(t, api.URL, "app-add", map[string]string{"token": ann})
	refused.hold(t, api)
	var p apitest.Problem
	if err := json.Unmarshal(refused.body, &p); err != nil {
		t.Fatal(err)
	}
	if p.Status != 422 || p.Code != "not_a_date" || !strings.Contains(p.Detail, "YYYY-MM-DD") || len(p.Errors) != 1 || p.Errors[0].Pointer != "/date" {
		t.Errorf("Java's way to write a date is refused with %+v", p)
	}
	entry := api.Machine(t, "").Post(t, "/v1/timesheets/upload", row("app").but(fields{"user_id": "someone"})).Is(t, 201).Entry(t)
	approved := replay(t, api.URL, "app-approve", map[string]string{"token": bob, "id": entry.ID})
	approved.hold(t, api)
	if approved.StatusCode != 200 {
		t.Errorf("approving got %d %s", approved.StatusCode, approved.body)
	}
}

// loggedIn is the access token of a person of the scenario.
func loggedIn(t *testing.T, email, password string) string {
	t.Helper()
	response, err := http.PostForm(apitest.Issuer(t).URL()+"oauth/token", url.Values{
		"grant_type": {"password"}, "client_id": {"web-page"}, "client_secret": {"of-the-web-page"},
		"audience": {apitest.Audience}, "username": {email}, "password": {password},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	defer http.DefaultClient.CloseIdleConnections()
	var token struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(response.Body).Decode(&token); err != nil || token.AccessToken == "" {
		t.Fatalf("%s cannot log in: %d, %v", email, response.StatusCode, err)
	}
	return token.AccessToken
}

// replayed is a request of testdata/scenario and its answer.
type replayed struct {
	*http.Response
	sent, body []byte
}

// hold holds request and answer against the document.
func (r replayed) hold(t *testing.T, api *apitest.API) {
	t.Helper()
	api.Hold(t, r.Request, r.sent, r.Response, r.body)
}

// replay sends a request as it was written down, byte for byte.
func replay(t *testing.T, to, name string, values map[string]string) replayed {
	t.Helper()
	text, err := os.ReadFile("testdata/scenario/" + name + ".http")
	if err != nil {
		t.Fatal(err)
	}
	host := strings.TrimSuffix(strings.TrimPrefix(to, "http://"), "/")
	head, body, _ := strings.Cut(string(text), "\n\n")
	body = strings.TrimSuffix(body, "\n")
	fill := []string{"{{host}}", host, "{{length}}", fmt.Sprint(len(body)), "\n", "\r\n"}
	for value := range values {
		fill = append(fill, "{{"+value+"}}", values[value])
	}
	head = strings.NewReplacer(fill...).Replace(head)
	conn, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, head+"\r\n\r\n"+body); err != nil {
		t.Fatal(err)
	}
	request, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head + "\r\n\r\n")))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), request)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	got, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return replayed{response, []byte(body), got}
}

// objects reads an array of objects that all have the members.
func (r replayed) objects(t *testing.T, members ...string) []map[string]any {
	t.Helper()
	var list []map[string]any
	if err := json.Unmarshal(r.body, &list); err != nil {
		t.Fatalf("%s %s: %v in %s", r.Request.Method, r.Request.URL, err, r.body)
	}
	for _, e := range list {
		for _, name := range members {
			if e[name] == nil {
				t.Errorf("%s %s: %v has no %s", r.Request.Method, r.Request.URL, e, name)
			}
		}
	}
	return list
}
