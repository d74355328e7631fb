package auth0

import (
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"
)

// newHTTPClient makes a client for answers that are not trusted: it follows no
// redirect (which could lead to somebody else's keys), gives up after timeout,
// and fails a body that is longer than maxBody bytes.
func newHTTPClient(timeout time.Duration, maxBody int64, observe func(http.RoundTripper) http.RoundTripper) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxResponseHeaderBytes = 64 << 10
	transport.DisableKeepAlives = true // minutes lie between two requests
	var network http.RoundTripper = transport
	if observe != nil {
		network = observe(network)
	}
	return &http.Client{
		Timeout:       timeout,
		Transport:     bounded{network, maxBody},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// bounded is a transport whose bodies end in an error after maxBody bytes.
type bounded struct {
	next    http.RoundTripper
	maxBody int64
}

func (b bounded) RoundTrip(request *http.Request) (*http.Response, error) {
	answer, err := b.next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	answer.Body = http.MaxBytesReader(nil, answer.Body, b.maxBody)
	return answer, nil
}

// checkJSON is nil for a 200 of a JSON type.
func checkJSON(answer *http.Response) error {
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", answer.StatusCode)
	}
	kind, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" && !strings.HasSuffix(kind, "+json") {
		return fmt.Errorf("an answer that is not JSON")
	}
	return nil
}
