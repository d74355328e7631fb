package httpapi

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"regexp"
	"strings"

	"github.com/gofiber/fiber/v2"
	swaggerui "github.com/swaggo/files/v2"

	"timesheets/domain/fault"
)

// Pages of our own; everything else that they need is Swagger UI's.
//
//go:embed docs
var docsFiles embed.FS

// pagePolicy lets a page load what this API serves and nothing else, run no
// inline script, and stand in nobody's frame. Swagger UI's style sheet has its
// icons as data URLs.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// documentation is what people read at /docs: the contract, and what every
// problem means. It needs no network but this API.
type documentation struct {
	index, problems asset
	files           map[string]asset // by their name under /docs/
}

// newDocumentation fails only when a file in the program is broken, which a
// test rules out.
func newDocumentation(d contract) (documentation, error) {
	index, err := fs.ReadFile(docsFiles, "docs/index.html")
	if err != nil {
		return documentation{}, fmt.Errorf("documentation: %w", err)
	}
	problems, err := problemsPage(d.problems)
	if err != nil {
		return documentation{}, fmt.Errorf("documentation: %w", err)
	}
	docs := documentation{
		index:    newAsset(fiber.MIMETextHTMLCharsetUTF8, index),
		problems: newAsset(fiber.MIMETextHTMLCharsetUTF8, problems),
		files:    map[string]asset{},
	}
	for _, file := range []struct {
		from              fs.FS
		path, name, media string
	}{
		{swaggerui.FS, "swagger-ui-bundle.js", "swagger-ui-bundle.js", fiber.MIMETextJavaScriptCharsetUTF8},
		{swaggerui.FS, "swagger-ui.css", "swagger-ui.css", "text/css; charset=utf-8"},
		{swaggerui.FS, "favicon-32x32.png", "favicon.png", "image/png"},
		{docsFiles, "docs/start.js", "start.js", fiber.MIMETextJavaScriptCharsetUTF8},
		{docsFiles, "docs/page.css", "page.css", "text/css; charset=utf-8"},
	} {
		data, err := fs.ReadFile(file.from, file.path)
		if err != nil {
			return documentation{}, fmt.Errorf("documentation: %w", err)
		}
		docs.files[file.name] = newAsset(file.media, data)
	}
	return docs, nil
}

// page answers GET /docs. Its links are relative, so that it works behind a
// proxy that puts something before the path; with a slash at the end they
// would lead astray.
func (d documentation) page(c *fiber.Ctx) error {
	if strings.HasSuffix(c.Path(), "/") {
		return c.Redirect("../docs", fiber.StatusPermanentRedirect)
	}
	return d.index.send(c)
}

// problemCodes answers GET /docs/problems.
func (d documentation) problemCodes(c *fiber.Ctx) error { return d.problems.send(c) }

// file answers GET /docs/:file with what the pages load.
func (d documentation) file(c *fiber.Ctx) error {
	a, ok := d.files[c.Params("file")]
	if !ok {
		return fault.New(fault.NotFound, "not_found", "There is no such page. The documentation begins at /docs.")
	}
	return a.send(c)
}

// problemCode is one row of the document's table of problems. All but Code and
// Status are Markdown with nothing in it but code spans.
type problemCode struct{ Code, Status, Means, Do string }

// problemRow matches | `code` | status | means | do |, one row of the table.
var problemRow = regexp.MustCompile("(?m)^\\| `([a-z0-9_]+)` \\| ([0-9, ]+) \\| ([^|]+) \\| ([^|]+) \\|$")

// readProblemCodes reads the table in the description of the document's schema
// ProblemCode.
func readProblemCodes(description string) []problemCode {
	rows := problemRow.FindAllStringSubmatch(description, -1)
	codes := make([]problemCode, len(rows))
	for i, cell := range rows {
		codes[i] = problemCode{cell[1], cell[2], cell[3], cell[4]}
	}
	return codes
}

var codeSpan = regexp.MustCompile("`([^`]*)`")

// problemsPage writes the page on which every problem's type is an anchor.
func problemsPage(codes []problemCode) ([]byte, error) {
	page, err := template.New("problems.html").Funcs(template.FuncMap{
		"markdown": func(s string) template.HTML {
			//nolint:gosec // Escaped on this line, and ours to begin with.
			return template.HTML(codeSpan.ReplaceAllString(template.HTMLEscapeString(s), "<code>$1</code>"))
		},
	}).ParseFS(docsFiles, "docs/problems.html")
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = page.Execute(&out, codes)
	return out.Bytes(), err
}

// asset is something that never changes while the program runs.
type asset struct {
	media, etag string
	data        []byte
}

func newAsset(media string, data []byte) asset {
	sum := sha256.Sum256(data)
	return asset{media, `"` + hex.EncodeToString(sum[:12]) + `"`, data}
}

// send answers with the asset, or with 304 to a client that has it.
func (a asset) send(c *fiber.Ctx) error {
	c.Set(fiber.HeaderContentType, a.media)
	c.Set(fiber.HeaderETag, a.etag)
	c.Set(fiber.HeaderCacheControl, "public, no-cache")
	if strings.HasPrefix(a.media, fiber.MIMETextHTML) {
		c.Set(fiber.HeaderContentSecurityPolicy, pagePolicy)
	}
	// Fresh takes any If-Modified-Since for "not modified", and nothing here has
	// a date (RFC 9110, section 13.1.3).
	if c.Get(fiber.HeaderIfNoneMatch) != "" && c.Fresh() {
		return c.SendStatus(fiber.StatusNotModified)
	}
	return c.Send(a.data)
}
