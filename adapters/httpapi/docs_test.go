package httpapi

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"timesheets/domain/fault"
	"timesheets/test/fixture"
)

// documentationApp serves the documentation alone, at the paths that routes.go
// gives it.
func documentationApp(t *testing.T) *fiber.App {
	t.Helper()
	contract, err := readContract()
	if err != nil {
		t.Fatal(err)
	}
	docs, err := newDocumentation(contract)
	if err != nil {
		t.Fatal(err)
	}
	app := fiber.New(fiber.Config{ErrorHandler: func(c *fiber.Ctx, err error) error {
		if errors.Is(err, fault.NotFound) {
			return c.SendStatus(fiber.StatusNotFound)
		}
		return fiber.DefaultErrorHandler(c, err)
	}})
	app.Get("/openapi.yaml", contract.openAPIYAML)
	app.Get("/openapi.json", contract.openAPIJSON)
	app.Get("/docs", docs.page)
	app.Get("/docs/problems", docs.problemCodes)
	app.Get("/docs/:file", docs.file)
	return app
}

func getPage(t *testing.T, app *fiber.App, path string, header ...string) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := app.Test(r, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(body)
}

var pageReference = regexp.MustCompile(`(?:src|href)="([^"]*)"`)

func TestPagesLoadNothingFromElsewhereAndAllTheyNeedIsServed(t *testing.T) {
	t.Parallel()
	app := documentationApp(t)
	for _, path := range []string{"/docs", "/docs/problems"} {
		answer, page := getPage(t, app, path)
		if answer.StatusCode != http.StatusOK {
			t.Fatalf("%s answers %s", path, answer.Status)
		}
		if got := answer.Header.Get("Content-Type"); got != "text/html; charset=utf-8" {
			t.Errorf("%s has the type %q", path, got)
		}
		policy := answer.Header.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none';") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") {
			t.Errorf("%s has the policy %q", path, policy)
		}
		base := answer.Request.URL
		found := 0
		for _, match := range pageReference.FindAllStringSubmatch(page, -1) {
			link, err := base.Parse(match[1])
			if err != nil || link.Host != base.Host {
				t.Errorf("%s refers to %q, which is elsewhere", path, match[1])
				continue
			}
			if got, _ := getPage(t, app, link.Path); got.StatusCode != http.StatusOK {
				t.Errorf("%s refers to %s, which answers %s", path, link.Path, got.Status)
			}
			found++
		}
		if found < 3 {
			t.Errorf("%s has %d references, this test sees too few", path, found)
		}
		// The policy would stop these without a word.
		for _, inline := range []string{"<style", "style=", "onclick=", "<script>"} {
			if strings.Contains(page, inline) {
				t.Errorf("%s has %s, which its policy forbids", path, inline)
			}
		}
	}
}

func TestOnlyWhatThePagesNeedIsServed(t *testing.T) {
	t.Parallel()
	app := documentationApp(t)
	for _, path := range []string{
		"/docs/swagger-ui-bundle.js.map", "/docs/swagger-ui.css.map", "/docs/index.html", "/docs/swagger-initializer.js",
		"/docs/problems.html", "/docs/docs.go", "/docs/..%2fopenapi.go", "/docs/%2e%2e", "/docs/a/b",
	} {
		if answer, _ := getPage(t, app, path); answer.StatusCode != http.StatusNotFound {
			t.Errorf("%s answers %s, want 404", path, answer.Status)
		}
	}
}

// Links in the page are relative: with a slash at the end they would lead
// astray.
func TestASlashAtTheEndLeadsToThePage(t *testing.T) {
	t.Parallel()
	answer, _ := getPage(t, documentationApp(t), "/docs/")
	location, err := answer.Location()
	if err != nil || answer.StatusCode != http.StatusPermanentRedirect || location.Path != "/docs" {
		t.Errorf("got %s to %v (%v), want 308 to /docs", answer.Status, location, err)
	}
}

func TestTheDocumentIsServedInBothForms(t *testing.T) {
	t.Parallel()
	fixture.Long(t)
	app := documentationApp(t)
	for path, media := range map[string]string{"/openapi.yaml": "application/yaml", "/openapi.json": "application/json"} {
		answer, body := getPage(t, app, path)
		if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != media {
			t.Errorf("%s answers %s, %s", path, answer.Status, answer.Header.Get("Content-Type"))
		}
		if err := loadContract(t, []byte(body)).Validate(t.Context()); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		tag := answer.Header.Get("ETag")
		if again, body := getPage(t, app, path, "If-None-Match", tag); again.StatusCode != http.StatusNotModified || body != "" {
			t.Errorf("%s: asked again with its ETag, answers %s with %d bytes", path, again.Status, len(body))
		}
		if dated, _ := getPage(t, app, path, "If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT"); dated.StatusCode != http.StatusOK {
			t.Errorf("%s: asked whether it is newer than 1970, answers %s", path, dated.Status)
		}
		if other, _ := getPage(t, app, path, "If-None-Match", `"other"`); other.StatusCode != http.StatusOK {
			t.Errorf("%s: asked with another ETag, answers %s", path, other.Status)
		}
	}
}

func TestEveryProblemHasItsPlaceOnThePage(t *testing.T) {
	t.Parallel()
	contract, err := readContract()
	if err != nil {
		t.Fatal(err)
	}
	if len(contract.problems) < 50 {
		t.Fatalf("%d problems were read, want at least 50", len(contract.problems))
	}
	_, page := getPage(t, documentationApp(t), "/docs/problems")
	for _, p := range contract.problems {
		if strings.Count(page, `<section id="`+p.Code+`">`) != 1 {
			t.Errorf("%s has no anchor, or several", p.Code)
		}
	}
	// Code spans become elements, and everything else stays text.
	if strings.Contains(page, "`") || !strings.Contains(page, "<code>Authorization: Bearer &lt;token&gt;</code>") {
		t.Error("code spans are not written as elements, with their text escaped")
	}
}
