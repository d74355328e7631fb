package httpapi

import (
	"net/url"

	"github.com/gofiber/fiber/v2"

	"timesheets/domain/identity"
)

const metadataPath = "/.well-known/oauth-protected-resource"

// metadata is what RFC 9728, section 2, says about this API.
type metadata struct {
	Resource      string           `json:"resource"`
	Servers       []string         `json:"authorization_servers"`
	Scopes        []identity.Scope `json:"scopes_supported"`
	BearerMethods []string         `json:"bearer_methods_supported"`
	Name          string           `json:"resource_name"`
}

// describe answers GET /.well-known/oauth-protected-resource, and the same with
// the path of the API identifier behind it, where clients look that know only
// the identifier (RFC 9728, section 3.1). It says the same to everyone.
func (s *Server) describe(c *fiber.Ctx) error {
	if behind := c.Path()[len(metadataPath):]; behind != "" && behind != resourcePath(s.config.Resource) {
		return fiber.ErrNotFound
	}
	c.Set(fiber.HeaderAccessControlAllowOrigin, "*")
	c.Set(fiber.HeaderCacheControl, "public, max-age=3600")
	return answer(c, fiber.StatusOK, metadata{
		Resource:      s.config.Resource,
		Servers:       s.config.Issuers,
		Scopes:        identity.Scopes(),
		BearerMethods: []string{"header"},
		Name:          "Timesheets API",
	})
}

// metadataURL is where a client that was refused finds the metadata.
func (s *Server) metadataURL() string {
	return s.config.PublicURL + metadataPath + resourcePath(s.config.Resource)
}

// resourcePath is the path of an identifier that is a URL, "" of any other.
func resourcePath(resource string) string {
	u, err := url.Parse(resource)
	if err != nil || u.Host == "" || u.Path == "/" {
		return ""
	}
	return u.EscapedPath()
}
